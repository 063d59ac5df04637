"""How a pipeline's runs went, one picture per measure: where its points lie. Pure; a template draws them.

Points stand in the order of the runs, evenly spaced, for runs are what a reader counts; a limit of the quality gate
is a line across, and the scale always shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import ClassVar

from sagemaker_pca.report.document import Verdict
from sagemaker_pca.report.summary import RunSummary

WIDTH, HEIGHT = 440, 150
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 22
TICKS = 4
NOISE = 1e-6


@dataclass(frozen=True, slots=True)
class Point:
    """One run in a picture, in pixels, with the words that name it."""

    x: float
    y: float
    words: str
    promoted: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A round number on the scale."""

    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Trend:
    """One measure over the runs, the oldest first; `line` goes through the points of promoted runs alone."""

    title: str
    latest: str
    points: tuple[Point, ...]
    line: str
    ticks: tuple[Tick, ...]
    limit_y: float | None
    limit_words: str

    width: ClassVar[int] = WIDTH
    height: ClassVar[int] = HEIGHT
    left: ClassVar[int] = LEFT
    right: ClassVar[int] = WIDTH - RIGHT


def trend(
    title: str,
    summaries: Sequence[RunSummary],
    measure: Callable[[RunSummary], float | None],
    words: Callable[[float | None], str],
    limit: float | None = None,
) -> Trend | None:
    """The picture of a measure; None where no run has it.

    :param summaries: runs, the oldest first
    :param measure: reads the number
    :param words: writes a number, its unit included
    :param limit: of the quality gate, as the newest run had it
    """
    known = [(run, value) for run in summaries if (value := measure(run)) is not None]
    if not known:
        return None
    ticks = _ticks([value for _, value in known] + ([] if limit is None else [limit]))
    low, high = ticks[0], ticks[-1]
    height = HEIGHT - TOP - BOTTOM

    def y(value: float) -> float:
        return round(TOP + height * (high - value) / (high - low), 1)

    step = (WIDTH - LEFT - RIGHT) / max(len(known) - 1, 1)
    points = tuple(
        Point(
            x=round(LEFT + step * place, 1),
            y=y(value),
            words=f"{words(value)} · {run.verdict} · {run.started_at:%Y-%m-%d %H:%M}",
            promoted=run.verdict is Verdict.PROMOTED,
        )
        for place, (run, value) in enumerate(known)
    )
    return Trend(
        title=title,
        latest=words(known[-1][1]),
        points=points,
        line=" ".join(f"{point.x},{point.y}" for point in points if point.promoted),
        ticks=tuple(Tick(y(value), words(value).replace(".0%", "%")) for value in ticks),
        limit_y=None if limit is None else y(limit),
        limit_words="" if limit is None else f"limit {words(limit)}",
    )


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers around the values: 1, 2 or 5 times a power of ten apart."""
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(span / TICKS))
    stride = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= TICKS)
    # A sum of shares may be a hair above one.
    first, last = floor(low / stride + NOISE), -floor(NOISE - high / stride)
    # Twelve digits, not decimals: angles between equal models are as small as rounding makes them.
    return [float(f"{stride * place:.12g}") for place in range(first, max(last, first + 1) + 1)]
