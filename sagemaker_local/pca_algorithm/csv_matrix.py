"""CSV without header as a float64 matrix: whole files in parallel blocks, and request bodies of any size."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_READ_BYTES = 1 << 21
# Below this size Python's float() is faster than setting up Arrow's parser.
_SMALL_BYTES = 1 << 12

Matrix = NDArray[np.float64]


def parse_csv(data: bytes, label_size: int = 0) -> Matrix:
    """Return the rows of headerless CSV without their labels, (n, d); raises ValueError where a cell is no number.

    Empty cells are NaN.
    """
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
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
    if rest.strip():
        yield rest


def _parse_small(data: bytes, label_size: int) -> Matrix:
    lines = [line for line in data.decode("utf-8-sig").splitlines() if line and not line.isspace()]
    rows = [[float(cell) if cell.strip() else np.nan for cell in line.split(",")[label_size:]] for line in lines]
    widths = set(map(len, rows))
    if len(widths) != 1:
        raise ValueError(
            f"CSV rows hold {sorted(widths)} values. Every row needs the same number, and one row is needed."
        )
    return np.array(rows, np.float64)


def _parse_large(data: bytes, label_size: int) -> Matrix:
    # Arrow takes longer to import than a one-row request takes to answer.
    import pyarrow as pa
    from pyarrow import csv

    column_count = data.lstrip(b"\r\n").split(b"\n", 1)[0].count(b",") + 1
    names = [str(index) for index in range(column_count)]
    features = names[label_size:]
    table = csv.read_csv(
        pa.py_buffer(data),
        csv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(data), 1)),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(features, pa.float64()), include_columns=features
        ),
    )
    # Columns are contiguous in Arrow, so the matrix is filled by columns and used transposed.
    columns = np.empty((len(features), table.num_rows))
    for row, column in zip(columns, table.itercolumns(), strict=True):
        numbers = column.fill_null(np.nan) if column.null_count else column
        # Not to_numpy(), which imports pandas where it is installed and so costs a second per process.
        row[:] = np.concatenate([np.from_dlpack(chunk) for chunk in numbers.chunks])
    return columns.T
