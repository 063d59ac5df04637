"""Rows on their way through the job: numbers, where they stand in their file, and text that goes with them."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from processing.moments import FloatArray

IntArray = npt.NDArray[np.int64]


class Rows(NamedTuple):
    """Rows of one file.

    :param values: (d, n) feature columns: NaN where a cell is missing, infinite where it is no number
    :param numbers: (n,) each row's number among all rows of its file, from 1, bad ones counted
    :param ids: the id columns as Arrow has them, (n,) each
    :param file: place of the file among those of the host
    """

    values: FloatArray
    numbers: IntArray
    ids: Sequence[Any] = ()
    file: int = 0

    def where(self, keep: Any) -> Rows:
        """The rows that a mask (n,) keeps."""
        mask = pa.array(keep)
        return self._replace(
            values=self.values[:, keep], numbers=self.numbers[keep], ids=[column.filter(mask) for column in self.ids]
        )

    def slice(self, start: int, count: int) -> Rows:
        """Some consecutive rows."""
        end = start + count
        ids = [column.slice(start, count) for column in self.ids]
        return self._replace(values=self.values[:, start:end], numbers=self.numbers[start:end], ids=ids)


def numbers_beside(first: int, count: int, missing: IntArray) -> IntArray:
    """Of the numbers from 0 on without the missing ones, which ascend: as many as asked for, from the `first`-th on."""
    present = np.arange(first, first + count)
    # How many of the others come before each missing one.
    before = missing - np.arange(len(missing))
    return present + np.searchsorted(before, present, side="right")
