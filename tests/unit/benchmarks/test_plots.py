from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.measurement import RESULTS, Group, Growth, Results, Row, picture_path
from benchmarks.overview import OVERVIEW, overview
from benchmarks.plots import LIMIT, draw, picture, ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = Row(name="read", unit="s", ours=3.0, beside="NumPy", theirs=2.0, max_ratio=2)
GROUP = Group(title="Reading", rows=(ROW, ROW.model_copy(update={"name": "write"})))
GROWTH = Growth(name="read", sizes=(10, 100, 1_000), seconds=(1.0, 2.0, 9.0))

COMMITTED = Results.read()
PICTURED = {picture_path(name): group for name, group in COMMITTED.groups.items() if group.pictured} | {
    OVERVIEW: overview(COMMITTED)
}
# As wide as GitHub shows a README's pictures at least.
README_WIDTH, LEAST_TEXT = 830, 11


def drawn(group: Group) -> Figure:
    figure = picture(group)
    figure.draw_without_rendering()
    return figure


def texts(figure: Figure) -> list[Any]:
    from matplotlib.text import Text

    found: list[Any] = figure.findobj(lambda artist: isinstance(artist, Text) and bool(artist.get_text()))
    return [text for text in found if text.get_visible()]


def limits(figure: Figure) -> list[float]:
    lines: list[Any] = [line for line in figure.axes[0].get_lines() if line.get_color() == LIMIT]
    return [line.get_xdata()[0] for line in lines]


@pytest.mark.parametrize("path", PICTURED, ids=lambda path: path.stem)
def test_every_text_of_a_picture_can_be_read_in_a_readme(path: Path) -> None:
    figure = drawn(PICTURED[path])
    page_pixels = README_WIDTH / (figure.get_figwidth() * 72)
    boxes = {text: text.get_window_extent() for text in texts(figure)}
    assert [text.get_text() for text in boxes if text.get_fontsize() * page_pixels < LEAST_TEXT] == []
    whole = figure.bbox
    cut = [
        text.get_text()
        for text, box in boxes.items()
        if box.x0 < 0 or box.y0 < 0 or box.x1 > whole.width or box.y1 > whole.height
    ]
    assert cut == []
    pairs = [(a.get_text(), b.get_text()) for a, b in combinations(boxes, 2) if boxes[a].overlaps(boxes[b])]
    assert pairs == []


def test_there_are_pictures_of_what_is_worth_one_and_no_others() -> None:
    assert set(RESULTS.parent.glob("*.png")) == set(PICTURED)


def test_a_picture_has_a_ground_of_its_own_for_light_and_dark_pages(tmp_path: Path) -> None:
    from matplotlib.image import imread

    draw(GROUP, tmp_path / "new folder" / "picture.png")
    pixels = imread(tmp_path / "new folder" / "picture.png")
    assert pixels[0, 0].tolist() == [1, 1, 1, 1]
    assert pixels[..., 3].min() == 1


def test_growth_of_time_and_memory_each_get_a_panel() -> None:
    memory = GROWTH.model_copy(update={"peak_mb": (50.0, 51.0, 52.0)})
    panels = [len(drawn(GROUP.model_copy(update={"growth": growth})).axes) for growth in ((), (GROWTH,), (memory,))]
    assert panels == [1, 2, 3]


def test_two_sizes_make_no_line() -> None:
    growth = Growth(name="read", sizes=(10, 100), seconds=(1.0, 2.0))
    assert len(drawn(GROUP.model_copy(update={"growth": (growth,)})).axes) == 1


def test_a_limit_stands_where_the_bar_must_end_at_most() -> None:
    of_ratio, of_figure = ROW, ROW.model_copy(update={"max_ratio": None, "max_ours": 5.0})
    assert limits(drawn(Group(rows=(of_ratio, of_figure)))) == [2, 2.5]


def test_a_limit_far_out_is_told_in_words_and_leaves_the_bars_their_length() -> None:
    figure = drawn(Group(rows=(ROW, ROW.model_copy(update={"max_ratio": None, "max_ours": 100.0}))))
    assert limits(figure) == [2]
    assert "≤ 100 s" in [text.get_text() for text in texts(figure)]


def test_a_missed_limit_is_said_in_words_too() -> None:
    shown = [text.get_text() for text in texts(drawn(Group(rows=(ROW, ROW.model_copy(update={"max_ratio": 1.2})))))]
    assert "≤ 1.2 x, missed" in shown
    assert "this project beyond its limit" in shown


@pytest.mark.parametrize(
    ("load", "foot"), [(0.2, "2026-11-29 14:01 UTC"), (1.5, "2026-11-29 14:01 UTC, not idle: load 1.5")]
)
def test_a_picture_says_that_the_machine_was_not_idle(load: float, foot: str) -> None:
    group = GROUP.model_copy(update={"taken_at": "2026-11-29 14:01 UTC", "load_before": load})
    assert foot in [text.get_text() for text in texts(drawn(group))]


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (0.3, [0]),
        (1.15, [0, 1]),
        (4.0, [0, 1, 2, 3, 4]),
        (20.8, [0, 5, 10, 15, 20]),
        (157.7, [0, 50, 100, 150]),
        (1000, [0, 200, 400, 600, 800, 1000]),
    ],
)
def test_ticks_are_few_whole_numbers(highest: float, expected: list[int]) -> None:
    assert ticks(highest) == expected
