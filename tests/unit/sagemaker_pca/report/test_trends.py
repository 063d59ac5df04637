"""Trends over runs: where points and lines lie."""

from datetime import UTC, datetime

import pytest

from sagemaker_pca.report.document import Verdict
from sagemaker_pca.report.summary import RunSummary
from sagemaker_pca.report.trends import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Trend, trend
from sagemaker_pca.report.wording import number_text, percent_text


def rows_trend(*rows: int | None, limit: float | None = None, verdict: Verdict = Verdict.PROMOTED) -> Trend | None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    runs = [RunSummary(verdict=verdict, started_at=moment, finished_at=moment, rows=count) for count in rows]
    return trend("Rows", runs, lambda run: run.rows, number_text, limit)


def test_without_a_number_there_is_no_picture() -> None:
    assert rows_trend() is None
    assert rows_trend(None, None) is None


def test_points_go_from_the_oldest_at_the_left_to_the_newest_at_the_right_larger_ones_higher() -> None:
    made = rows_trend(10, None, 30, 20)
    assert made is not None
    assert [point.x for point in made.points] == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]
    assert made.points[1].y < made.points[2].y < made.points[0].y
    assert made.latest == "20"
    assert made.line == " ".join(f"{point.x},{point.y}" for point in made.points)


@pytest.mark.parametrize("rows", [(7,), (5, 5, 5), (0, 0), (1, 1_000_000), (999, 1001)])
def test_every_point_lies_on_a_scale_of_few_round_numbers(rows: tuple[int, ...]) -> None:
    made = rows_trend(*rows)
    assert made is not None
    assert 2 <= len(made.ticks) <= 6
    assert made.ticks[0].y == HEIGHT - BOTTOM
    assert made.ticks[-1].y == TOP
    assert all(TOP <= point.y <= HEIGHT - BOTTOM for point in made.points)


def test_shares_that_add_up_to_a_hair_more_than_one_make_no_scale_beyond_it() -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    runs = [RunSummary(verdict=Verdict.PROMOTED, started_at=moment, finished_at=moment)]
    made = trend("Explained variance", runs, lambda run: 1.0 + 1e-9, percent_text, limit=0.5)
    assert made is not None
    assert (made.ticks[0].words, made.ticks[-1].words) == ("40%", "100%")


@pytest.mark.parametrize("angles", [(2.6e-14,), (1.7e-14, 2.6e-14), (1.7e-14, 0.0)])
def test_angles_between_equal_models_have_a_scale_too(angles: tuple[float, ...]) -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    runs = [
        RunSummary(verdict=Verdict.PROMOTED, started_at=moment, finished_at=moment, angle_degrees=angle)
        for angle in angles
    ]
    made = trend("Angle", runs, lambda run: run.angle_degrees, number_text)
    assert made is not None
    assert all(TOP <= point.y <= HEIGHT - BOTTOM for point in made.points)


def test_a_limit_far_from_the_points_is_on_the_scale_and_in_words() -> None:
    made = rows_trend(5000, 5100, limit=1000)
    assert made is not None
    assert made.limit_y is not None
    assert max(point.y for point in made.points) < made.limit_y <= HEIGHT - BOTTOM
    assert made.limit_words == "limit 1,000"


def test_the_line_goes_through_promoted_runs_alone() -> None:
    refused = rows_trend(10, 20, verdict=Verdict.REFUSED)
    assert refused is not None
    assert (refused.line, [point.promoted for point in refused.points]) == ("", [False, False])
    assert refused.points[0].words == "10 · refused · 2026-11-22 00:00"
