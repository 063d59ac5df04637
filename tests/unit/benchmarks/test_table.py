from __future__ import annotations

import pytest

from benchmarks.measurement import Group, Growth, Machine, Row
from benchmarks.table import amount, growth_markdown, markdown, multiple, render

GROUP = Group(
    title="Reading",
    load_before=0.1,
    load_after=2.0,
    machine=Machine(cores=2, processor="Example", python="3.11.9", packages={}),
    rows=(
        Row(
            name="read",
            unit="ms",
            ours=30.0,
            beside="NumPy",
            theirs=10.0,
            max_ratio=4,
            data_rows=600,
            data_bytes=7_200_000,
        ),
        Row(name="memory of reading", unit="MB", ours=400.0, max_ours=360),
        Row(name="open", unit="ms", ours=1.0),
    ),
)


def test_a_table_lines_up_and_marks_what_was_missed() -> None:
    lines = render({"reading": GROUP}).splitlines()
    assert lines[2] == "Reading (reading)"
    assert [line.split() for line in lines[3:]] == [
        ["read", "30", "ms", "NumPy", "10", "ms", "3.00", "≤", "4", "x", "met", "20,000", "0.12"],
        ["memory", "of", "reading", "400", "MB", "≤", "360", "MB", "MISSED"],
        ["open", "1", "ms"],
    ]
    ends = [lines[number].index(text) + len(text) for number, text in ((3, "30 ms"), (4, "400 MB"), (5, "1 ms"))]
    assert len(set(ends)) == 1


def test_a_table_says_of_which_group_the_machine_was_not_idle() -> None:
    busy = GROUP.model_copy(update={"title": "Writing", "load_before": 1.25})
    titles = [line for line in render({"reading": GROUP, "writing": busy}).splitlines() if line and line[0] != " "]
    assert titles == ["Reading (reading)", "Writing (writing, not idle: load 1.25)"]


def test_markdown_marks_what_was_missed_and_holds_rates_where_data_were_gone_through() -> None:
    assert markdown(GROUP).splitlines() == [
        "|  | this project | beside | ratio | limit | GB/s per core |",
        "| --- | --- | --- | --- | --- | --- |",
        "| read | 30 ms | NumPy: 10 ms | 3.00 | ≤ 4 x | 0.12 |",
        "| memory of reading | 400 MB |  |  | ≤ 360 MB, **missed** |  |",
        "| open | 1 ms |  |  |  |  |",
    ]


def test_markdown_has_no_column_of_rates_where_there_are_none() -> None:
    rows = GROUP.rows[1:]
    assert markdown(GROUP.model_copy(update={"rows": rows})).splitlines()[2:] == [
        "| memory of reading | 400 MB |  |  | ≤ 360 MB, **missed** |",
        "| open | 1 ms |  |  |  |",
    ]


@pytest.mark.parametrize(("ratio", "text"), [(1.234, "1.23"), (0.0014, "0.001"), (0.0, "0.00")])
def test_a_small_ratio_is_not_taken_for_none(ratio: float, text: str) -> None:
    assert multiple(ratio) == text


def test_what_is_far_below_a_second_is_told_in_milliseconds() -> None:
    assert (amount(0.0736, "s"), amount(0.1, "s"), amount(0.0, "s")) == ("73.6 ms", "0.1 s", "0 s")


def test_growth_is_shown_where_time_and_memory_were_measured() -> None:
    growth = Growth(name="reading", sizes=(10, 1_000), seconds=(0.5, 5.0), peak_mb=(50.0, 51.5))
    group = Group(rows=(), growth=(growth, growth.model_copy(update={"peak_mb": ()})))
    assert growth_markdown({"reading": group}).splitlines()[2:] == [
        "| reading | 10: 0.5 s, 50 MB · 1,000: 5 s, 51.5 MB |"
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234 MB"), (99.94, "99.9 MB"), (0.01234, "0.0123 MB"), (0.0, "0 MB"), (5.0, "5 MB")]
)
def test_an_amount_has_three_digits_and_its_unit(value: float, text: str) -> None:
    assert amount(value, "MB") == text
