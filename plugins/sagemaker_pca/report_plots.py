"""The plots of a run report: SVG that takes its colours from the page, and one wide PNG that carries its own.

Figures are made through matplotlib's objects, never through pyplot, whose global state is shared by a whole worker.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import TYPE_CHECKING

from sagemaker_pca.report import ProjectionSample, RunReport, Step
from sagemaker_pca.report_wording import (
    component_names,
    duration_text,
    explained_variance,
    has_starts,
    percent_text,
    step_remark,
    timeline,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

Draw = Callable[["Axes"], None]

# Blue and orange stay apart for every kind of colour blindness; neither end vanishes on white or on near-black.
TIME_RAMP = ("#2f6fb5", "#8d76a8", "#d97706")
TIME_STEPS = 24
MAX_LABELLED_BARS = 6
MAX_NAMED_COMPONENTS = 12
MAX_STEP_NAME = 34
TIME_UNITS = (("hours", 3600), ("minutes", 60), ("seconds", 1))
PAGE_PLOT_SIZE = (400, 290)
SUMMARY_PANEL_SIZE = (500, 420)
POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours of a plot by their role."""

    text: str
    muted: str
    rule: str
    accent: str
    good: str
    warn: str
    bad: str


PRINT_INK = Ink("#1a1f26", "#5d6773", "#dde2e8", "#2f6fb5", "#1a7f5a", "#9a6700", "#c0392b")
# Stand-ins that matplotlib accepts as colours; the page's own variables take their place in the SVG.
PAGE_INK = Ink("#010101", "#010102", "#010103", "#010104", "#010105", "#010106", "#010107")


def explained_variance_svg(report: RunReport) -> str | None:
    """Bars per component and their running sum, the largest component first; None without a model."""
    ratios = explained_variance(report)
    if not ratios:
        return None
    limit = _gate_limit(report)
    return _svg("explained-variance", lambda axes: _draw_explained_variance(axes, ratios, limit, PAGE_INK))


def projection_svg(report: RunReport) -> str | None:
    """The sampled rows on the two largest components, coloured by their place in the data; None without a sample."""
    sample, ratios = report.projection_sample, explained_variance(report)
    if sample is None or not sample.projections:
        return None
    return _svg("projection", lambda axes: _draw_projection(axes, sample, ratios, PAGE_INK))


def plot_summary(report: RunReport) -> bytes:
    """One wide PNG of a run: explained variance, projections and timeline, as far as the run got."""
    panels = list(_panels(report))
    with _style(PRINT_INK):
        figure = _figure(SUMMARY_PANEL_SIZE[0] * len(panels), SUMMARY_PANEL_SIZE[1])
        figure.set_facecolor("white")
        figure.set_layout_engine("constrained", w_pad=0.22, h_pad=0.16)
        for axes, (title, draw) in zip(figure.subplots(1, len(panels), squeeze=False).flat, panels, strict=True):
            draw(axes)
            # A given height keeps the titles on one line, whatever lies above an axes.
            axes.set_title(title, loc="left", fontsize=14, fontweight="bold", y=1.0, pad=18)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=2 * POINTS_PER_INCH, metadata={"Software": None})
    return picture.getvalue()


def _panels(report: RunReport) -> Iterator[tuple[str, Draw]]:
    ratios, sample = explained_variance(report), report.projection_sample
    if ratios:
        limit = _gate_limit(report)
        yield "Explained variance", lambda axes: _draw_explained_variance(axes, ratios, limit, PRINT_INK)
    if sample and sample.projections:
        yield "Projections", lambda axes: _draw_projection(axes, sample, ratios, PRINT_INK)
    yield "Steps", lambda axes: _draw_timeline(axes, report, PRINT_INK)


def _figure(width: int, height: int) -> Figure:
    """A figure whose units are CSS pixels, at 72 to the inch."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), layout="constrained")


def _style(ink: Ink) -> AbstractContextManager[None]:
    """Text as the plots of a report have it, inside the context."""
    from matplotlib import rc_context

    return rc_context(
        {
            "font.size": 12,
            "text.color": ink.text,
            "axes.labelcolor": ink.muted,
            "xtick.color": ink.muted,
            "ytick.color": ink.muted,
            # Names of steps are text, whatever dollar signs they hold.
            "text.parse_math": False,
            "svg.fonttype": "none",
            # Equal reports give equal bytes.
            "svg.hashsalt": "sagemaker-pca",
        }
    )


def _svg(name: str, draw: Draw) -> str:
    """Inline SVG: scaled by its viewBox, coloured by the page's variables, ids of its own only where it needs them."""
    text = io.StringIO()
    with _style(PAGE_INK):
        figure = _figure(*PAGE_PLOT_SIZE)
        draw(figure.add_subplot())
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'^<svg ([^>]*?)width="[^"]*" ([^>]*?)height="[^"]*"', r'<svg aria-hidden="true" \1\2', svg)
    for role in fields(Ink):
        svg = svg.replace(getattr(PAGE_INK, role.name), f"var(--{role.name})")
    return svg


def _gate_limit(report: RunReport) -> float | None:
    return next((check.limit for check in report.checks if check.name == "explained_variance"), None)


def _draw_explained_variance(axes: Axes, ratios: Sequence[float], limit: float | None, ink: Ink) -> None:
    from matplotlib.ticker import PercentFormatter

    ranks, sums = range(1, len(ratios) + 1), list(accumulate(ratios))
    is_named = len(ratios) <= MAX_NAMED_COMPONENTS
    axes.bar(ranks, ratios, width=0.6, color=ink.accent)
    axes.plot(ranks, sums, color=ink.text, linewidth=1.4, marker="o" if is_named else "", markersize=3.5)
    above, side = (0, 7), "center" if is_named else "right"
    total, end = percent_text(sums[-1]), (len(ratios), sums[-1])
    axes.annotate(total, end, above, textcoords="offset points", ha=side, weight="bold")
    if limit is not None:
        _draw_limit(axes, limit, ink)
    axes.set_xlim(0.4, len(ratios) + 0.6)
    axes.set_ylim(0, 1.12)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel("share of total variance")
    _name_components(axes, ratios)
    _tidy(axes, ink)


def _draw_limit(axes: Axes, limit: float, ink: Ink) -> None:
    words, right_end = f"gate {100 * limit:.0f}%", (1, limit)
    axes.axhline(limit, color=ink.warn, linewidth=1.2, linestyle=(0, (5, 3)))
    coordinates = ("axes fraction", "data")
    axes.annotate(words, right_end, (0, 4), coordinates, "offset points", ha="right", color=ink.warn)


def _name_components(axes: Axes, ratios: Sequence[float]) -> None:
    from matplotlib.ticker import MaxNLocator

    names = component_names(len(ratios))
    if len(ratios) <= MAX_LABELLED_BARS:
        names = [f"{name}\n{percent_text(ratio)}" for name, ratio in zip(names, ratios, strict=True)]
    if len(ratios) <= MAX_NAMED_COMPONENTS:
        axes.set_xticks(range(1, len(ratios) + 1), names)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("component, the largest first")


def _draw_projection(axes: Axes, sample: ProjectionSample, ratios: Sequence[float], ink: Ink) -> None:
    rows = list(sample.row_numbers)
    first, *others = (
        [math.nan if value is None else value for value in column] for column in zip(*sample.projections, strict=True)
    )
    names = [f"PC{rank}, {percent_text(ratio)} of variance" for rank, ratio in enumerate(ratios, start=1)]
    names = names or component_names(2)
    across, up = (first, others[0]) if others else (rows, first)
    axes.scatter(across, up, c=rows, cmap=_time_colours(), s=11, linewidths=0, alpha=0.85)
    axes.set_xlabel(names[0] if others else "row")
    axes.set_ylabel(names[1] if others else names[0])
    axes.locator_params(nbins=5)
    axes.grid(axis="x", color=ink.rule, linewidth=0.8)
    _tidy(axes, ink)
    _draw_time_key(axes, rows)


def _time_colours() -> LinearSegmentedColormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("time", TIME_RAMP, N=TIME_STEPS)


def _draw_time_key(axes: Axes, rows: Sequence[int]) -> None:
    """Which colour is early and which is late, above the upper right corner."""
    colours = _time_colours()
    key = axes.inset_axes((0.58, 1.035, 0.2, 0.025))
    # Each cell reaches under the next one: edges that just meet let the background through.
    key.bar(range(TIME_STEPS), 1, width=2, align="edge", color=[colours(step) for step in range(TIME_STEPS)])
    key.set_xlim(0, TIME_STEPS)
    key.set_axis_off()
    key.text(-0.06, 0.5, f"row {min(rows):,}", transform=key.transAxes, ha="right", va="center", fontsize=11)
    key.text(1.06, 0.5, f"{max(rows):,}", transform=key.transAxes, ha="left", va="center", fontsize=11)


def _draw_timeline(axes: Axes, report: RunReport, ink: Ink) -> None:
    starts, whole = timeline(report)
    unit, seconds = next(((name, size) for name, size in TIME_UNITS if whole >= 3 * size), TIME_UNITS[-1])
    for place, (step, start) in enumerate(zip(report.steps, starts, strict=True)):
        _draw_step(axes, place, step, start, seconds, ink)
    axes.set_yticks(range(len(report.steps)), [_shortened_name(step.task_id) for step in report.steps])
    axes.set_ylim(len(report.steps) - 0.4, -0.6)
    # Room for the duration written behind the last bar.
    axes.set_xlim(0, 1.16 * max(whole, 1) / seconds)
    axes.set_xlabel(f"{unit} since the run started" if has_starts(report) else unit)
    axes.grid(axis="x", color=ink.rule, linewidth=0.8)
    _tidy(axes, ink)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", labelsize=11, labelcolor=ink.text)


def _draw_step(axes: Axes, place: int, step: Step, start: float | None, unit_seconds: int, ink: Ink) -> None:
    words, left, width = step_remark(step), (start or 0.0) / unit_seconds, (step.duration_seconds or 0.0) / unit_seconds
    if start is not None:
        colour = {"success": ink.accent, "failed": ink.bad}.get(step.state or "", ink.muted)
        axes.barh(place, width, left=left, height=0.56, color=colour, edgecolor=colour, linewidth=1.2)
        words = " · ".join(filter(None, [duration_text(step.duration_seconds), words]))
    end, beside = (left + width, place), (5, 0)
    axes.annotate(words, end, beside, textcoords="offset points", va="center", fontsize=10.5, color=ink.muted)


def _tidy(axes: Axes, ink: Ink) -> None:
    """Nothing but the data, a base line and quiet horizontal rules behind."""
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=ink.rule, linewidth=0.8)
    axes.tick_params(length=0, pad=5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(ink.muted)
    axes.spines["bottom"].set_linewidth(0.8)


def _shortened_name(name: str) -> str:
    return name if len(name) <= MAX_STEP_NAME else f"…{name[1 - MAX_STEP_NAME :]}"
