"""What the soak test says: a line for each thing that happens, with its time, and one where nothing does."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self

SILENT_SECONDS = 30.0


class Terminal:
    """Lines with the time since the beginning; while the `with` block lasts, none is longer away than half a minute."""

    def __init__(self) -> None:
        self.waiting_for = "Airflow"
        self._begun = self._last = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_talking, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    def say(self, text: str) -> None:
        """Say something at once."""
        self._last = time.monotonic()
        print(f"[{int(self.seconds) // 60:3d}:{int(self.seconds) % 60:02d}] {text}", flush=True)

    def _keep_talking(self) -> None:
        while not self._ended.wait(1):
            if time.monotonic() - self._last > SILENT_SECONDS:
                self.say(f"waiting for {self.waiting_for}")


def table(counts: Mapping[str, Counter[str]]) -> str:
    """What was done how often, a section for each kind of thing."""
    lines = []
    for title, counted in counts.items():
        lines.append(f"{title:24}{counted.total():6}")
        lines += [f"  {name:22}{count:6}" for name, count in sorted(counted.items())]
    return "\n".join(lines)
