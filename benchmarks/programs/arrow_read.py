"""Reads the columns of a CSV file with pyarrow, on all cores, and does nothing with them: `FILE COLUMN...`."""

import sys
from collections.abc import Sequence

import pyarrow as pa
from pyarrow import csv


def main(path: str, columns: Sequence[str]) -> None:
    """Read the whole file into memory."""
    converting = csv.ConvertOptions(include_columns=columns, column_types=dict.fromkeys(columns, pa.float64()))
    csv.read_csv(path, csv.ReadOptions(block_size=4 << 20), convert_options=converting)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
