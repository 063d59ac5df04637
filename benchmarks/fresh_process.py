"""Fresh processes side by side: each program in a process of its own, taking turns, with time and memory counted."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

LAUNCHER = Path(__file__).with_name("launch.py")
WITHOUT_PANDAS = Path(__file__).parent / "programs" / "without_pandas.py"
HEARTBEAT_SECONDS = 20.0

Command = Sequence[str | Path]


class Usage(NamedTuple):
    """What a program took: wall time, user and system time together, peak memory, and what it reported itself."""

    seconds: float
    processor_seconds: float
    peak_mb: float
    reported: Any = None


def module(name: str, *arguments: str | Path) -> Command:
    """Return the command that runs a module of the project."""
    return [sys.executable, "-m", name, *arguments]


def script_without_pandas(path: Path, *arguments: str | Path) -> Command:
    """Return the command that runs a script in a Python that finds no pandas."""
    return [sys.executable, WITHOUT_PANDAS, path, *arguments]


def run(command: Command, environment: Mapping[str, str] | None = None) -> Usage:
    """Run a program to its end; if its last line is a JSON object, that is what it reports.

    Raises:
        RuntimeError: when the program fails; the message ends with its output
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        usage_path, output_path = Path(folder, "usage.json"), Path(folder, "output.txt")
        launch = [sys.executable, "-I", "-S", LAUNCHER, usage_path, *command]
        with output_path.open("wb") as output:
            process = subprocess.Popen(launch, env=environment, stdout=output, stderr=subprocess.STDOUT)
            exit_code = wait(process)
        text = output_path.read_text(encoding="utf-8", errors="replace")
        if exit_code != 0:
            shown = " ".join(map(str, command[:4]))
            raise RuntimeError(f"{shown} … ended with exit code {exit_code}:\n{text[-2000:]}")
        taken = json.loads(usage_path.read_text(encoding="utf-8"))
    last_line = text.rstrip().rpartition("\n")[2]
    return Usage(**taken, reported=json.loads(last_line) if last_line.startswith("{") else None)


def wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for a program, with a sign of life every now and then."""
    started = time.monotonic()
    while True:
        try:
            return process.wait(HEARTBEAT_SECONDS)
        except subprocess.TimeoutExpired:
            say(f"    … {time.monotonic() - started:.0f} s")


def take_turns(
    commands: Mapping[str, Command], rounds: int, environment: Mapping[str, str] | None = None
) -> dict[str, Usage]:
    """Run each program once a round and return their medians: what slows the machine slows all of them alike."""
    found: dict[str, list[Usage]] = {name: [] for name in commands}
    for number in range(1, rounds + 1):
        for name, command in commands.items():
            found[name].append(run(command, environment))
        latest = ", ".join(f"{name} {format_usage(usages[-1])}" for name, usages in found.items())
        say(f"  {number}/{rounds}: {latest}")
    return {name: medians(usages) for name, usages in found.items()}


def medians(usages: Sequence[Usage]) -> Usage:
    """Return the median of each count; of what the programs reported, the median of each number."""
    reports = [usage.reported for usage in usages if usage.reported is not None]
    reported = {key: median(report[key] for report in reports) for key in reports[0]} if reports else None
    return Usage(
        median(usage.seconds for usage in usages),
        median(usage.processor_seconds for usage in usages),
        median(usage.peak_mb for usage in usages),
        reported,
    )


def format_usage(usage: Usage) -> str:
    """Return what counts of a run in a few characters: the time that the program stopped itself, else its own."""
    seconds = usage.reported.get("seconds", usage.seconds) if usage.reported else usage.seconds
    return f"{seconds:.3g} s, {usage.peak_mb:.0f} MB"


def say(text: str) -> None:
    """Show progress at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
