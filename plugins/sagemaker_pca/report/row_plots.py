"""The plots of single rows: T² against Q with their limits, and a recording beside its reconstruction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sagemaker_pca.model.limits import StatisticLimits
from sagemaker_pca.report.document import ProjectionSample, RunReport, Signals
from sagemaker_pca.report.plots import PALE, Ink, shortened, svg, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED_ROWS = 3
# Statistics that span more than so many times are drawn by their magnitudes.
LARGEST_LINEAR_SPAN = 30
SIGNAL_HEIGHT, SIGNAL_MARGIN = 74, 46
WIDE = 820


def statistics_svg(report: RunReport) -> str | None:
    """T² against Q of the sampled rows; where Q is nothing but rounding, T² along the rows. None without them."""
    sample, limits = report.projection_sample, report.model.limits if report.model else None
    if sample is None or limits is None or not any(value is not None for value in sample.t_squared):
        return None
    return svg("statistics", lambda figure: _draw_statistics(figure.add_subplot(), sample, limits.current))


def signals_svg(report: RunReport) -> str | None:
    """Consecutive rows of a recording, column by column, beside their reconstruction; None where there are none."""
    signals = report.projection_sample.signals if report.projection_sample else None
    if signals is None or not signals.columns:
        return None
    height = SIGNAL_HEIGHT * len(signals.columns) + SIGNAL_MARGIN
    return svg("signals", lambda figure: _draw_signals(figure, signals), size=(WIDE, height))


def _draw_statistics(axes: Axes, sample: ProjectionSample, limits: StatisticLimits) -> None:
    t_squared = _numbers(sample.t_squared)
    by_q = limits.q.at_99 is not None
    across = _numbers(sample.q) if by_q else [float(place) for place in range(1, len(t_squared) + 1)]
    beyond = [
        _exceeds(t, limits.t_squared.at_99) or (by_q and _exceeds(q, limits.q.at_99))
        for t, q in zip(t_squared, across, strict=True)
    ]
    for is_beyond, ink, size in ((False, Ink.ACCENT, 10), (True, Ink.WARN, 20)):
        chosen = [place for place, found in enumerate(beyond) if found is is_beyond]
        points = [across[place] for place in chosen], [t_squared[place] for place in chosen]
        axes.scatter(*points, s=size, color=ink, linewidths=0, alpha=0.8 if is_beyond else 0.55)
    _scale(axes.set_yscale, axes.set_ylim, t_squared, limits.t_squared.at_99)
    _limit_lines(axes.axhline, axes, (limits.t_squared.at_95, limits.t_squared.at_99), is_level=True)
    if by_q:
        _scale(axes.set_xscale, axes.set_xlim, across, limits.q.at_99)
        _limit_lines(axes.axvline, axes, (limits.q.at_95, limits.q.at_99), is_level=False)
    axes.set_xlabel("Q: off the model's plane" if by_q else "row of the sample")
    axes.set_ylabel("T²: far from the centre")
    axes.grid(axis="x", color=Ink.RULE, linewidth=0.8)
    tidy(axes)
    # Both axes have a number in the corner.
    axes.tick_params(axis="x", pad=10)
    _name_rows(axes, sample, by_q)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _exceeds(value: float, limit: float | None) -> bool:
    return limit is not None and value > limit


def _scale(set_scale: Any, set_range: Any, values: Sequence[float], limit: float | None) -> None:
    """By magnitudes where the largest value is far beyond the limit, so that ordinary rows stay apart."""
    known = [value for value in (*values, limit) if value is not None and math.isfinite(value)]
    top, bottom = max(known), min((value for value in known if value > 0), default=0)
    if limit and top > LARGEST_LINEAR_SPAN * limit and bottom > 0:
        set_scale("log")
        set_range(max(bottom * 0.7, limit * 1e-4), top * 2)
    else:
        set_range(0, top * 1.08 or 1)


def _limit_lines(draw: Any, axes: Axes, limits: tuple[float | None, float | None], *, is_level: bool) -> None:
    for limit, level, dashes in zip(limits, ("95%", "99%"), ((1, 2), (5, 3)), strict=True):
        if limit is None:
            continue
        draw(limit, color=Ink.WARN, linewidth=1.1, linestyle=(0, dashes))
        place: Any = (
            ((1, limit), (0, 2), ("axes fraction", "data"))
            if is_level
            else ((limit, 1), (0, 3), ("data", "axes fraction"))
        )
        axes.annotate(
            level,
            place[0],
            place[1],
            place[2],
            "offset points",
            ha="right" if is_level else "center",
            color=Ink.WARN,
            fontsize=10,
        )


def _name_rows(axes: Axes, sample: ProjectionSample, by_q: bool) -> None:
    """The rows that stand out most, by their number; the list beside the plot has their files."""
    for row in sample.outlying_rows[:MOST_NAMED_ROWS]:
        if row.t_squared is None or (by_q and row.q is None) or not by_q:
            continue
        axes.annotate(
            f"row {row.row:,}", (row.q or 0.0, row.t_squared), (5, 4), textcoords="offset points", fontsize=10
        )


def _draw_signals(figure: Figure, signals: Signals) -> None:
    rows = range(signals.first_row, signals.first_row + len(signals.original[0]))
    panels = figure.subplots(len(signals.columns), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name, original, kept in zip(
        panels, signals.columns, signals.original, signals.reconstruction, strict=True
    ):
        axes.plot(rows, _numbers(original), color=Ink.MUTED, linewidth=2.6, alpha=PALE + 0.1)
        axes.plot(rows, _numbers(kept), color=Ink.ACCENT, linewidth=1.1)
        axes.set_ylabel(shortened(name), rotation=0, ha="right", va="center")
        axes.set_xlim(rows[0], rows[-1])
        axes.locator_params(axis="y", nbins=3)
        tidy(axes)
    panels[-1].set_xlabel("row")
