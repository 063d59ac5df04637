"""Show a run of `airflow dags test` as it goes: what it does, for how long, and what the pipeline itself says."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

# A line of Airflow's console log: time, level, event padded to a column, logger, key=value pairs.
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\S+ \[\w+\s*\] (?P<event>.*?)\s+\[(?P<logger>[\w.]+)\](?: |$)")
STEP_STARTS = re.compile(r"\[DAG TEST\] starting task_id=(?P<step>\S+)")
STEP_ENDS = re.compile(r"\[DAG TEST\] end task task_id=(?P<step>\S+)")
NEW_STATE = re.compile(r"\bnew_state=(?P<state>\w+)")
# Loggers of the project: its package, and DAG files, which Airflow loads under a prefixed name.
OWN_LOGGER = re.compile(r"(^|\.)(sagemaker_pca\.|unusual_prefix_)")
# What the algorithm's container and Airflow's own operators say about themselves; the full log has it.
CHATTER = re.compile(r"^(#metrics |\[\d|Docker entrypoint |Running default |Preprocessing the config )")
EXCEPTION_LINE = re.compile(r"^(?:[\w.]+\.)?(?P<error>[A-Z]\w*(?:Error|Exception|Fail\w*|Timeout)\b.*)$")
# Without a terminal there is no ticking clock; a line this often says that the run goes on.
SILENCE_SECONDS = 20.0
STATE_STYLES = {"success": "green", "skipped": "yellow", "failed": "red"}


class RunProgress:
    """Turns the lines of `airflow dags test` into a line per step, with a ticking clock on a terminal.

    :param clock: monotonic seconds
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._started_at = clock()
        self._state = ""
        self._spoke_at = clock()
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

    def feed(self, line: str) -> None:
        """Take the next line of the log; an empty one says that time has passed."""
        if starts := STEP_STARTS.search(line):
            self._step_starts(starts["step"])
        elif ends := STEP_ENDS.search(line):
            self._step_ends(ends["step"])
        elif state := NEW_STATE.search(line):
            self._state = state["state"]
        elif line:
            self._show_message(line)
        elif not self._console.is_terminal and self._clock() - self._spoke_at >= SILENCE_SECONDS:
            self._print(f"               … {self._clock() - self._started_at:.0f} s")

    def _step_starts(self, step: str) -> None:
        self._started_at = self._clock()
        self._state = ""
        self._ticker.reset(self._tick, description=step)
        if not self._console.is_terminal:
            self._print(f"  {step} …")

    def _step_ends(self, step: str) -> None:
        seconds = self._clock() - self._started_at
        style = STATE_STYLES.get(self._state, "")
        self._print(f"  [{style or 'default'}]{self._state or 'ended':10}[/] {escape(step):36} {seconds:6.1f} s")
        self._ticker.reset(self._tick, description="between steps")

    def _show_message(self, line: str) -> None:
        if (entry := LOG_LINE.match(line)) and OWN_LOGGER.search(entry["logger"]):
            if not CHATTER.match(entry["event"]):
                self._print(f"               [dim]{escape(entry['event'])}[/]")
        elif error := EXCEPTION_LINE.match(line):
            self._print(f"               [red]{escape(error['error'])}[/]")

    def _print(self, markup: str) -> None:
        self._spoke_at = self._clock()
        is_terminal = self._console.is_terminal
        self._console.print(
            markup, highlight=False, no_wrap=is_terminal, overflow="ellipsis", soft_wrap=not is_terminal
        )
