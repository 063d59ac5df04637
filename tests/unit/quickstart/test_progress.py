from __future__ import annotations

import io

import pytest
from rich.console import Console

from quickstart.progress import RunProgress

STAMP = "2026-11-22T17:03:48.930632Z"
SDK = "[airflow.sdk.definitions.dag] loc=dag.py:1501"
SENSOR = "[airflow.task.operators.sagemaker_pca.sensors.jobs.SageMakerTrainingJobSensor] loc=jobs.py:72"


def starts(step: str) -> str:
    return f"{STAMP} [info     ] [DAG TEST] starting task_id={step} map_index=-1 {SDK}"


def ends(step: str) -> str:
    return f"{STAMP} [info     ] [DAG TEST] end task task_id={step} map_index=-1 {SDK}"


def becomes(state: str) -> str:
    routes = "airflow.api_fastapi.execution_api.routes.task_instances"
    return f"{STAMP} [info     ] Task instance state updated    [{routes}] loc=x.py:4 new_state={state} rows_affected=1"


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


def test_a_step_is_shown_as_it_starts_and_as_it_ends_with_state_and_duration(
    progress: RunProgress, clock: Clock, screen: io.StringIO
) -> None:
    progress.feed(starts("training.wait_for_training"))
    assert screen.getvalue().split() == ["training.wait_for_training", "…"]
    clock.now += 12.34
    progress.feed(becomes("success"))
    progress.feed(ends("training.wait_for_training"))
    assert screen.getvalue().splitlines()[1].split() == ["success", "training.wait_for_training", "12.3", "s"]


def test_a_step_that_waited_ends_in_its_last_state(progress: RunProgress, screen: io.StringIO) -> None:
    for line in (starts("wait"), becomes("deferred"), becomes("success"), ends("wait")):
        progress.feed(line)
    assert screen.getvalue().splitlines()[-1].startswith("  success")


def test_a_state_is_not_carried_over_to_the_next_step(progress: RunProgress, screen: io.StringIO) -> None:
    for line in (starts("one"), becomes("failed"), ends("one"), starts("two"), ends("two")):
        progress.feed(line)
    assert screen.getvalue().splitlines()[-1].split()[:2] == ["ended", "two"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"{STAMP} [info     ] algo-1: 3 files [5.2 MB] {SENSOR}", "algo-1: 3 files [5.2 MB]"),
        (f"{STAMP} [warning  ] slow               [unusual_prefix_10f257b4_pca_pipeline]", "slow"),
        ("sagemaker_pca.exceptions.GateFailedError: too few rows", "GateFailedError: too few rows"),
        ("ValueError: x is 3", "ValueError: x is 3"),
    ],
)
def test_what_the_pipeline_says_is_shown(progress: RunProgress, screen: io.StringIO, line: str, shown: str) -> None:
    progress.feed(line)
    assert screen.getvalue().strip() == shown


@pytest.mark.parametrize(
    "line",
    [
        f"{STAMP} [info     ] Pushing xcom                   [task] loc=task_runner.py:2280 ti=sagemaker_pca.x",
        f'{STAMP} [info     ] #metrics {{"Metrics": 1}} {SENSOR}',
        f"{STAMP} [info     ] [11/22/2026 17:24:38 INFO 16588] Create Store: dist_sync {SENSOR}",
        '  File "/x/airflow/sdk/bases/operator.py", line 462, in wrapper',
        "    raise ValueError(f'x is {x}')",
        "second line of a message",
    ],
)
def test_what_airflow_and_the_container_say_is_left_to_the_log(
    progress: RunProgress, screen: io.StringIO, line: str
) -> None:
    progress.feed(line)
    assert screen.getvalue() == ""


def test_without_a_terminal_a_long_silence_is_broken(progress: RunProgress, clock: Clock, screen: io.StringIO) -> None:
    progress.feed(starts("slow"))
    for _ in range(60):
        clock.now += 1.0
        progress.feed("")
    assert [line.split()[-2] for line in screen.getvalue().splitlines()[1:]] == ["20", "40", "60"]


def test_a_terminal_shows_the_running_step_with_a_clock_and_leaves_only_finished_ones() -> None:
    screen = io.StringIO()
    with RunProgress(Console(file=screen, force_terminal=True, no_color=True, width=100)) as progress:
        progress.feed(starts("slow"))
        assert "…" not in screen.getvalue()
    assert "slow 0:00:0" in screen.getvalue()
