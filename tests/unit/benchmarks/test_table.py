from __future__ import annotations

import pytest

from benchmarks.measurement import Group, Growth, Row
from benchmarks.table import amount, growth_markdown, markdown, render

GROUP = Group(
    title="Reading",
    load_before=0.1,
    load_after=2.0,
    rows=(
        Row(name="read", unit="ms", ours=30.0, beside="NumPy", theirs=10.0, max_ratio=4, data_rows=600),
        Row(name="memory of reading", unit="MB", ours=400.0, max_ours=360),
        Row(name="open", unit="ms", ours=1.0),
    ),
)


def test_a_table_lines_up_and_marks_what_was_missed() -> None:
    lines = render({"reading": GROUP}).splitlines()
    assert lines[2] == "Reading (reading; load 0.1 before, 2 after)"
    assert [line.split() for line in lines[3:]] == [
        ["read", "30", "ms", "NumPy", "10", "ms", "3.00", "≤", "4", "x", "met", "20,000"],
        ["memory", "of", "reading", "400", "MB", "≤", "360", "MB", "MISSED"],
        ["open", "1", "ms"],
    ]
    ends = [lines[number].index(text) + len(text) for number, text in ((3, "30 ms"), (4, "400 MB"), (5, "1 ms"))]
    assert len(set(ends)) == 1


def test_markdown_holds_the_rows_that_have_a_limit() -> None:
    assert markdown({"reading": GROUP}).splitlines()[2:] == [
        "| **Reading** | | | | |",
        "| read | 30 ms | NumPy: 10 ms | 3.00 | ≤ 4 x |",
        "| memory of reading | 400 MB |  |  | ≤ 360 MB, **missed** |",
    ]


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
