from __future__ import annotations

import io

import pytest
from rich.console import Console

from quickstart.airflow_database import Step
from quickstart.progress import RunProgress

RUNNING = Step("wait_for_training", 1, "running", None, None)
DEFERRED = RUNNING._replace(state="deferred")
ENDED = RUNNING._replace(state="success", seconds=12.34)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(clock: Clock, screen: io.StringIO) -> RunProgress:
    return RunProgress(Console(file=screen, width=200), clock)


def lines(screen: io.StringIO) -> list[list[str]]:
    return [line.split() for line in screen.getvalue().splitlines()]


def test_a_step_is_shown_once_as_it_starts_and_once_as_it_ends_with_state_and_duration(
    progress: RunProgress, screen: io.StringIO
) -> None:
    for step in (RUNNING, DEFERRED, RUNNING, ENDED, ENDED):
        progress.show([step])
    assert lines(screen) == [["wait_for_training", "…"], ["success", "wait_for_training", "12.3", "s"]]


def test_a_step_that_is_only_seen_queued_is_shown_as_begun(progress: RunProgress, screen: io.StringIO) -> None:
    queued = RUNNING._replace(state="queued")
    for step in (queued, queued, ENDED):
        progress.show([step])
    assert lines(screen) == [["wait_for_training", "…"], ["success", "wait_for_training", "12.3", "s"]]


def test_a_step_too_short_to_be_seen_running_is_shown_as_it_ended(progress: RunProgress, screen: io.StringIO) -> None:
    progress.show([ENDED, RUNNING._replace(task_id="evaluate_model")])
    assert lines(screen) == [["success", "wait_for_training", "12.3", "s"], ["evaluate_model", "…"]]


def test_each_try_is_shown_with_why_there_is_another(progress: RunProgress, screen: io.StringIO) -> None:
    progress.show([ENDED._replace(state="up_for_retry", retry_reason="[429] passes by itself.")])
    progress.show([ENDED._replace(state="failed", try_number=2)])
    (first, second) = lines(screen)
    assert first == ["up_for_retry", "wait_for_training", "12.3", "s", "[429]", "passes", "by", "itself."]
    assert second == ["failed", "wait_for_training", "12.3", "s"]


def test_without_a_terminal_a_long_silence_is_broken(progress: RunProgress, clock: Clock, screen: io.StringIO) -> None:
    for _ in range(61):
        progress.show([RUNNING])
        clock.now += 1.0
    assert [line[-2] for line in lines(screen)[1:]] == ["20", "40", "60"]


def test_a_terminal_shows_the_running_step_with_a_clock_and_leaves_only_finished_ones() -> None:
    screen = io.StringIO()
    with RunProgress(Console(file=screen, force_terminal=True, no_color=True, width=100)) as progress:
        progress.show([RUNNING])
        assert "…" not in screen.getvalue()
    assert "wait_for_training 0:00:0" in screen.getvalue()
