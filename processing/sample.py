"""An even sample of a host's rows, and its first rows of one file one behind the other."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np

from processing.moments import FloatArray
from processing.rows import IntArray, Rows

# The same rows give the same sample.
SEED = 20_240_101


class Sample:
    """Rows in the units of the files with gaps filled, each with the same chance; memory for those alone.

    Vitter 1985, "Random sampling with a reservoir", algorithm R: row i takes a random place with probability size/i.
    The rows of a batch that do are drawn at once: too many at the chance of the first, and thinned to their own.
    """

    def __init__(self, width: int, size: int, leading_size: int) -> None:
        self._rows: FloatArray = np.empty((size, width))
        self._places: IntArray = np.zeros((size, 2), np.int64)  # file and row
        self._size, self._seen, self._random = size, 0, np.random.default_rng(SEED)
        self._leading: FloatArray = np.empty((0, width))
        self._leading_rows: IntArray = np.zeros(0, np.int64)
        self._leading_size, self._leading_file = leading_size, 0

    def __len__(self) -> int:
        return min(self._seen, self._size)

    def add(self, rows: Rows) -> None:
        """Take from a batch what falls to its rows."""
        count = len(rows.numbers)
        if not len(self._leading):
            self._leading_file = rows.file  # the first that has any row
        if rows.file == self._leading_file and len(self._leading) < self._leading_size:
            wanted = self._leading_size - len(self._leading)
            self._leading = np.concatenate([self._leading, rows.values[:, :wanted].T])
            self._leading_rows = np.concatenate([self._leading_rows, rows.numbers[:wanted]])
        if not self._size:
            return
        room = min(self._size - len(self), count)
        self._put(rows, np.arange(room), np.arange(len(self), len(self) + room))
        if room < count:
            first = self._seen + room + 1  # number of the first row that may push another one out
            hits = self._random.binomial(count - room, self._size / first)
            places = room + np.sort(self._random.choice(count - room, hits, replace=False))
            chosen = places[self._random.random(hits) * (self._seen + places + 1) < first]
            self._put(rows, chosen, self._random.integers(self._size, size=len(chosen)))
        self._seen += count

    def _put(self, rows: Rows, chosen: IntArray, places: IntArray) -> None:
        # Of two rows that fall to one place NumPy keeps the later one, as if they had come one by one.
        self._rows[places] = rows.values[:, chosen].T
        self._places[places, 0], self._places[places, 1] = rows.file, rows.numbers[chosen]

    def arrays(self) -> Dict[str, Any]:
        """What is written: the sample in the order of files and rows, and the leading rows."""
        places = self._places[: len(self)]
        order = np.lexsort((places[:, 1], places[:, 0]))
        return {
            "rows": self._rows[: len(self)][order],
            "file_number": places[order, 0],
            "row": places[order, 1],
            "leading": self._leading,
            "leading_row": self._leading_rows,
            "leading_file_number": np.int64(self._leading_file),
        }
