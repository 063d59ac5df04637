"""Writes or reads one matrix in one format: `python -m benchmarks.programs.matrix_file write|read FORMAT MATRIX FILE`.

Time counts while the file is written or read, and no longer. `raw` copies the bytes of the RecordIO file.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from benchmarks.stopwatch import report_median
from sagemaker_local.pca_algorithm.recordio import encode_features, iter_features, write_features

Matrix = NDArray[np.float32]


def write_recordio(matrix: Matrix, path: Path) -> None:
    """Write records."""
    with path.open("wb") as file:
        write_features(file, matrix)


def write_raw(content: NDArray[np.uint8], path: Path) -> None:
    """Write the same bytes with NumPy alone."""
    content.tofile(path)


def write_csv(table: Any, path: Path) -> None:
    """Write the same numbers with pyarrow."""
    csv.write_csv(table, str(path), csv.WriteOptions(include_header=False))


def read_recordio(path: Path) -> None:
    """Read all records, block by block."""
    with path.open("rb") as file:
        for _block in iter_features(file):
            pass


def read_raw(path: Path) -> None:
    """Read the same bytes with NumPy alone."""
    np.fromfile(path, np.uint8)


def read_csv(path: Path) -> None:
    """Read the same numbers with pyarrow."""
    csv.read_csv(str(path), csv.ReadOptions(autogenerate_column_names=True))


# What is written has to be there before the stopwatch starts.
PREPARE: dict[str, Callable[[Matrix], Any]] = {
    "recordio": lambda matrix: matrix,
    "raw": lambda matrix: np.frombuffer(encode_features(matrix), np.uint8),
    "csv": lambda matrix: pa.table({str(index): np.ascontiguousarray(column) for index, column in enumerate(matrix.T)}),
}
WRITE: dict[str, Callable[[Any, Path], None]] = {"recordio": write_recordio, "raw": write_raw, "csv": write_csv}
READ: dict[str, Callable[[Path], None]] = {"recordio": read_recordio, "raw": read_raw, "csv": read_csv}
# What takes milliseconds is done several times, CSV once.
TIMES = {"recordio": 7, "raw": 7, "csv": 1}


def main(arguments: Sequence[str]) -> None:
    """Do one thing."""
    action, file_format, matrix_path, file_path = arguments
    path = Path(file_path)
    if action == "write":
        prepared = PREPARE[file_format](np.load(matrix_path))
        report_median(lambda: WRITE[file_format](prepared, path), TIMES[file_format])
    else:
        report_median(lambda: READ[file_format](path), TIMES[file_format])


if __name__ == "__main__":
    main(sys.argv[1:])
