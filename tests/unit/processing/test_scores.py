"""Rows under a model: what is written of each, where it stands, and how many lie beyond the limits."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from processing import csv_files
from processing.__main__ import main
from tests.processing_job import Job

FloatArray = NDArray[np.float64]
MEAN, SCALE = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])
COMPONENTS = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0][:, :2]
PRECISIONS = np.array([2.0, 0.5])
LIMITS = {"t_squared_limits": np.array([3.0, 5.0]), "q_limits": np.array([1.0, 2.0])}
HEADER = ["file", "row", "PC1", "PC2", "T2", "Q", "T2_beyond", "Q_beyond"]
LEVELS = ("T2_95", "T2_99", "Q_95", "Q_99", "either_95", "either_99")


class ScoringJob(Job):
    """A job that has a model of three columns."""

    def score(self, columns: str = "a,b,c", model: dict[str, Any] | None = None, **options: Any) -> int:
        arrays = {"mean": MEAN, "scale": SCALE, "components": COMPONENTS, "precisions": PRECISIONS, **LIMITS}
        arrays["fill"] = np.array([10.0, 20.0, 30.0])
        np.savez(self.folder / "model.npz", **{**arrays, **(model or {})})
        given = {"scores_dir": self.scores_dir, "model": self.folder / "model.npz", **options}
        arguments = self.arguments(columns, **given)
        return main([argument for argument in arguments if not argument.startswith("--features-dir")])

    @property
    def scores_dir(self) -> Path:
        return self.folder / "scores"

    def rows(self) -> list[dict[str, str]]:
        return [
            row for part in sorted(self.scores_dir.iterdir()) for row in csv.DictReader(io.StringIO(part.read_text()))
        ]


@pytest.fixture
def job(tmp_path: Path) -> ScoringJob:
    return ScoringJob(tmp_path)


def scores_of(values: FloatArray) -> FloatArray:
    """Projections from PC1 on, T² and Q, each row by itself."""
    found = []
    for row in values:
        z = (row - MEAN) / SCALE
        t = COMPONENTS.T @ z
        found.append([t[1], t[0], t[0] ** 2 * 2 + t[1] ** 2 / 2, np.sum((z - COMPONENTS @ t) ** 2)])
    return np.array(found)


def text_of(values: FloatArray, *, header: str = "a,b,c") -> str:
    return "\n".join([header, *(",".join(map(repr, row)) for row in values.tolist()), ""])


@pytest.mark.parametrize("block", [200, 100_000])
def test_each_row_of_each_file_has_its_scores_and_its_place(
    job: ScoringJob, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", block)
    values = np.random.default_rng(1).normal(size=(250, 3)) * 3
    job.add("a.csv", text_of(values[:100]))
    job.add("b.csv.gz", text_of(values[100:]))
    assert job.score(part_rows=60, sample_rows=20) == 0
    rows = job.rows()
    assert list(rows[0]) == HEADER
    numbers = np.array([[float(row[name]) for name in HEADER[2:]] for row in rows])
    expected = scores_of(values)
    np.testing.assert_allclose(numbers[:, :4], expected, rtol=1e-12, atol=1e-14)
    assert [(row["file"], int(row["row"])) for row in rows] == [
        *(("a.csv", place) for place in range(1, 101)),
        *(("b.csv.gz", place) for place in range(1, 151)),
    ]
    levels = [np.where(column > high, 99, np.where(column > low, 95, 0)) for column, (low, high) in zip(
        expected[:, 2:].T, LIMITS.values(), strict=True
    )]  # fmt: skip
    assert numbers[:, 4:].T.tolist() == np.array(levels).tolist()
    moments = job.moments()
    sizes = [{"name": part.name, "rows": 60, "bytes": part.stat().st_size} for part in sorted(job.scores_dir.iterdir())]
    sizes[-1]["rows"] = 10
    assert (moments["scores"], moments["parts"]) == (sizes, [])
    sample = job.sample()
    np.testing.assert_allclose(sample["scores"][:, [1, 0, 2, 3]], scores_of(sample["rows"]), rtol=1e-12, atol=1e-14)


def test_parquet_holds_the_same(job: ScoringJob) -> None:
    values = np.random.default_rng(1).normal(size=(50, 3)) * 3
    job.add("a.csv", text_of(values))
    assert job.score(scores_format="parquet", part_rows=30) == 0
    table = pa.concat_tables([pq.read_table(part) for part in sorted(job.scores_dir.iterdir())])
    assert table.column_names == HEADER
    numbers = np.array([table[name].to_pylist() for name in HEADER[2:6]]).T
    np.testing.assert_allclose(numbers, scores_of(values), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("on_bad_rows", ["fail", "skip"])
def test_id_columns_go_along_as_they_stand_in_the_file(job: ScoringJob, on_bad_rows: str) -> None:
    job.add("a.csv", 'who,a,b,c,when\nNA,1,2,3,007\n"x, y",4,5,6,\n,7,8,9,1e3\n')
    assert job.score(id_columns="when,who,a", on_bad_rows=on_bad_rows) == 0
    rows = job.rows()
    assert list(rows[0]) == ["file", "row", "when", "who", "a", *HEADER[2:]]
    assert [(row["when"], row["who"], row["a"]) for row in rows] == [
        ("007", "NA", "1"),
        ("", "x, y", "4"),
        ("1e3", "", "7"),
    ]


def test_ids_of_parquet_files_become_text(job: ScoringJob) -> None:
    table = pa.table({"id": [7, 8], "a": [1.0, 2.0], "b": [1, 2], "c": [0.5, 1.5]})
    pq.write_table(table, job.raw / "a.parquet")
    assert job.score(id_columns="id") == 0
    assert [row["id"] for row in job.rows()] == ["7", "8"]


def test_rows_that_are_skipped_or_dropped_leave_the_numbers_and_ids_of_the_others(job: ScoringJob) -> None:
    job.add("a.csv", "id,a,b,c\np,1,2,3\nq,1,2\nr,1,NA,3\ns,x,2,3\n\nt,1,1e39,3\nu,7,8,9\n")
    options: dict[str, Any] = {"on_bad_rows": "skip", "max_bad_fraction": 1, "missing_values": "drop"}
    assert job.score(id_columns="id", **options) == 0
    assert [(row["row"], row["id"]) for row in job.rows()] == [("1", "p"), ("6", "u")]
    assert job.moments()["exceedances"]["files"][0]["rows"] == 2


def test_gaps_take_the_means_of_the_models_data_and_no_other_pass(
    job: ScoringJob, capsys: pytest.CaptureFixture[str]
) -> None:
    job.add("a.csv", "a,b,c\n1,,3\n,5,NA\n")
    assert job.score(missing_values="mean") == 0
    numbers = [[float(row[name]) for name in HEADER[2:6]] for row in job.rows()]
    np.testing.assert_allclose(numbers, scores_of(np.array([[1.0, 20, 3], [10, 5, 30]])))
    assert "profile" not in capsys.readouterr().out


def test_several_hosts_need_no_profile_for_gaps_where_there_is_a_model(tmp_path: Path) -> None:
    job = ScoringJob(tmp_path, "algo-2", ("algo-1", "algo-2"))
    job.add("b.csv", "a,b,c\n1,,3\n")
    assert job.score(missing_values="mean") == 0


def test_rows_beyond_limits_are_counted_by_file_and_by_window(job: ScoringJob) -> None:
    values = np.random.default_rng(3).normal(size=(95, 3)) * 3
    job.add("a.csv", text_of(values[:70]))
    job.add("b.csv", text_of(values[70:]))
    assert job.score(window_rows=30) == 0
    found = job.moments()["exceedances"]
    assert [entry["rows"] for entry in found["files"]] == [70, 25]
    windows = [(entry["name"], entry["first_row"], entry["last_row"], entry["rows"]) for entry in found["windows"]]
    assert windows == [("a.csv", 1, 30, 30), ("a.csv", 31, 60, 30), ("a.csv", 61, 90, 10), ("b.csv", 1, 30, 25)]
    expected = scores_of(values)
    beyond = np.array(
        [
            *(expected[:, 2] > LIMITS["t_squared_limits"][:, np.newaxis]),
            *(expected[:, 3] > LIMITS["q_limits"][:, np.newaxis]),
        ]
    )
    counts = np.array([*beyond, *(beyond[:2] | beyond[2:])])
    assert [[entry[name] for name in LEVELS] for entry in found["files"]] == [
        counts[:, :70].sum(axis=1).tolist(),
        counts[:, 70:].sum(axis=1).tolist(),
    ]
    for place, rows in enumerate((slice(0, 30), slice(30, 60), slice(60, 70), slice(70, 95))):
        assert [found["windows"][place][name] for name in LEVELS] == counts[:, rows].sum(axis=1).tolist()


def test_nothing_is_beyond_a_limit_that_there_is_not(job: ScoringJob) -> None:
    job.add("a.csv", "a,b,c\n1e6,2e6,3e6\n")
    assert job.score(model={"t_squared_limits": np.full(2, np.nan), "q_limits": np.full(2, np.nan)}) == 0
    assert [(row["T2_beyond"], row["Q_beyond"]) for row in job.rows()] == [("0", "0")]


def test_features_and_scores_may_be_written_in_one_pass(job: ScoringJob) -> None:
    job.add("a.csv", "a,b,c\n1,2,3\n4,5,6\n")
    assert job.score() == 0
    alone = job.rows()
    arguments = job.arguments("a,b,c", scores_dir=job.scores_dir, model=job.folder / "model.npz")
    assert main(arguments) == 0
    assert job.rows() == alone
    assert job.features().tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("columns", "options", "problem"),
    [
        ("a,b,c", {"id_columns": "who"}, "a.csv has no column 'who'"),
        ("a,b,c", {"id_columns": "PC2,file"}, "id_columns names PC2, file, which scored rows have by themselves"),
        ("a,b", {}, "model.npz is a model of 3 columns; feature_columns names 2"),
    ],
)
def test_what_cannot_be_scored_is_refused_and_leaves_nothing(
    job: ScoringJob, columns: str, options: dict[str, Any], problem: str
) -> None:
    job.add("a.csv", "a,b,c,PC2,file\n1,2,3,4,5\n")
    assert job.score(columns, **options) == 1
    assert problem in job.message()
    assert not job.scores_dir.exists() or not list(job.scores_dir.iterdir())


def test_a_bad_row_in_the_middle_leaves_no_part(job: ScoringJob) -> None:
    job.add("a.csv", "a,b,c\n1,2,3\n4,x,6\n")
    assert job.score() == 1
    assert not list(job.scores_dir.iterdir())


def test_scores_need_a_model(job: ScoringJob) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(job.arguments("a,b,c", scores_dir=job.scores_dir))
