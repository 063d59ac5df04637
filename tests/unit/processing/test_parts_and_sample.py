"""What the features are shared out into, and the sample that stands beside them."""

from typing import Any

import numpy as np
import pytest

from processing import csv_files
from tests.processing_job import Job


def rows_of(count: int) -> str:
    return "\n".join(["a,b", *(f"{row},{-row}" for row in range(count)), ""])


def test_parts_are_full_but_for_the_last(job: Job) -> None:
    job.add("r.csv", rows_of(25))
    job.add("s.csv", "a,b\n25,-25\n")
    assert job.run(part_rows=10) == 0
    assert [part.name for part in job.parts()] == [f"features-algo-1-0000{number}.csv" for number in range(3)]
    assert job.features()[:, 0].tolist() == list(range(26))
    listed = [
        {"name": part.name, "rows": part.read_text().count("\n"), "bytes": part.stat().st_size} for part in job.parts()
    ]
    assert job.moments()["parts"] == listed
    assert [part["rows"] for part in listed] == [10, 10, 6]


@pytest.mark.parametrize("part_hosts", [1, 2, 4])
@pytest.mark.parametrize("row_count", [1, 2, 3, 29, 30, 31, 61, 62, 81, 97])
@pytest.mark.parametrize("block_bytes", [16, 4096])
def test_every_training_host_gets_as_many_rows_to_within_one_of_every_group_of_parts(
    job: Job, monkeypatch: pytest.MonkeyPatch, block_bytes: int, part_hosts: int, row_count: int
) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", block_bytes)
    job.add("r.csv", rows_of(row_count))
    assert job.run(part_hosts=part_hosts, part_rows=10) == 0
    rows = [part["rows"] for part in job.moments()["parts"]]
    assert [len(part.read_text().splitlines()) for part in job.parts()] == rows
    assert len(rows) % part_hosts == 0 or len(rows) == row_count < part_hosts
    for start in range(0, len(rows), part_hosts):
        group = rows[start : start + part_hosts]
        assert max(group) - min(group) <= 1
        assert 1 <= min(group) <= max(group) <= (11 if part_hosts > 1 else 10)
    assert sorted(job.features()[:, 0].tolist()) == list(range(row_count))


def test_rows_are_dealt_out_to_the_parts_of_a_group_in_turn(job: Job) -> None:
    job.add("r.csv", rows_of(11))
    assert job.run(part_hosts=2, part_rows=3) == 0
    dealt = [np.loadtxt(part, delimiter=",")[:, 0].tolist() for part in job.parts()]
    assert dealt == [[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9]]


def test_no_part_of_a_last_group_is_empty(job: Job) -> None:
    job.add("r.csv", rows_of(7))
    assert job.run(part_hosts=2, part_rows=3) == 0
    assert [part["rows"] for part in job.moments()["parts"]] == [4, 3]


@pytest.mark.parametrize(("policy", "first"), [("zero", [[0, 1e9]]), ("mean", [[14 / 3, 1e9]]), ("drop", [])])
def test_the_sample_has_good_rows_in_raw_units_with_gaps_filled_and_says_where_they_stand(
    job: Job, policy: str, first: list[list[float]]
) -> None:
    job.add("a.csv", "t,a,b\nx,NA,1e9\nx,inf,3\nx,1\nx,1e39,3\nx,4.5,-7\n")
    job.add("b.csv", "t,a,b\n\nx,8.5,11\nx,1,2\n")
    options: dict[str, Any] = {"on_bad_rows": "skip", "max_bad_fraction": 1, "scaling": "standardize"}
    assert job.run(sample_rows=100, leading_rows=2, missing_values=policy, **options) == 0
    rows: list[list[float]] = [*first, [4.5, -7], [8.5, 11], [1, 2]]
    sample = job.sample()
    np.testing.assert_allclose(sample["rows"], rows)
    places = list(zip(sample["file_number"].tolist(), sample["row"].tolist(), strict=True))
    assert places == [(0, 1), (0, 5), (1, 1), (1, 2)][-len(rows) :]
    np.testing.assert_allclose(sample["leading"], [*first, [4.5, -7]])
    assert sample["leading_row"].tolist() == [1, 5][-len(first) - 1 :]
    assert job.moments()["sample_rows"] == len(rows)


@pytest.mark.parametrize("block", [100, 1000, 100_000])
def test_each_row_of_all_files_has_the_same_chance_to_be_in_the_sample(
    job: Job, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", block)
    for name in "abc":
        job.add(f"{name}.csv", rows_of(2_000))
    assert job.run(sample_rows=600) == 0
    sample = job.sample()
    assert len({*zip(sample["file_number"].tolist(), sample["row"].tolist(), strict=True)}) == 600
    # Each tenth of the rows has 60 of the sample, give or take what chance does: four deviations are 29.
    numbers = sample["file_number"] * 2_000 + sample["row"] - 1
    assert np.abs(np.bincount(numbers // 600, minlength=10) - 60).max() <= 29
    assert sample["rows"][:, 0].tolist() == (sample["row"] - 1).tolist()


def test_the_same_files_give_the_same_sample(job: Job) -> None:
    job.add("r.csv", rows_of(5_000))
    samples = []
    for _ in range(2):
        assert job.run(sample_rows=50) == 0
        samples.append(job.sample()["row"].tolist())
    assert samples[0] == samples[1]


def test_a_sample_is_no_larger_than_the_data_and_goes_with_a_rerun(job: Job) -> None:
    job.add("r.csv", "a,b\n1,2\n3,4\n")
    assert job.run(sample_rows=100) == 0
    assert job.sample()["rows"].tolist() == [[1, 2], [3, 4]]
    assert job.moments()["sample_rows"] == 2
    assert job.run() == 0
    assert job.moments()["sample_rows"] == 0
    assert not list(job.stats_dir.glob("sample-*"))


def test_a_profile_has_no_sample(job: Job) -> None:
    job.add("r.csv", "a,b\n1,2\n")
    assert job.run(sample_rows=5, profile_only=True) == 0
    assert job.moments()["sample_rows"] == 0
    assert job.left_files() == ["moments-algo-1.json"]


@pytest.mark.parametrize("option", [{"part_hosts": 0}, {"part_rows": 0}, {"sample_rows": -1}, {"delimiter": "\xa7"}])
def test_numbers_out_of_range_are_refused(job: Job, option: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match="2"):
        job.run(**option)
