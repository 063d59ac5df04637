"""Show a run as it goes: a line per step with state and duration, and on a terminal a ticking clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from quickstart.airflow_database import Step

# Without a terminal there is no ticking clock; a line this often says that the run goes on.
SILENCE_SECONDS = 20.0
# `airflow dags test` queues a task in the moment it runs it, and again while its trigger waits.
BEGUN_STATES = ("queued", "running", "deferred")
STATE_STYLES = {"success": "green", "skipped": "yellow", "failed": "red", "up_for_retry": "red"}


class RunProgress:
    """Says what is new each time it is shown the steps of a run.

    :param clock: monotonic seconds
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._started_at = self._spoke_at = clock()
        self._begun: set[tuple[str, int]] = set()
        self._ended: set[tuple[str, int]] = set()
        self._ticker = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            transient=True,
            console=console,
            disable=not console.is_terminal,
        )
        self._tick = self._ticker.add_task("Airflow starts")

    def __enter__(self) -> RunProgress:
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ticker.stop()

    def show(self, steps: Iterable[Step]) -> None:
        """Say what has begun and ended since the last time, and break a long silence."""
        for step in steps:
            attempt = (step.task_id, step.try_number)
            if step.state in BEGUN_STATES and attempt not in self._begun:
                self._begun.add(attempt)
                self._begins(step)
            elif step.state in STATE_STYLES and attempt not in self._ended:
                self._ended.add(attempt)
                self._ends(step)
        if not self._console.is_terminal and self._clock() - self._spoke_at >= SILENCE_SECONDS:
            self._print(f"             … {self._clock() - self._started_at:.0f} s")

    def _begins(self, step: Step) -> None:
        self._restart_clock(step.task_id)
        if not self._console.is_terminal:
            self._print(f"  {step.task_id} …")

    def _ends(self, step: Step) -> None:
        reason = f"  [dim]{escape(step.retry_reason)}[/]" if step.retry_reason else ""
        state = f"[{STATE_STYLES[step.state]}]{step.state:12}[/]"
        self._print(f"  {state} {step.task_id:28} {step.seconds or 0.0:6.1f} s{reason}")
        self._restart_clock(f"waiting to try {step.task_id} again" if step.state == "up_for_retry" else "between steps")

    def _restart_clock(self, description: str) -> None:
        self._started_at = self._clock()
        self._ticker.reset(self._tick, description=description)

    def _print(self, markup: str) -> None:
        self._spoke_at = self._clock()
        self._console.print(markup, highlight=False, soft_wrap=True)
