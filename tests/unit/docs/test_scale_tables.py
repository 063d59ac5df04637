from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.measurement import Results
from benchmarks.recording import FEATURES, block_lines
from docs.scale_tables import (
    FEATURE_COLUMNS,
    HOSTS,
    RAW_ROW_BYTES,
    START_SECONDS,
    Shares,
    cores_at_most,
    looks,
    looks_table,
    row_of,
    terabyte_table,
    training_hosts,
)

RESULTS = Results.read()


def test_a_raw_row_is_as_long_as_those_that_were_measured() -> None:
    lines = block_lines(2_000)
    assert sum(map(len, lines)) / len(lines) == pytest.approx(RAW_ROW_BYTES, rel=0.01)
    assert len(FEATURES) == FEATURE_COLUMNS


@pytest.mark.parametrize(("fewer", "more"), [*pairwise(HOSTS)])
def test_hosts_divide_the_work_and_not_the_start(fewer: int, more: int) -> None:
    few, many = Shares.of(fewer, RESULTS), Shares.of(more, RESULTS)
    assert (few.processing - START_SECONDS) * fewer == pytest.approx((many.processing - START_SECONDS) * more)
    assert (few.training - START_SECONDS) * training_hosts(fewer) == pytest.approx(
        (many.training - START_SECONDS) * training_hosts(more)
    )


def test_one_host_finds_means_in_another_pass_and_several_take_a_job_for_it() -> None:
    one, four = Shares.of(1, RESULTS), Shares.of(4, RESULTS)
    assert one.means < one.processing - START_SECONDS
    assert four.means > START_SECONDS + one.means / 4


def test_the_table_has_a_row_for_each_number_of_hosts() -> None:
    assert [line.split(" | ")[0] for line in terabyte_table(RESULTS).splitlines()[2:]] == [f"| {n}" for n in HOSTS]


def test_a_host_uses_as_many_cores_as_its_joining_thread_can_feed() -> None:
    assert 1 < cores_at_most(RESULTS) < 100


@pytest.mark.parametrize(("job_seconds", "poll_seconds", "count"), [(10, 15, 1), (16, 15, 2), (300, 300, 1)])
def test_a_job_is_looked_at_until_it_has_ended(job_seconds: float, poll_seconds: float, count: int) -> None:
    assert looks(job_seconds, poll_seconds) == count


def test_longer_pauses_mean_fewer_looks() -> None:
    first, second = (line.split(" | ") for line in looks_table().splitlines()[2:])
    assert int(first[1]) > int(second[1])


def test_a_row_that_was_not_measured_is_named() -> None:
    with pytest.raises(ValueError, match=r"no row 'none'\. Measure it again"):
        row_of(RESULTS.groups["scale"], "none")
