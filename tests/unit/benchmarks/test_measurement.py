from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.measurement import Group, Growth, Machine, Results, Row

MACHINE = Machine(cores=2, processor="Example", python="3.11.9", packages={"numpy": "2.0.0"})


def row(**changes: object) -> Row:
    return Row.model_validate({"name": "read", "unit": "s", "ours": 3.0, "beside": "NumPy", "theirs": 2.0} | changes)


def test_a_ratio_is_ours_to_theirs() -> None:
    assert row().ratio == 1.5
    assert row(theirs=None).ratio is None


@pytest.mark.parametrize(
    ("changes", "is_met"),
    [
        ({}, None),
        ({"max_ratio": 1.5}, True),
        ({"max_ratio": 1.4}, False),
        ({"max_ours": 3}, True),
        ({"max_ours": 2}, False),
        ({"max_ratio": 1.5, "max_ours": 2}, False),
        ({"max_ratio": 1.4, "max_ours": 3}, False),
        ({"max_ours": 0, "ours": 0.0, "theirs": None}, True),
    ],
)
def test_a_limit_is_met_when_neither_ratio_nor_figure_exceeds_it(
    changes: dict[str, object], is_met: bool | None
) -> None:
    assert row(**changes).is_met is is_met


def test_a_limit_on_a_ratio_that_could_not_be_measured_is_neither_met_nor_missed() -> None:
    assert row(max_ratio=1, theirs=None).is_met is None


@pytest.mark.parametrize(("unit", "rows_per_second"), [("s", 200), ("ms", 200_000)])
def test_rows_per_second_follow_from_the_unit(unit: str, rows_per_second: float) -> None:
    assert row(unit=unit, data_rows=600).rows_per_second == pytest.approx(rows_per_second)
    assert row(unit=unit).rows_per_second is None


@pytest.mark.parametrize(("unit", "rate"), [("s", 0.25), ("ms", 250)])
def test_gigabytes_a_second_fall_to_every_core_of_the_machine(unit: str, rate: float) -> None:
    assert row(unit=unit, data_bytes=3_000_000_000).gigabytes_per_second(4) == pytest.approx(rate)


def test_rows_that_went_through_no_data_or_took_no_time_have_no_rate() -> None:
    assert row().gigabytes_per_second(4) is None
    assert row(data_bytes=100, ours=0.0).gigabytes_per_second(4) is None


@pytest.mark.parametrize(("load", "was_idle"), [(0.49, True), (0.5, False)])
def test_a_machine_is_idle_below_half_a_process(load: float, was_idle: bool) -> None:
    # What is running afterwards is the measurement itself.
    assert Group(rows=(), load_before=load, load_after=3.0).was_idle is was_idle


def test_a_picture_shows_comparisons_that_have_a_limit() -> None:
    limited = (row(max_ratio=1), row(name="write", max_ours=5))
    assert Group(rows=(*limited, row(name="copy"), row(theirs=None, max_ours=5))).pictured == limited


def test_a_picture_shows_every_comparison_where_fewer_than_two_have_a_limit() -> None:
    rows = (row(max_ratio=1), row(name="copy"))
    assert Group(rows=rows).pictured == rows


def test_there_is_no_picture_of_a_single_comparison() -> None:
    assert Group(rows=(row(max_ratio=1), row(theirs=None, max_ours=5))).pictured == ()


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    growth = Growth(name="read", sizes=(10, 100), seconds=(0.5, 5.0), peak_mb=(50.0, 51.0))
    group = Group(rows=(row(max_ratio=1.4),), growth=(growth,), load_before=0.2, load_after=1.5, machine=MACHINE)
    results = Results(groups={"recordio": group})
    path = tmp_path / "new folder" / "results.json"
    results.write(path)
    assert Results.read(path) == results


def test_the_file_of_results_states_ratios_and_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    Results(groups={"recordio": Group(rows=(row(ours=2.00004, max_ratio=1.4),))}).write(path)
    (written,) = json.loads(path.read_text())["groups"]["recordio"]["rows"]
    assert (written["ours"], written["ratio"], written["is_met"]) == (2.0, 1.0, True)


def test_measuring_some_groups_keeps_the_others() -> None:
    before = Results(groups={"a": Group(rows=(row(),)), "b": Group(rows=(row(),))})
    newer = Group(rows=(row(ours=9.0),))
    assert before.replaced({"b": newer}).groups == {"a": before.groups["a"], "b": newer}


def test_results_name_every_missed_limit() -> None:
    rows = (row(max_ratio=2), row(name="write", max_ratio=1), row(name="copy"))
    assert Results(groups={"recordio": Group(rows=rows)}).missed == ["recordio: write"]


def test_without_a_file_there_are_no_results(tmp_path: Path) -> None:
    assert Results.read(tmp_path / "results.json") == Results()
