"""How a measured program tells what its essential part took, apart from starting Python and importing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopwatch() -> Iterator[None]:
    """Print the seconds and processor seconds of the block as the program's last line."""
    started, processor_started = time.perf_counter(), time.process_time()
    yield
    report(seconds=time.perf_counter() - started, processor_seconds=time.process_time() - processor_started)


def report(**numbers: float) -> None:
    """Print numbers as the program's last line."""
    sys.stdout.write(f"\n{json.dumps(numbers)}\n")
    sys.stdout.flush()
