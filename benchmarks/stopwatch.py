"""How a measured program tells what its essential part took, apart from starting Python and importing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median


@contextmanager
def stopwatch() -> Iterator[None]:
    """Print the seconds and processor seconds of the block as the program's last line."""
    started, processor_started = time.perf_counter(), time.process_time()
    yield
    report(seconds=time.perf_counter() - started, processor_seconds=time.process_time() - processor_started)


def report_median(action: Callable[[], object], times: int) -> None:
    """Do something several times and print the medians as the program's last line."""
    taken = []
    for _ in range(times):
        started, processor_started = time.perf_counter(), time.process_time()
        action()
        taken.append((time.perf_counter() - started, time.process_time() - processor_started))
    seconds, processor_seconds = map(median, zip(*taken, strict=True))
    report(seconds=seconds, processor_seconds=processor_seconds)


def report(**numbers: float) -> None:
    """Print numbers as the program's last line."""
    sys.stdout.write(f"\n{json.dumps(numbers)}\n")
    sys.stdout.flush()
