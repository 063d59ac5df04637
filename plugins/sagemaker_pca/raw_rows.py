"""Reads the first rows of a raw file by itself, as a client would have them: raw units, missing cells filled. Pure."""

from __future__ import annotations

import csv
import io
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.exceptions import InputError

GZIP_WINDOW = zlib.MAX_WBITS | 16
# A few megabytes of gzip can hold gigabytes of zeros.
MAX_TEXT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class RawFormat:
    """How raw CSV files are written.

    :param columns: feature columns, in the model's order
    :param fill_values: what replaces a missing cell of each column
    """

    columns: tuple[str, ...]
    fill_values: tuple[float, ...]
    delimiter: str = ","
    decimal: str = "."


def first_rows(name: str, content: bytes, raw_format: RawFormat, limit: int, *, is_whole: bool) -> NDArray[np.float64]:
    """(n, d) feature values of up to `limit` rows from the beginning of a file.

    :param content: the file, or its beginning
    :param is_whole: whether it is the file, so that its last line is no line cut off in the middle of a number
    :raises InputError: when a feature column is missing, or no complete row with numbers is in the content
    """
    cells = (
        _parquet_rows(content, raw_format)
        if name.endswith(".parquet")
        else _csv_rows(name, content, raw_format, is_whole=is_whole)
    )
    rows: list[list[float]] = []
    for values in cells:
        numbers = _numbers(values, raw_format)
        if numbers is not None:
            rows.append(numbers)
        if len(rows) == limit:
            break
    if not rows:
        raise InputError(f"{name} starts with no complete row of numbers for {', '.join(raw_format.columns)}.")
    return np.array(rows, dtype=np.float64)


def _csv_rows(name: str, content: bytes, raw_format: RawFormat, *, is_whole: bool) -> Iterator[Sequence[str]]:
    if name.endswith(".gz"):
        unpacker = zlib.decompressobj(GZIP_WINDOW)
        content = unpacker.decompress(content, MAX_TEXT_BYTES)
        is_whole = is_whole and unpacker.eof and not unpacker.unused_data
    complete = content if is_whole else content.rpartition(b"\n")[0]
    lines = csv.reader(io.StringIO(complete.decode("utf-8-sig", errors="replace")), delimiter=raw_format.delimiter)
    header = [cell.strip() for cell in next(lines, [])]
    positions = [_position(name, header, column) for column in raw_format.columns]
    for line in lines:
        if len(line) > max(positions):
            yield [line[position] for position in positions]


def _position(name: str, header: Sequence[str], column: str) -> int:
    if column not in header:
        raise InputError(f"{name} has no column {column}; its header is {', '.join(header)}.")
    return header.index(column)


def _parquet_rows(content: bytes, raw_format: RawFormat) -> Iterator[Sequence[object]]:
    # Parquet alone needs it, and Airflow's workers import this module for every run.
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
    for batch in file.iter_batches(batch_size=1024, columns=list(raw_format.columns)):
        yield from zip(*(batch.column(column).to_pylist() for column in raw_format.columns), strict=True)


def _numbers(cells: Iterable[object], raw_format: RawFormat) -> list[float] | None:
    """Cells as numbers, missing ones filled; None for a row that holds anything else."""
    numbers = []
    for cell, fill in zip(cells, raw_format.fill_values, strict=True):
        text = "" if cell is None else str(cell).strip().replace(raw_format.decimal, ".")
        try:
            number = float(text) if text else math.nan
        except ValueError:
            return None
        numbers.append(fill if math.isnan(number) else number)
    return numbers
