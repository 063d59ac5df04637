"""CSV without header as a float64 matrix: whole files in parallel blocks, and request bodies of any size."""

import codecs
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_READ_BYTES = 1 << 21
# A file without line ends is no CSV, and is not read to its end to find out.
_MAX_LINE_BYTES = 1 << 25
# Below this size Python's float() is faster than setting up Arrow's parser.
_SMALL_BYTES = 1 << 12

Matrix = NDArray[np.float64]


def parse_csv(data: bytes, label_size: int = 0) -> Matrix:
    """Return the rows of headerless CSV without their labels, (n, d); raises ValueError where a cell is no number.

    Empty cells are NaN.
    """
    if not data.strip():
        raise ValueError("CSV holds no row")
    return _parse_small(data, label_size) if len(data) <= _SMALL_BYTES else _parse_large(data, label_size)


def iter_csv(path: Path, label_size: int) -> Iterator[Matrix]:
    """Yield the rows of a headerless CSV file in blocks, in order, parsed on all cores in bounded memory."""
    workers = os.cpu_count() or 1
    with path.open("rb") as file, ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[Matrix]] = deque()
        for lines in _line_blocks(file):
            pending.append(pool.submit(_parse_large, lines, label_size))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _line_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file in blocks of whole lines."""
    rest = b""
    while block := file.read(_READ_BYTES):
        data = rest + block
        lines, rest = data[: data.rfind(b"\n") + 1], data[data.rfind(b"\n") + 1 :]
        if len(rest) > _MAX_LINE_BYTES:
            raise ValueError(f"CSV has a line of more than {_MAX_LINE_BYTES} bytes")
        if lines.strip():
            yield lines
    if rest.strip():
        yield rest


def _parse_small(data: bytes, label_size: int) -> Matrix:
    if b"_" in data:  # Python reads 1_000 as a number
        raise ValueError("CSV cells must be plain numbers")
    lines = [line for line in data.removeprefix(codecs.BOM_UTF8).splitlines() if line]
    rows = [[float(cell) if cell else np.nan for cell in line.split(b",")[label_size:]] for line in lines]
    widths = sorted(set(map(len, rows)))
    if len(widths) != 1:
        raise ValueError(f"CSV rows have {widths} values. Every row needs the same number.")
    return np.array(rows, np.float64)


def _parse_large(data: bytes, label_size: int) -> Matrix:
    # Arrow takes longer to import than a one-row request takes to answer.
    import pyarrow as pa
    from pyarrow import csv

    column_count = data.lstrip(b"\r\n").split(b"\n", 1)[0].count(b",") + 1
    names = [str(index) for index in range(column_count)]
    features = names[label_size:]
    if not features:
        raise ValueError(f"CSV rows have {column_count} columns, none of them after {label_size} label columns")
    table = csv.read_csv(
        pa.py_buffer(data),
        csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data)),
        csv.ParseOptions(quote_char=False),
        csv.ConvertOptions(column_types=dict.fromkeys(features, pa.float64()), include_columns=features),
    )
    # Columns are contiguous in Arrow, so the matrix is filled by columns and used transposed.
    columns = np.empty((len(features), table.num_rows))
    # Neither to_numpy() nor pa.scalar(): both import pandas where it is installed, which costs a second per process.
    missing = pa.Array.from_buffers(pa.float64(), 1, [None, pa.py_buffer(np.array([np.nan]))])[0]
    for row, column in zip(columns, table.itercolumns(), strict=True):
        numbers = column.fill_null(missing) if column.null_count else column
        np.concatenate([np.from_dlpack(chunk) for chunk in numbers.chunks], out=row)
    return columns.T
