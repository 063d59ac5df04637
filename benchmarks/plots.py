"""One picture per group: each ratio beside its limit, and how cost grows with size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measurement import Group, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT, MUTED, OURS, MISSED, LIMIT = "#1a1f26", "#5d6773", "#2f6fb5", "#c0392b", "#d97706"
LINES = ("#2f6fb5", "#d97706", "#1a7f5a", "#8d76a8")
PANEL_WIDTH, ROW_HEIGHT, LEAST_HEIGHT = 5.2, 0.42, 3.2
DOTS_PER_INCH = 110


def draw(group: Group, path: Path) -> None:
    """Write the picture of a group."""
    compared = [row for row in group.rows if row.ratio is not None]
    panels = 1 + bool(group.growth) + any(line.peak_mb for line in group.growth)
    figure = new_figure(panels, len(compared))
    figure.suptitle(group.title, x=0.01, ha="left", color=TEXT, fontweight="bold")
    axes = figure.subplots(1, panels, squeeze=False, width_ratios=[1.9] + [1.0] * (panels - 1))[0]
    draw_ratios(axes[0], compared)
    if group.growth:
        seconds = [(line.name, line.sizes, line.seconds) for line in group.growth]
        draw_growth(axes[1], seconds, "seconds", group.size_label)
    if panels > 2:
        memory = [(line.name, line.sizes, line.peak_mb) for line in group.growth if line.peak_mb]
        draw_growth(axes[2], memory, "MB of memory at most", group.size_label)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH, metadata={"Software": None})


def new_figure(panels: int, rows: int) -> Figure:
    """Return an empty figure, through matplotlib's objects: pyplot would look for a display."""
    from matplotlib.figure import Figure

    height = max(LEAST_HEIGHT, 1.4 + ROW_HEIGHT * rows)
    return Figure(figsize=(PANEL_WIDTH * (panels + 0.9), height), layout="constrained")


def draw_ratios(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw this project's cost as a multiple of the other's, away from equal, with the limit across."""
    names = [f"{row.name}\n÷ {row.beside}" for row in rows]
    ratios = [row.ratio or 1.0 for row in rows]
    places = range(len(rows))
    colours = [MISSED if row.is_met is False else OURS for row in rows]
    axes.hlines(places, 1, ratios, colors=colours, linewidth=3)
    axes.scatter(ratios, places, color=colours, s=36, zorder=3)
    axes.set_xscale("log")
    axes.set_yticks(places, names, fontsize=7)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.25)
    for place, row in zip(places, rows, strict=True):
        axes.annotate(
            f"{row.ratio:.2f}", (row.ratio or 1.0, place), (0, 6), textcoords="offset points", ha="center", fontsize=7
        )
        if row.max_ratio is not None:
            axes.plot([row.max_ratio] * 2, [place - 0.42, place + 0.42], color=LIMIT, linewidth=2)
    axes.axvline(1, color=MUTED, linewidth=0.8, linestyle=":")
    axes.set_xlabel("this project ÷ what stands beside it; orange: limit", fontsize=8, color=MUTED)
    tidy(axes)


def draw_growth(
    axes: Axes, lines: Sequence[tuple[str, Sequence[int], Sequence[float]]], label: str, size_label: str
) -> None:
    """Draw cost over size, both logarithmic: proportional cost is a straight line."""
    for (name, sizes, values), colour in zip(lines, LINES, strict=False):
        axes.plot(sizes, values, marker="o", markersize=4, color=colour, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = (limit(values) for limit, values in ((min, every_value(lines)), (max, every_value(lines))))
    axes.set_ylim(low / 3, high * 3)
    axes.set_xlabel(size_label, fontsize=8, color=MUTED)
    axes.set_title(label, fontsize=9, color=TEXT, loc="left")
    axes.legend(fontsize=7, frameon=False)
    tidy(axes)


def every_value(lines: Sequence[tuple[str, Sequence[int], Sequence[float]]]) -> list[float]:
    """Return all values of all lines."""
    return [value for _, _, values in lines for value in values]


def tidy(axes: Axes) -> None:
    """Remove what carries no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7, colors=MUTED, which="both")
    axes.grid(visible=True, axis="x", color="#dde2e8", linewidth=0.6)
    axes.set_axisbelow(True)
