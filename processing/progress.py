"""How far one pass over the rows has come, for whoever watches the log."""

from __future__ import annotations

import time

from processing.messages import log

PROGRESS_SECONDS = 5.0


class Progress:
    """Logs rows, speed and time left of one pass every few seconds, and at the end."""

    def __init__(self, purpose: str, total_bytes: int) -> None:
        self._purpose, self._total_bytes, self._start = purpose, max(total_bytes, 1), time.monotonic()
        self._logged = self._start

    def update(self, rows: int, bytes_read: int, *, last: bool = False) -> None:
        """Log where the pass stands, if it is time."""
        now = time.monotonic()
        if last or now - self._logged >= PROGRESS_SECONDS:
            self._logged, seconds = now, max(now - self._start, 1e-9)
            left = 0 if last else seconds * (self._total_bytes - bytes_read) / max(bytes_read, 1)
            speed = f"{rows / seconds:,.0f} rows/s"
            done = f"{self._purpose} {1 if last else bytes_read / self._total_bytes:.0%}"
            log(f"{done}: {rows:,} rows in {seconds:.1f} s, {speed}, {left:.0f} s left")
