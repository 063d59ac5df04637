"""Start programs that end together with this one: normally, on Ctrl-C, when told to terminate, and on failure."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 15.0  # Airflow's services finish what they are writing


class Interrupted(SystemExit):
    """The command was told to end: by Ctrl-C, by SIGTERM, or by its terminal closing."""


class QuickstartError(Exception):
    """The command cannot go on; the message says why and what to do, in one sentence or two."""


@contextlib.contextmanager
def programs_end_here(grace_seconds: float = GRACE_SECONDS) -> Iterator[None]:
    """End every program started inside, with all that they started, however the block is left."""

    def leave(signal_number: int, _frame: FrameType | None) -> None:
        # From here on all is clean-up, which a second Ctrl-C would cut short: programs and folders would be left.
        ignore_ending_signals()
        raise Interrupted(128 + signal_number)

    others = set(psutil.Process().children())
    previous = {number: signal.signal(number, leave) for number in ENDING_SIGNALS}
    interrupted = False
    try:
        yield
    except Interrupted:
        interrupted = True
        raise
    finally:
        ignore_ending_signals()
        end_programs([child for child in psutil.Process().children() if child not in others], grace_seconds)
        if not interrupted:
            for number, handler in previous.items():
                signal.signal(number, handler)


def ignore_ending_signals() -> None:
    """Let nothing interrupt what follows."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def start_program(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, group: int = 0, *, is_told: bool = False
) -> subprocess.Popen[bytes]:
    """Start a Python program of the project's environment in a process group apart from the terminal's.

    :param arguments: what follows ``python -m``
    :param log: file that gets its standard output and standard error
    :param group: process group to join; 0 starts a new one
    :param is_told: whether its standard input is a pipe from here, and not empty
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE if is_told else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=group,
        )


def end_programs(programs: Sequence[psutil.Process], grace_seconds: float = GRACE_SECONDS) -> None:
    """Ask programs and all their descendants to end, and kill what has not after the grace.

    psutil rather than os.killpg: Airflow's task processes lead process groups of their own, which a signal to the
    program's group does not reach. What they fork at that very moment is in one of these groups, and found at the end.
    """
    family = [process for program in programs for process in family_of(program)]
    groups = {group_of(process.pid) for process in family} - {None, os.getpgrp()}
    send(family, signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=grace_seconds)
    late = [
        process
        for process in psutil.process_iter(["status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE and group_of(process.pid) in groups
    ]
    send([*alive, *late], signal.SIGKILL)
    psutil.wait_procs([*alive, *late], timeout=grace_seconds)


def family_of(program: psutil.Process) -> list[psutil.Process]:
    """Return the program and what it started, directly or not; nothing when it has gone."""
    try:
        return [program, *program.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def group_of(pid: int) -> int | None:
    """Return the process group, None when the process has gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def send(processes: Sequence[psutil.Process], signal_number: signal.Signals) -> None:
    """Signal each process that is still the one meant; psutil refuses a process id that was given away since."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal_number)


def last_lines(log: Path, count: int = 15) -> str:
    """Return the end of a log, indented, to show why a program ended."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    return "\n".join(f"    {line}" for line in lines)
