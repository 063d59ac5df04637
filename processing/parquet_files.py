"""Parquet files: their columns, their numbers, and their bad rows."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import pyarrow as pa

from processing.bad_rows import BadRow
from processing.cells import FLOAT32_MAX, NO_VALUE, out_of_range
from processing.columns import find_columns
from processing.messages import InputError
from processing.rows import Rows

BATCH_BYTES = 4 << 20


class ParquetFile:
    """One Parquet file."""

    def __init__(self, path: Path, name: str, arguments: argparse.Namespace) -> None:
        self.path, self.name, self.size = path, name, path.stat().st_size
        self.bytes_read = self.skipped_rows = 0
        self._wanted, self._gaps_are_bad = arguments.feature_columns, arguments.missing_values == "fail"
        self._ids = arguments.id_columns
        with self._open() as file:
            schema, self._row_count = file.schema_arrow, file.metadata.num_rows
        self.columns, kinds = list(schema.names), schema.types
        self.numeric_columns = [column for index, column in enumerate(self.columns) if is_number(kinds[index])]
        for column, index in find_columns(self.columns, self._wanted, name).items():
            if not is_number(kinds[index]):
                raise InputError(f"{name}: column {column!r} has type {kinds[index]}. Store it as numbers.")
        for column, index in find_columns(self.columns, self._ids, name).items():
            if not is_text(kinds[index]):
                raise InputError(f"{name}: column {column!r} has type {kinds[index]}. Store it as text or numbers.")

    @property
    def is_short(self) -> bool:
        """Whether it is of one batch's size."""
        return self.size <= BATCH_BYTES

    def batches(self) -> Iterator[Rows]:
        """All rows."""
        rows_read, columns = 0, list(dict.fromkeys([*self._wanted, *self._ids]))
        with self._open() as file:
            for batch in file.iter_batches(max(1, BATCH_BYTES // 8 // len(columns)), columns=columns):
                numbers = np.arange(rows_read + 1, rows_read + batch.num_rows + 1)
                rows_read += batch.num_rows
                self.bytes_read = self.size * rows_read // self._row_count
                values = (batch.column(name).cast(pa.float64(), safe=False) for name in self._wanted)
                yield Rows(
                    np.stack([column.to_numpy(zero_copy_only=False) for column in values]),
                    numbers,
                    [batch.column(name).cast(pa.string()) for name in self._ids],
                )

    def bad_rows(self) -> Iterator[BadRow]:
        """The rows with infinite values, where gaps are no good also those with gaps; line counts rows from 1."""
        for rows in self.batches():
            values = rows.values
            bad = (np.abs(values) > FLOAT32_MAX) | (np.isnan(values) & self._gaps_are_bad)
            for row in np.flatnonzero(bad.any(axis=0)):
                column = int(np.argmax(bad[:, row]))
                problem = NO_VALUE if np.isnan(values[column, row]) else out_of_range(float(values[column, row]))
                yield BadRow(self.name, int(rows.numbers[row]), f"column {self._wanted[column]!r} {problem}")

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        import pyarrow.parquet as pq  # which jobs over CSV do without

        try:
            with pq.ParquetFile(str(self.path)) as file:
                yield file
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{self.name} is cut off or damaged: {error}. Upload it again.") from error


def is_text(kind: Any) -> bool:
    """Whether a column of this Arrow type can be carried along as text."""
    types = pa.types
    is_bytes = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    return not (types.is_nested(kind) or is_bytes)


def is_number(kind: Any) -> bool:
    """Whether a column of this Arrow type can be a feature."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
