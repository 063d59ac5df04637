from __future__ import annotations

import pytest

from benchmarks.measurement import Group, Results, Row
from benchmarks.overview import HEADLINES, Headline, overview, row_of

FIRST, LAST = HEADLINES[0], HEADLINES[-1]


def group(headline: Headline, **changes: object) -> Group:
    row = Row(name=headline.name, unit="s", ours=1.0, beside=headline.beside, theirs=2.0)
    return Group.model_validate({"rows": (row, row.model_copy(update={"name": "another"}))} | changes)


@pytest.mark.parametrize("headline", HEADLINES, ids=lambda headline: headline.title)
def test_every_headline_was_measured(headline: Headline) -> None:
    assert row_of(Results.read(), headline) is not None


def test_rows_are_told_as_a_newcomer_calls_them() -> None:
    shown = overview(Results(groups={FIRST.group: group(FIRST), LAST.group: group(LAST)})).pictured
    assert [(row.name, row.beside) for row in shown] == [(FIRST.title, FIRST.other), (LAST.title, LAST.other)]


def test_it_was_as_busy_as_the_busiest_group_and_taken_when_the_newest_was() -> None:
    groups = {
        FIRST.group: group(FIRST, load_before=2.0, taken_at="2026-11-01"),
        LAST.group: group(LAST, load_before=0.1, taken_at="2026-11-02"),
    }
    found = overview(Results(groups=groups))
    assert (found.load_before, found.taken_at) == (2.0, "2026-11-02")


def test_without_results_nothing_is_pictured() -> None:
    assert overview(Results()).pictured == ()
