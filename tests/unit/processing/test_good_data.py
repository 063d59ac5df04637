"""Good data: what becomes of it."""

import struct
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from processing import csv_files, progress
from processing.__main__ import main
from tests.processing_job import Job

HEADER = "Real Time,Ch5,Ch6,Ch7,Ch8,BioRadio Event,"
ROWS = [
    "2021-12-09 12:20:46.393500,0.005,0.1,1e-3,-2,,",
    "2021-12-09 12:20:46.395500,0.006,,3,4.5,1,",
    "2021-12-09 12:20:46.397500,0.007,0.3,NaN,7,,",
]
CHANNELS = "Ch5,Ch6,Ch7,Ch8"
FILLED = [[0.005, 0.1, 1e-3, -2], [0.006, 0, 3, 4.5], [0.007, 0.3, 0, 7]]


def lines(*rows: str) -> str:
    return "\n".join([*rows, ""])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lines(HEADER, *ROWS), id="header and rows end in a comma"),
        pytest.param(lines(HEADER, *(row[:-1] for row in ROWS)), id="the header alone ends in a comma"),
        pytest.param(lines(HEADER[:-1], *ROWS), id="the rows alone end in a comma"),
        pytest.param(lines(HEADER[:-1], *(row[:-1] for row in ROWS)), id="nothing ends in a comma"),
        pytest.param("\ufeff" + lines(HEADER, *ROWS), id="byte order mark"),
        pytest.param("\r\n".join([HEADER, *ROWS]), id="line ends of Windows, none at the end"),
        pytest.param(f"{HEADER}\r\n{ROWS[0]}\n{ROWS[1]}\r{ROWS[2]}\r\n", id="mixed line ends"),
        pytest.param(lines("", HEADER, "", *ROWS, "", ""), id="blank lines"),
        pytest.param(lines(HEADER, *ROWS).replace("Ch6", " Ch6 ").replace("0.1", ' "0.1"'[1:]), id="spaces and quotes"),
        pytest.param(lines(HEADER, *ROWS).replace("4.5,1,", '4.5,"one, ""two""",'), id="quotes in quotes"),
        pytest.param("\r".join([HEADER, *ROWS]), id="line ends of old Macs"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".CSV"])
def test_recordings_become_headerless_features(job: Job, text: str, suffix: str) -> None:
    job.add(f"recording{suffix}", text)
    assert job.run(CHANNELS) == 0
    np.testing.assert_array_equal(job.features(), np.array(FILLED, np.float32))
    assert job.moments()["null_count"] == [0, 1, 1, 0]


def test_columns_come_in_the_order_asked_for(job: Job) -> None:
    job.add("r.csv", lines('a,"b, c",d', "1,2,3", "4,5,6"))
    assert job.run('d,"b, c"') == 0
    assert job.parts()[0].read_text() == "3,2\n6,5\n"
    assert job.moments()["feature_columns"] == ["d", "b, c"]


@pytest.mark.parametrize(
    ("delimiter", "decimal", "text"),
    [
        (";", ",", "t;a;b\nx;1,5;-2\ny;;3e2\n"),
        (";", ".", "t;a;b\n1,2;1.5;-2\n1,2;;3e2\n"),
        ("\\t", ".", "t\ta\tb\nx\t1.5\t-2\ny\t\t3e2\n"),
        ("|", ",", "t|a|b\nx|1,5|-2\ny||3e2\n"),
        (",", ",", 't,a,b\nx,"1,5",-2\ny,,"3e2"\n'),
    ],
)
@pytest.mark.parametrize("on_bad_rows", ["fail", "skip"])
def test_other_separators_and_decimal_commas(
    job: Job, delimiter: str, decimal: str, text: str, on_bad_rows: str
) -> None:
    job.add("r.csv", text)
    assert job.run("a,b", delimiter=delimiter, decimal=decimal, on_bad_rows=on_bad_rows) == 0
    assert job.features().tolist() == [[1.5, -2], [0, 300]]


def test_parquet_holds_numbers_of_any_type(job: Job) -> None:
    table = pa.table(
        {
            "b": pa.array([1, None, 3], pa.int16()),
            "name": ["x", "y", "z"],
            "a": pa.array([1.5, float("nan"), -2.0], pa.float32()),
            "c": pa.array([Decimal("1.25"), None, Decimal("3.00")]),
        }
    )
    pq.write_table(table, job.raw / "r.parquet")
    assert job.run("a,b,c") == 0
    assert job.features().tolist() == [[1.5, 1, 1.25], [0, 0, 0], [-2, 3, 3]]
    assert job.moments()["null_count"] == [1, 1, 1]


def test_files_at_any_depth_are_read_in_order_of_name_and_others_are_named(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("b.csv", 3), ("a/z.csv.gz", 1), ("a/zz.csv", 2)):
        job.add(name, f"a,b\n{value},0\n")
    job.add("notes.txt", "no data")
    assert job.run() == 0
    assert job.features()[:, 0].tolist() == [1, 2, 3]
    assert [file["name"] for file in job.moments()["files"]] == ["a/z.csv.gz", "a/zz.csv", "b.csv"]
    assert "ignored, for ending in none of .csv, .csv.gz, .parquet: notes.txt" in capsys.readouterr().out


def test_features_read_back_as_the_same_float32(job: Job) -> None:
    values = np.random.default_rng(1).normal(0.005, 0.001, (5000, 2)) * np.logspace(-30, 30, 5000)[:, np.newaxis]
    job.add("r.csv", lines("a,b", *(f"{a!r},{b!r}" for a, b in values.tolist())))
    assert job.run() == 0
    np.testing.assert_array_equal(job.features(), values.astype(np.float32))


def test_means_take_another_pass_only_where_there_is_a_gap(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    path = job.add("r.csv", lines("a,b", "1,10", "3,20"))
    assert job.run(missing_values="mean") == 0
    assert job.features().tolist() == [[1, 10], [3, 20]]
    assert capsys.readouterr().out.count("features 100%") == 1

    path.write_text(lines("a,b", "1,10", "3,", "5,30"))
    assert job.run(missing_values="mean", part_rows=1, sample_rows=9) == 0
    assert job.features().tolist() == [[1, 10], [3, 20], [5, 30]]
    said = capsys.readouterr().out
    assert said.count("features 100%") == 2
    assert "gaps found: 1 gap, filled with means in another pass" in said
    moments = job.moments()
    assert (moments["null_count"], moments["mean"]) == ([0, 1], [3, 20])
    assert [part["rows"] for part in moments["parts"]] == [1, 1, 1]
    assert job.sample()["rows"].tolist() == [[1, 10], [3, 20], [5, 30]]


def test_a_gap_takes_the_mean_where_nothing_is_said(job: Job) -> None:
    job.add("r.csv", lines("a,b", "1,10", "3,"))
    assert main([argument for argument in job.arguments() if "missing" not in argument]) == 0
    assert job.features().tolist() == [[1, 10], [3, 10]]


@pytest.mark.parametrize(
    ("policy", "expected", "dropped"),
    [
        ("zero", [[1, 10], [0, 20], [4, 0], [7, 60]], 0),
        ("mean", [[1, 10], [4, 20], [4, 30], [7, 60]], 0),
        ("drop", [[1, 10], [7, 60]], 2),
    ],
)
@pytest.mark.parametrize("gap", ["", "NA", " NA", "NaN", "null", '""'])
def test_missing_values_follow_the_policy(
    job: Job, policy: str, expected: Sequence[Sequence[float]], dropped: int, gap: str
) -> None:
    job.add("r.csv", lines("a,b", "1,10", f"{gap},20", f"4,{gap}", "7,60"))
    assert job.run(missing_values=policy) == 0
    assert job.features().tolist() == expected
    moments = job.moments()
    assert moments["null_count"] == [1, 1]
    assert (moments["row_count"], moments["dropped_rows"]) == (len(expected), dropped)
    assert moments["files"] == [{"name": "r.csv", "rows": len(expected)}]
    np.testing.assert_allclose(moments["mean"], np.mean(expected, axis=0))
    np.testing.assert_allclose(moments["squared_deviations"], np.var(expected, axis=0) * len(expected))


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_moments_describe_the_rows_in_one_pass_over_many_blocks(
    job: Job, monkeypatch: pytest.MonkeyPatch, offset: float
) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 4096)
    rows = np.round(np.random.default_rng(2).normal(offset, [1, 5, 20], (3000, 3)), 6)
    rows[:, 2] += rows[:, 0]
    job.add("r.csv", lines("a,b,c", *(",".join(map(repr, row)) for row in rows.tolist())))
    assert job.run("a,b,c") == 0

    moments, centred = job.moments(), rows - rows.mean(axis=0)
    assert moments["row_count"] == 3000
    np.testing.assert_allclose(moments["mean"], rows.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments["squared_deviations"], (centred**2).sum(axis=0), rtol=1e-10)
    np.testing.assert_array_equal(moments["minimum"], rows.min(axis=0))
    np.testing.assert_array_equal(moments["maximum"], rows.max(axis=0))
    np.testing.assert_allclose(job.scatter(), centred.T @ centred, rtol=1e-10, atol=1e-6)


def test_standardized_features_have_mean_zero_and_deviation_one(job: Job) -> None:
    rows = np.round(np.random.default_rng(3).normal([1e6, -5], [0.01, 300], (1000, 2)), 6)
    job.add("r.csv", lines("a,b,constant", *(f"{a!r},{b!r},0.1" for a, b in rows.tolist())))
    assert job.run("a,b,constant", scaling="standardize") == 0

    moments, features = job.moments(), job.features()
    np.testing.assert_allclose(moments["center"], [*rows.mean(axis=0), 0.1])
    np.testing.assert_allclose(moments["scale"], [*rows.std(axis=0), 1.0], rtol=1e-9)
    np.testing.assert_allclose(features[:, :2], (rows - rows.mean(axis=0)) / rows.std(axis=0), atol=1e-6)
    np.testing.assert_allclose(features[:, 2], 0, atol=1e-15)
    np.testing.assert_allclose(moments["mean"], [*rows.mean(axis=0), 0.1])


def decoded(data: bytes) -> list[tuple[float, ...]]:
    """Rows of records that hold one dense float32 vector each and are shorter than 16 KB."""
    found = []
    while data:
        magic, length = struct.unpack_from("<II", data)
        assert magic == 0xCED7230A
        message, data = data[8 : 8 + length], data[8 + length + -length % 4 :]
        # Record.features, key "values" with its value, Value.float32_tensor, its values: lengths take 1 or 2 bytes.
        for opening in (b"\x0a", b"\x0a\x06values\x12", b"\x12", b"\x0a"):
            assert message.startswith(opening)
            size, *rest = message[len(opening) : len(opening) + 2]
            used = len(opening) + (2 if size >= 0x80 else 1)
            assert len(message) - used == (size if size < 0x80 else (size & 0x7F) + 128 * rest[0])
            message = message[used:]
        found.append(struct.unpack(f"<{len(message) // 4}f", message))
    return found


@pytest.mark.parametrize(("width", "record_bytes"), [(1, 28), (4, 40), (29, 144), (30, 148), (34, 164), (256, 1052)])
def test_recordio_is_what_the_built_in_algorithm_reads(job: Job, width: int, record_bytes: int) -> None:
    rows = np.random.default_rng(4).normal(size=(25, width)).astype(np.float32)
    names = ",".join(f"c{number}" for number in range(width))
    job.add("r.csv", lines(names, *(",".join(map(repr, row)) for row in rows.tolist())))
    assert job.run(names, output_format="recordio", part_rows=10) == 0

    written = b"".join(part.read_bytes() for part in job.parts())
    assert len(written) == 25 * record_bytes
    np.testing.assert_array_equal(decoded(written), rows)
    assert [part.name for part in job.parts()] == [f"features-algo-1-0000{number}.pbr" for number in range(3)]


def test_ten_thousand_columns_come_from_an_arguments_file(job: Job) -> None:
    names = [f"column_{number}" for number in range(10_000)]
    rows = np.random.default_rng(5).integers(-99, 99, (7, 10_000))
    job.add("r.csv", lines(",".join(names), *(",".join(map(str, row)) for row in rows)))
    arguments = job.folder / "arguments.txt"
    arguments.write_text(f"--feature-columns\n{','.join(names[::-1])}\n")
    others = [argument for argument in job.arguments() if not argument.startswith("--feature-columns")]

    assert main([f"@{arguments}", *others]) == 0
    np.testing.assert_array_equal(job.features(), rows[:, ::-1])
    np.testing.assert_allclose(job.moments()["mean"], rows[:, ::-1].mean(axis=0))
    assert not (job.stats_dir / "scatter-algo-1.npy").exists()


def test_the_log_shows_rows_speed_and_time_left(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0)
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 64)
    job.add("r.csv", lines("a,b", *["1.5,2.5"] * 400))
    assert job.run() == 0
    log = capsys.readouterr().out
    assert log.count(" rows/s, ") > 5
    assert "features 100%: 400 rows in " in log
    assert " s left" in log


def test_an_oversized_file_is_named_as_the_limiting_shard(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.add("large.csv", lines("a,b", *["1,2"] * 1000))
    for number in range(3):
        job.add(f"small-{number}.csv", lines("a,b", "1,2"))
    assert job.run() == 0
    assert "large.csv is the limiting shard with 99% of this host's bytes" in capsys.readouterr().out


def test_the_outcome_is_the_exit_message(job: Job) -> None:
    job.add("r.csv", lines("a,b", *["1,2"] * 1200))
    assert job.run(part_rows=500) == 0
    assert job.message() == "1,200 rows, 0 bad rows skipped, 0 rows with gaps dropped, 2 columns, 3 parts"


def test_only_feature_columns_are_converted(job: Job) -> None:
    job.add("r.csv", "a,other,b\n1,\xe9t\xe9 \x00 9e999,2\n".encode("latin-1"))
    assert job.run() == 0
    assert job.features().tolist() == [[1, 2]]
