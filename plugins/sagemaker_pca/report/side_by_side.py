"""Two runs of a pipeline side by side: what differs in their settings, data and models. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from sagemaker_pca.model.card import Column
from sagemaker_pca.model.comparison import in_training_units
from sagemaker_pca.report.document import RunReport
from sagemaker_pca.report.wording import (
    NO_VALUE,
    SAME,
    duration_text,
    explained_variance,
    number_text,
    percent_text,
    points_text,
    run_seconds,
    value_text,
)

MAX_COLUMNS = 12
MAX_COMPONENTS = 24
# Below that it is the arithmetic's.
ANGLE_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of both runs in words, and the difference where there is one to tell."""

    name: str
    first: str
    second: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The comparison; of many columns the ones that moved most, in standard deviations of the first run.

    Of many components it has the largest.
    """

    measures: tuple[Row, ...]
    components: tuple[Row, ...]
    columns: tuple[Row, ...]
    settings: tuple[Row, ...]
    angle_degrees: float | None


def side_by_side(first: RunReport, second: RunReport) -> SideBySide:
    """Compare two runs.

    :param first: the earlier one
    :param second: the later one
    """
    return SideBySide(
        measures=tuple(_measures(first, second)),
        components=tuple(_components(first, second)),
        columns=tuple(_columns(first, second)),
        settings=tuple(_settings(first, second)),
        angle_degrees=_angle(first, second),
    )


def _measures(first: RunReport, second: RunReport) -> Iterator[Row]:
    yield Row("verdict", first.run.verdict, second.run.verdict)
    rows = [report.data.row_count if report.data else None for report in (first, second)]
    yield Row("rows", number_text(rows[0]), number_text(rows[1]), _ratio(*rows))
    skipped = [report.data.skipped_rows if report.data else None for report in (first, second)]
    yield Row("bad rows skipped", number_text(skipped[0]), number_text(skipped[1]))
    shares = [sum(explained_variance(report)) if report.model else None for report in (first, second)]
    yield Row("explained variance", percent_text(shares[0]), percent_text(shares[1]), _points(*shares))
    seconds = run_seconds(first), run_seconds(second)
    yield Row("duration", duration_text(seconds[0]), duration_text(seconds[1]), _ratio(*seconds))


def _components(first: RunReport, second: RunReport) -> Iterator[Row]:
    old, new = explained_variance(first), explained_variance(second)
    for place in range(min(max(len(old), len(new)), MAX_COMPONENTS)):
        pair = [ratios[place] if place < len(ratios) else None for ratios in (old, new)]
        yield Row(f"PC{place + 1}", percent_text(pair[0]), percent_text(pair[1]), _points(*pair))


def _columns(first: RunReport, second: RunReport) -> Iterator[Row]:
    before = {column.name: column for column in first.data.columns} if first.data else {}
    after = {column.name: column for column in second.data.columns} if second.data else {}
    moved = [(_shift(before[name], after[name]), name) for name in before if name in after]
    for shift, name in sorted(moved, reverse=True)[:MAX_COLUMNS]:
        yield Row(name, _spread(before[name]), _spread(after[name]), _shift_text(shift))
    only = [Row(name, "there", NO_VALUE) for name in before if name not in after]
    only += [Row(name, NO_VALUE, "there") for name in after if name not in before]
    yield from only[:MAX_COLUMNS]
    if len(only) > MAX_COLUMNS:
        yield Row(f"and {len(only) - MAX_COLUMNS:,} more", "", "")


def _spread(column: Column) -> str:
    return f"{number_text(column.mean)} ± {number_text(column.std)}"


def _shift(before: Column, after: Column) -> float:
    """How far a column's mean moved, in standard deviations of the first run; below zero where that is not known."""
    if before.mean is None or after.mean is None or before.std is None:
        return -1.0
    moved = abs(after.mean - before.mean)
    return moved / before.std if before.std else inf if moved else 0.0


def _shift_text(shift: float) -> str:
    if shift < 0:
        return ""
    return f"{shift:.2g} std" if isfinite(shift) else "was constant"


def _settings(first: RunReport, second: RunReport) -> Iterator[Row]:
    before, after = ({setting.name: setting.value for setting in report.settings} for report in (first, second))
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield Row(name, value_text(before.get(name)), value_text(after.get(name)))


def _angle(first: RunReport, second: RunReport) -> float | None:
    """The largest angle between the two models' directions, None where they cannot be compared."""
    if first.model is None or second.model is None or first.data is None or second.data is None:
        return None
    if [column.name for column in first.data.columns] != [column.name for column in second.data.columns]:
        return None
    # In the units of the later one's training, as the quality gate compares a model with the one in service.
    scale = None if second.model.scale is None else np.array(second.model.scale, dtype=float)
    models = [in_training_units(report.model.served_model, scale) for report in (first, second) if report.model]
    if not all(np.isfinite(model.components).all() for model in models):
        return None
    return round(models[0].largest_principal_angle(models[1]), ANGLE_DIGITS)


def _points(first: float | None, second: float | None) -> str:
    if first is None or second is None:
        return ""
    points = points_text(first, second)
    return points if points == SAME else f"{points} points"


def _ratio(first: float | None, second: float | None) -> str:
    if not first or second is None:
        return ""
    return f"{100 * (second - first) / first:+.3g}%" if second != first else "same"
