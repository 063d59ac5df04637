"""One picture per group, made to be read in a README: this project beside the other, the limit, and cost by size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.measurement import Group, Growth, Row
from benchmarks.table import amount, busy_machine, multiple

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of its own, as a page may be light or dark.
BACKGROUND = "#ffffff"
TEXT, MUTED, GRID = "#1a1f26", "#525c68", "#dde2e8"
OURS, MISSED, THEIRS, LIMIT = "#2f6fb5", "#c0392b", "#d3dae2", "#e07b00"
LINES = (OURS, "#1a7f5a", "#8d76a8", MUTED)

# All lengths are pixels of a page: GitHub shows a README's pictures 830 to 900 wide, and matplotlib's points are pixels
# at 72 to the inch. Twice as many are kept, for fine screens.
PIXELS_PER_INCH, KEPT_PER_INCH = 72, 144
WIDTH, MARGIN, VERDICTS_WIDTH = 840, 16, 120
BARS_WIDTH = WIDTH - 2 * MARGIN - VERDICTS_WIDTH
HEAD_HEIGHT, ROW_HEIGHT, AXIS_HEIGHT, FOOT_HEIGHT = 72, 62, 56, 36
KEY_HEIGHT, PANEL_TITLE_HEIGHT, PANEL_HEIGHT, PANEL_LEFT = 20, 40, 190, 56
TITLE_SIZE, NAME_SIZE, TEXT_SIZE = 18, 13.5, 12.5

# Two points say nothing of how cost grows.
LEAST_SIZES = 3
MOST_STEPS, LEAST_HIGHEST = 6, 4
# A limit farther out than this many times the longest bar would make all bars short; words alone tell it.
FARTHEST_LIMIT = 2
SIZE_UNITS = ((1_000_000, "million "), (1_000, "thousand "), (1, ""))


def draw(group: Group, path: Path) -> None:
    """Write the picture of a group."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(group).savefig(path, dpi=KEPT_PER_INCH, metadata={"Software": None})


def picture(group: Group) -> Figure:
    """Return the picture of a group, made of matplotlib's objects: pyplot would look for a display."""
    from matplotlib.figure import Figure

    growth = [line for line in group.growth if len(line.sizes) >= LEAST_SIZES]
    bars_height = ROW_HEIGHT * len(group.pictured)
    growth_top = HEAD_HEIGHT + bars_height + AXIS_HEIGHT
    panels_top = growth_top + KEY_HEIGHT * -(-len(growth) // 2) + PANEL_TITLE_HEIGHT
    height = FOOT_HEIGHT + (panels_top + PANEL_HEIGHT + AXIS_HEIGHT if growth else growth_top)
    figure = Figure((WIDTH / PIXELS_PER_INCH, height / PIXELS_PER_INCH), facecolor=BACKGROUND)
    draw_head_and_foot(figure, group)
    draw_bars(panel(figure, MARGIN, HEAD_HEIGHT, BARS_WIDTH, bars_height), group.pictured)
    if growth:
        draw_growth(figure, growth, group.size_label, panels_top)
        draw_key(figure, growth_top, figure.axes[-1].get_lines(), columns=2)
    return figure


def place(figure: Figure, left: float, top: float) -> tuple[float, float]:
    """Return pixels from the upper left corner as matplotlib counts them: shares, from the lower left one."""
    return left / WIDTH, 1 - top / (figure.get_figheight() * PIXELS_PER_INCH)


def panel(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return new axes."""
    (x, y), (right, upper) = place(figure, left, top + height), place(figure, left + width, top)
    return figure.add_axes((x, y, right - x, upper - y))


def draw_key(figure: Figure, top: float, handles: Sequence[Artist], columns: int) -> None:
    """Write what the colours mean."""
    figure.legend(
        handles=handles,
        ncols=columns,
        loc="upper left",
        bbox_to_anchor=place(figure, MARGIN, top),
        fontsize=TEXT_SIZE,
        labelcolor=TEXT,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
    )


def draw_head_and_foot(figure: Figure, group: Group) -> None:
    """Write the title with what the colours mean, and below all when and where the figures were taken."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    figure.text(*place(figure, MARGIN, 28), group.title, color=TEXT, fontsize=TITLE_SIZE, fontweight="bold")
    meanings: list[Artist] = [
        Patch(color=OURS, label="this project"),
        Patch(color=THEIRS, label="what stands beside it"),
    ]
    if any(row.limit for row in group.pictured):
        meanings.append(Line2D([], [], color=LIMIT, linewidth=3, label="limit"))
    if any(row.is_met is False for row in group.pictured):
        meanings.append(Patch(color=MISSED, label="this project beyond its limit"))
    draw_key(figure, 40, meanings, len(meanings))
    cores = f" on {group.machine.cores} cores" if group.machine else ""
    busy = "" if group.was_idle else f", {busy_machine(group)}"
    bottom = figure.get_figheight() * PIXELS_PER_INCH - MARGIN
    figure.text(*place(figure, MARGIN, bottom), f"{group.taken_at}{cores}{busy}", color=MUTED, fontsize=TEXT_SIZE)


def draw_bars(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw what this project takes, and below it what stands beside it, which is 1 in every comparison."""
    longest = max([1.0, *(row.ratio or 0 for row in rows)])
    limits = [limit_ratio(row) for row in rows]
    highest = max([longest, *(limit for limit in limits if limit <= FARTHEST_LIMIT * longest)])
    axes.set_xlim(0, 1.02 * highest)
    axes.set_ylim(len(rows), 0)
    verdicts: dict[str, Any] = {"x": 1 + VERDICTS_WIDTH / BARS_WIDTH, "ha": "right"}
    verdicts["transform"] = axes.get_yaxis_transform()
    for top, (row, limit) in enumerate(zip(rows, limits, strict=True)):
        ratio, colour = row.ratio or 0, MISSED if row.is_met is False else OURS
        ours, theirs = (amount(value or 0, row.unit) for value in (row.ours, row.theirs))
        axes.barh(top + 0.41, ratio, 0.2, color=colour)
        axes.barh(top + 0.67, 1, 0.3, color=THEIRS)
        if limit <= highest:
            axes.plot([limit, limit], [top + 0.28, top + 0.52], color=LIMIT, linewidth=3, solid_capstyle="butt")
        write(axes, f"{row.name}: {ours}", y=top + 0.15, fontsize=NAME_SIZE)
        write(axes, f" {row.beside}: {theirs}", y=top + 0.67)
        write(
            axes, f"{multiple(ratio)} x", y=top + 0.4, fontsize=NAME_SIZE, fontweight="bold", color=colour, **verdicts
        )
        missed = ", missed" if row.is_met is False else ""
        write(axes, f"{row.limit}{missed}", y=top + 0.67, color=MUTED, **verdicts)
    axes.set_xticks(ticks(highest))
    axes.set_yticks([])
    axes.set_xlabel("times what stands beside it", fontsize=TEXT_SIZE, color=MUTED)
    tidy(axes, "x")


def write(axes: Axes, text: str, **style: Any) -> None:
    """Write a text, from the left edge where nothing else is asked for."""
    usual: dict[str, Any] = {"x": 0, "va": "center", "color": TEXT, "fontsize": TEXT_SIZE}
    axes.text(s=text, **usual | style)


def limit_ratio(row: Row) -> float:
    """Return the ratio that a row must not exceed, the lower one of its limits, infinity without one."""
    limits = [row.max_ratio] if row.max_ratio is not None else []
    limits += [row.max_ours / row.theirs] if row.max_ours is not None and row.theirs else []
    return min(limits, default=math.inf)


def draw_growth(figure: Figure, lines: Sequence[Growth], size_label: str, top: float) -> None:
    """Draw time over size and, where it was measured, memory: proportional cost is a straight line from the corner."""
    highest_size = max(size for line in lines for size in line.sizes)
    unit, unit_name = next(scale for scale in SIZE_UNITS if highest_size >= LEAST_HIGHEST * scale[0])
    is_quick = max(second for line in lines for second in line.seconds) < 1
    seconds = [[1000 * second if is_quick else second for second in line.seconds] for line in lines]
    drawn = [("milliseconds" if is_quick else "seconds", seconds)]
    if all(line.peak_mb for line in lines):
        drawn.append(("MB of memory at most", [list(line.peak_mb) for line in lines]))
    width = (WIDTH - 2 * MARGIN) / len(drawn) - PANEL_LEFT
    for number, (label, costs) in enumerate(drawn):
        axes = panel(figure, MARGIN + PANEL_LEFT + number * (PANEL_LEFT + width), top, width, PANEL_HEIGHT)
        for line, values, colour in zip(lines, costs, LINES, strict=False):
            axes.plot([size / unit for size in line.sizes], values, "o-", color=colour, label=line.name, clip_on=False)
        highest = max(value for values in costs for value in values)
        axes.set_xlim(0, 1.02 * highest_size / unit)
        axes.set_ylim(0, 1.08 * highest)
        axes.set_xticks(ticks(highest_size / unit))
        axes.set_yticks(ticks(highest))
        axes.set_xlabel(f"{unit_name}{size_label}", fontsize=TEXT_SIZE, color=MUTED)
        axes.set_title(label, fontsize=NAME_SIZE, color=TEXT, loc="left")
        tidy(axes, "y")


def ticks(highest: float) -> list[int]:
    """Return whole numbers from 0 to the highest: so many of 1, 2 or 5 times a power of ten that one can read them."""
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if highest / step <= MOST_STEPS)
    return list(takewhile(lambda tick: tick <= highest, (step * number for number in count())))


def tidy(axes: Axes, grid: Literal["x", "y"]) -> None:
    """Remove what carries no information."""
    axes.spines[["top", "right", "left" if grid == "x" else "bottom"]].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
    axes.tick_params(labelsize=TEXT_SIZE, colors=MUTED, length=0, pad=7)
    axes.grid(visible=True, axis=grid, color=GRID, linewidth=1)
    axes.set_axisbelow(True)
