"""The rows of this host as training sees them: what becomes of bad rows and of gaps."""

from __future__ import annotations

import argparse
import itertools
from typing import Iterator, Sequence

import numpy as np

from processing.bad_rows import BadRow
from processing.cells import FLOAT32_MAX, NO_VALUE
from processing.input_files import InputFile
from processing.messages import InputError, log
from processing.moments import Document, FloatArray
from processing.progress import Progress
from processing.read_ahead import batches_of_files
from processing.rows import Rows

NAMED_BAD_ROWS = 10


class TrainingRows:
    """The rows of this host as training sees them before scaling: no bad rows, no gaps. Counts what it met.

    A gap that takes the mean stays one, NaN, in the first pass, which has yet to find the mean.
    """

    def __init__(
        self, files: Sequence[InputFile], arguments: argparse.Namespace, fill: FloatArray | None, purpose: str
    ) -> None:
        self.files: list[Document] = []
        self.bad_rows: list[BadRow] = []
        self.rows_read = self.dropped_rows = self.skipped_rows = 0
        self.null_count = np.zeros(len(arguments.feature_columns), np.int64)
        self._files, self._arguments, self._purpose = files, arguments, purpose
        self._fill = np.zeros(self.null_count.shape)
        if arguments.missing_values == "mean":
            self._fill = np.full(self.null_count.shape, np.nan) if fill is None else fill
        self._fails = arguments.on_bad_rows == "fail"

    @property
    def row_count(self) -> int:
        """How many rows are left of those read so far."""
        return self.rows_read - self.dropped_rows

    def __iter__(self) -> Iterator[Rows]:
        progress = Progress(self._purpose, sum(file.size for file in self._files))
        bytes_before = 0
        for file, batches in batches_of_files(self._files):
            rows_before, skipped_before = self.row_count, self.skipped_rows
            for batch in batches:
                rows, is_plain = batch._replace(file=len(self.files)), holds_numbers_alone(batch.values)
                if not is_plain:
                    rows = self._good_rows(file, rows)
                self.rows_read += len(rows.numbers)
                yield rows if is_plain else self._handle_gaps(rows)
                progress.update(self.rows_read, bytes_before + file.bytes_read)
            bytes_before += file.size
            self.files.append({"name": file.name, "rows": self.row_count - rows_before})
            self.skipped_rows += file.skipped_rows
            if self.skipped_rows > skipped_before:
                self.bad_rows += itertools.islice(file.bad_rows(), NAMED_BAD_ROWS - len(self.bad_rows))
        progress.update(self.rows_read, bytes_before, last=True)
        self._judge_skipped()

    def _good_rows(self, file: InputFile, rows: Rows) -> Rows:
        beyond = np.abs(rows.values) > FLOAT32_MAX
        gap = self._arguments.missing_values == "fail" and bool(np.isnan(rows.values).any())
        if gap or (self._fails and beyond.any()):
            found = (row for row in file.bad_rows() if self._fails or row.reason.endswith(NO_VALUE))
            where = next(found, None)
            is_gap = where.reason.endswith(NO_VALUE) if where else gap
            remedy = "missing_values to zero, mean or drop" if is_gap else "on_bad_rows=skip"
            raise InputError(
                f"{where or f'{file.name}: a value is missing or infinite'}. Correct the file, or set {remedy}."
            )
        if not beyond.any():
            return rows
        bad = beyond.any(axis=0)
        self.skipped_rows += int(np.count_nonzero(bad))
        return rows.where(~bad)

    def _handle_gaps(self, rows: Rows) -> Rows:
        missing = np.isnan(rows.values)
        if not missing.any():
            return rows
        self.null_count += missing.sum(axis=1)
        if self._arguments.missing_values != "drop":
            return rows._replace(values=np.where(missing, self._fill[:, np.newaxis], rows.values))
        keep = ~missing.any(axis=0)
        self.dropped_rows += int(np.count_nonzero(~keep))
        return rows.where(keep)

    def _judge_skipped(self) -> None:
        if not self.skipped_rows:
            return
        share = f"{self.skipped_rows:,} of {self.rows_read + self.skipped_rows:,} rows"
        log("\n  ".join([f"skipped {share}, the first being", *map(str, self.bad_rows)]))
        allowed = self._arguments.max_bad_fraction
        if self.skipped_rows > allowed * (self.rows_read + self.skipped_rows):
            first = "".join(f" The first is {row}." for row in self.bad_rows[:1])
            raise InputError(f"{share} are bad, more than max_bad_fraction={allowed}.{first} Correct the files.")


def holds_numbers_alone(values: FloatArray) -> bool:
    """Whether there is no gap and nothing beyond float32: two quick passes, and most batches need no other."""
    # A comparison with NaN, which is also the least and the largest of values with a NaN, is false.
    return bool(values.size and values.min() >= -FLOAT32_MAX and values.max() <= FLOAT32_MAX)
