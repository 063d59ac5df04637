"""How busy the machine is with other work, and waiting until it is not."""

from __future__ import annotations

import os
import time

from benchmarks.fresh_process import HEARTBEAT_SECONDS, say
from benchmarks.measurement import IDLE_LOAD

MOST_SECONDS = 180.0


def load_average() -> float:
    """Return how many processes were running or waiting to, averaged over the last minute."""
    return round(os.getloadavg()[0], 2)


def wait_until_idle() -> float:
    """Wait until the machine is idle, three minutes at most, and return the load average found at the end."""
    started = time.monotonic()
    while (load := load_average()) >= IDLE_LOAD:
        waited = time.monotonic() - started
        if waited >= MOST_SECONDS:
            say(f"  the load stays at {load:g}: measured all the same, and marked")
            break
        say(f"  load {load:g}: waiting until it is below {IDLE_LOAD:g}, {MOST_SECONDS - waited:.0f} s more at most")
        time.sleep(HEARTBEAT_SECONDS)
    return load
