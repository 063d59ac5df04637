"""How often to look at something that takes its time. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator

GROWTH = 1.1
CEILING = 4.0
JITTER = 0.1


def delays(poll_seconds: float) -> Iterator[float]:
    """Seconds to sleep before each look: from `poll_seconds` slowly up to four times that.

    Jitter only lengthens a delay: many waits started together drift apart, and none asks more often than told to.
    """
    for delay in shortest_delays(poll_seconds):
        yield delay * random.uniform(1, 1 + JITTER)  # noqa: S311 - spreads load, keeps no secret


def shortest_delays(poll_seconds: float) -> Iterator[float]:
    """Likewise without jitter."""
    delay = poll_seconds
    while True:
        yield delay
        delay = min(delay * GROWTH, poll_seconds * CEILING)
