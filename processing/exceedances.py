"""How many scored rows lie beyond the limits of T² and Q, by file and by window of rows."""

from __future__ import annotations

from typing import Any, Dict, Iterable

import numpy as np

from processing.moments import Document
from processing.rows import IntArray

LEVELS = (95, 99)
COUNTS = tuple(f"{name}_{level}" for name in ("T2", "Q", "either") for level in LEVELS)


class Exceedances:
    """Counts per file and, if asked for, per window of consecutive row numbers of a file; 99 counts in 95, too."""

    def __init__(self, window_rows: int) -> None:
        self._files: Dict[str, Document] = {}
        self._windows: Dict[tuple[str, int], Document] = {}
        self._window_rows = window_rows

    def add(self, file_name: str, numbers: IntArray, t_squared: Any, q: Any) -> None:
        """Count rows of one file by the levels, 0, 95 or 99, that each statistic exceeds."""
        if not len(numbers):
            return
        statistics = {"T2": t_squared, "Q": q, "either": np.maximum(t_squared, q)}
        beyond = {f"{name}_{level}": levels >= level for name, levels in statistics.items() for level in LEVELS}
        entry = self._entry(file_name)
        entry["rows"] += len(numbers)
        for name, mask in beyond.items():
            entry[name] += int(np.count_nonzero(mask))
        if self._window_rows:
            self._add_to_windows(file_name, numbers, beyond)

    def _add_to_windows(self, file_name: str, numbers: IntArray, beyond: Dict[str, Any]) -> None:
        windows = (numbers - 1) // self._window_rows
        first = int(windows[0])
        rows = np.bincount(windows - first)
        counts = {name: np.bincount(windows - first, weights=mask) for name, mask in beyond.items()}
        for place in np.flatnonzero(rows):
            window = first + int(place)
            start = window * self._window_rows
            entry = self._windows.setdefault(
                (file_name, window),
                {
                    "name": file_name,
                    "first_row": start + 1,
                    "last_row": start + self._window_rows,
                    "rows": 0,
                    **dict.fromkeys(COUNTS, 0),
                },
            )
            entry["rows"] += int(rows[place])
            for name, count in counts.items():
                entry[name] += int(count[place])

    def _entry(self, file_name: str) -> Document:
        return self._files.setdefault(file_name, {"name": file_name, "rows": 0, **dict.fromkeys(COUNTS, 0)})

    def document(self, file_names: Iterable[str]) -> Document:
        """What was counted, ready for JSON; of a file without rows that there was nothing to count."""
        return {"files": [self._entry(name) for name in file_names], "windows": list(self._windows.values())}
