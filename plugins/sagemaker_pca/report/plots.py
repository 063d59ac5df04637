"""The plots of a run report: SVG that takes its colours from the page.

Figures are made through matplotlib's objects, never through pyplot, whose global state is shared by a whole worker.
"""

from __future__ import annotations

import io
import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from sagemaker_pca.report.document import ProjectionSample, RunReport
from sagemaker_pca.report.wording import (
    MOST_COMPONENTS_SHOWN,
    component_names,
    explained_variance,
    left_out_variance,
    percent_text,
    unexplained_variance,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

# Blue and orange stay apart for every kind of colour blindness; neither end vanishes on white or on near-black.
TIME_RAMP = ("#2f6fb5", "#8d76a8", "#d97706")
TIME_STEPS = 24
MAX_LABELLED_BARS = 6
MAX_NAMED_COMPONENTS = 10
# Of what was not kept: seen, and not taken for what was.
PALE = 0.35
# A number of usual length that ends here, as a share of the plot's width, begins within it.
MOST_LEFT_NUMBER = 0.15
MOST_ARROWS = 8
SHORTEST_ARROW = 0.15
ARROW_SHARE = 0.8
ROOM_FOR_LABELS = 1.25
LONGEST_DRAWN_NAME = 16
# CSS pixels, of which matplotlib puts 72 to the inch.
PAGE_PLOT_SIZE = (400, 290)
POINTS_PER_INCH = 72
# The style is matplotlib's own global state; the API server draws in several threads.
DRAWING = threading.Lock()


class Ink(StrEnum):
    """Stand-ins that matplotlib accepts as colours; the page's own variables take their place in the SVG."""

    TEXT = "#010101"
    MUTED = "#010102"
    RULE = "#010103"
    ACCENT = "#010104"
    WARN = "#010105"


# Any, since matplotlib types the keys as one Literal of three hundred.
STYLE: Any = {
    "font.size": 12,
    "text.color": Ink.TEXT,
    "axes.labelcolor": Ink.MUTED,
    "xtick.color": Ink.MUTED,
    "ytick.color": Ink.MUTED,
    "svg.fonttype": "none",
    # Names of columns and files are text, however many dollars they hold.
    "text.parse_math": False,
    # Equal reports give equal bytes.
    "svg.hashsalt": "sagemaker-pca",
}


def explained_variance_svg(report: RunReport) -> str | None:
    """Bars per component and their running sum, the largest first, those not kept pale; None without a model."""
    ratios = explained_variance(report)
    if not ratios:
        return None
    return svg("explained-variance", lambda figure: _draw_explained_variance(figure.add_subplot(), report))


def projection_svg(report: RunReport) -> str | None:
    """The sampled rows on the two largest components, coloured by their place in the data; None without a sample."""
    sample, ratios = report.projection_sample, explained_variance(report)
    if sample is None or not sample.projections:
        return None
    return svg("projection", lambda figure: _draw_projection(figure.add_subplot(), report, sample, ratios))


def svg(name: str, draw: Callable[[Figure], None], size: tuple[int, int] = PAGE_PLOT_SIZE) -> str:
    """Inline SVG: scaled by its viewBox, coloured by the page's variables, ids of its own only where it needs them.

    :param size: in CSS pixels
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    text = io.StringIO()
    with DRAWING, rc_context(STYLE):
        width, height = size
        figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), layout="constrained")
        draw(figure)
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    image = text.getvalue()
    image = re.sub(r"<metadata>.*?</metadata>", "", image[image.index("<svg") :], flags=re.DOTALL)
    image = re.sub(r'<g id="[^"]*"', "<g", image)
    image = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", image)
    image = re.sub(r'^<svg ([^>]*?)width="[^"]*" ([^>]*?)height="[^"]*"', r'<svg aria-hidden="true" \1\2', image)
    for ink in Ink:
        image = image.replace(ink, f"var(--{ink.name.lower()})")
    return image


def _gate_limit(report: RunReport) -> float | None:
    return next((check.limit for check in report.checks if check.name == "explained_variance"), None)


def _draw_explained_variance(axes: Axes, report: RunReport) -> None:
    from matplotlib.ticker import PercentFormatter

    kept, left_out = explained_variance(report), left_out_variance(report)
    shown = (kept + left_out)[:MOST_COMPONENTS_SHOWN]
    ranks, sums, end = range(1, len(shown) + 1), list(accumulate(shown)), min(len(kept), len(shown))
    is_named = len(shown) <= MAX_NAMED_COMPONENTS
    axes.bar(ranks[:end], shown[:end], width=0.6, color=Ink.ACCENT)
    axes.bar(ranks[end:], shown[end:], width=0.6, color=Ink.ACCENT, alpha=PALE)
    line: Any = {"color": Ink.TEXT, "linewidth": 1.4, "marker": "o" if is_named else "", "markersize": 3.5}
    axes.plot(ranks[:end], sums[:end], **line)
    # On the line's upper side, and not beyond the left edge.
    side = "center" if is_named else "right" if end > len(shown) * MOST_LEFT_NUMBER else "left"
    axes.annotate(
        percent_text(sums[end - 1]), (end, sums[end - 1]), (0, 7), textcoords="offset points", ha=side, weight="bold"
    )
    if end < len(shown):
        axes.plot(ranks[end - 1 :], sums[end - 1 :], **line, alpha=PALE, zorder=1.9)
        _draw_cut(axes, end + 0.5, end < len(shown) / 2, unexplained_variance(report))
    if (limit := _gate_limit(report)) is not None:
        _draw_limit(axes, limit)
    axes.set_xlim(0.4, len(shown) + 0.6)
    axes.set_ylim(0, 1.12)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel("share of total variance")
    _name_components(axes, shown)
    tidy(axes)


def _draw_cut(axes: Axes, place: float, is_left: bool, unexplained: float) -> None:
    """A line behind the last component that was kept, and above it what the others hold, on the side with room."""
    axes.axvline(place, color=Ink.MUTED, linewidth=1, linestyle=(0, (1, 2)))
    words, side = f"not kept: {percent_text(unexplained)}", 4 if is_left else -4
    axes.annotate(
        f"\N{RIGHTWARDS ARROW} {words}" if is_left else f"{words} \N{RIGHTWARDS ARROW}",
        (place, 1),
        (side, 3),
        ("data", "axes fraction"),
        "offset points",
        ha="left" if is_left else "right",
        color=Ink.MUTED,
    )


def _draw_limit(axes: Axes, limit: float) -> None:
    words, right_end = f"gate {100 * limit:.0f}%", (1, limit)
    axes.axhline(limit, color=Ink.WARN, linewidth=1.2, linestyle=(0, (5, 3)))
    coordinates = ("axes fraction", "data")
    axes.annotate(words, right_end, (0, 4), coordinates, "offset points", ha="right", color=Ink.WARN)


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


def _draw_projection(axes: Axes, report: RunReport, sample: ProjectionSample, ratios: Sequence[float]) -> None:
    places = range(1, len(sample.projections) + 1)
    first, *others = (
        [math.nan if value is None else value for value in column] for column in zip(*sample.projections, strict=True)
    )
    names = [f"PC{rank}, {percent_text(ratio)} of variance" for rank, ratio in enumerate(ratios, start=1)]
    names = names or component_names(2)
    across, up = (first, others[0]) if others else (places, first)
    axes.scatter(across, up, c=places, cmap=_time_colours(), s=11, linewidths=0, alpha=0.85)
    axes.set_xlabel(names[0] if others else "row of the sample")
    axes.set_ylabel(names[1] if others else names[0])
    axes.locator_params(nbins=5)
    axes.grid(axis="x", color=Ink.RULE, linewidth=0.8)
    tidy(axes)
    _draw_time_key(axes, *_ends(sample))
    if others:
        _draw_arrows(axes, [*column_arrows(report)], _reach(across), _reach(up))


def _ends(sample: ProjectionSample) -> tuple[str, str]:
    """What the colours' ends stand for: the first and the last file, or of a single one the rows."""
    if len(sample.files) > 1:
        return "first file", "last"
    return f"row {min(sample.row_numbers):,}", f"{max(sample.row_numbers):,}"


def column_arrows(report: RunReport) -> Iterator[tuple[str, float, float]]:
    """Weights in PC1 and PC2 of the columns that weigh most in both: the arrows of a biplot (Gabriel 1971)."""
    model, data = report.model, report.data
    if model is None or data is None or len(model.singular_values) < 2:
        return
    projector = model.as_trained or model.served
    weights = [(row[-1] or 0.0, row[-2] or 0.0) for row in projector.components]
    named = sorted(
        zip((column.name for column in data.columns), weights, strict=True), key=lambda it: -math.hypot(*it[1])
    )
    for name, (across, up) in named[:MOST_ARROWS]:
        if math.hypot(across, up) >= SHORTEST_ARROW * math.hypot(*named[0][1]):
            yield name, across, up


def _reach(values: Sequence[float]) -> float:
    return max((abs(value) for value in values if math.isfinite(value)), default=0.0) or 1.0


def _draw_arrows(axes: Axes, arrows: Sequence[tuple[str, float, float]], across: float, up: float) -> None:
    """Arrows from the centre, together as wide as the cloud: directions count, and lengths beside each other."""
    longest = max((math.hypot(x, y) for _, x, y in arrows), default=1.0)
    tips = [(x / longest * across * ARROW_SHARE, y / longest * up * ARROW_SHARE) for _, x, y in arrows]
    # Room for the labels, too: annotations do not widen a plot by themselves.
    axes.update_datalim([(x * ROOM_FOR_LABELS, y * ROOM_FOR_LABELS) for x, y in tips])
    axes.autoscale_view()
    for (name, x, y), tip in zip(arrows, tips, strict=True):
        axes.annotate(
            "",
            tip,
            (0, 0),
            arrowprops={"arrowstyle": "-|>", "color": Ink.TEXT, "linewidth": 1, "shrinkA": 0, "shrinkB": 0},
        )
        # Towards the middle, where the label is never beyond the plot's edge.
        axes.annotate(
            shortened(name), tip, (4 if x < 0 else -4, 5 if y >= 0 else -5), textcoords="offset points", fontsize=10,
            ha="left" if x < 0 else "right", va="bottom" if y >= 0 else "top",
        )  # fmt: skip


def shortened(name: str) -> str:
    """A name that fits beside an axis or an arrow."""
    return name if len(name) <= LONGEST_DRAWN_NAME else f"{name[: LONGEST_DRAWN_NAME - 1]}…"


def _time_colours() -> LinearSegmentedColormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("time", TIME_RAMP, N=TIME_STEPS)


def _draw_time_key(axes: Axes, early: str, late: str) -> None:
    """Which colour is early and which is late, above the upper right corner."""
    colours = _time_colours()
    key = axes.inset_axes((0.58, 1.035, 0.2, 0.025))
    # Each cell reaches under the next one: edges that just meet let the background through.
    key.bar(range(TIME_STEPS), 1, width=2, align="edge", color=[colours(step) for step in range(TIME_STEPS)])
    key.set_xlim(0, TIME_STEPS)
    key.set_axis_off()
    key.text(-0.06, 0.5, early, transform=key.transAxes, ha="right", va="center", fontsize=11)
    key.text(1.06, 0.5, late, transform=key.transAxes, ha="left", va="center", fontsize=11)


def tidy(axes: Axes) -> None:
    """Nothing but the data, a base line and quiet horizontal rules behind."""
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=Ink.RULE, linewidth=0.8)
    axes.tick_params(length=0, pad=5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(Ink.MUTED)
    axes.spines["bottom"].set_linewidth(0.8)
