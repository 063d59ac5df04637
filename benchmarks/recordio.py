"""RecordIO-protobuf beside NumPy's own files of the same bytes, and beside CSV of the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.fresh_process import Command, Usage, module, say, take_turns
from benchmarks.measurement import Group, Growth, Row

VALUES = 16_000_000  # of each matrix: 64 MB in float32
WIDTHS = (4, 34, 256)
GROWTH_WIDTH, GROWTH_ROWS = 34, (10_000, 100_000, 1_000_000)
LARGE_ROWS = 10_000_000
ROUNDS = 3
MAX_RATIOS = {"write": 2.0, "read": 1.5}
FORMATS = ("recordio", "raw", "csv")


def measure(folder: Path, full: bool) -> Group:
    """Write and read matrices of several widths."""
    rows: list[Row] = []
    for width in WIDTHS:
        taken = both_ways(folder, VALUES // width, width, FORMATS, ROUNDS)
        for action, usages in taken.items():
            rows += comparisons(action, VALUES // width, width, usages)
    return Group(rows=tuple(rows), growth=growth(folder, full))


def both_ways(
    folder: Path, row_count: int, width: int, formats: tuple[str, ...], rounds: int
) -> dict[str, dict[str, Usage]]:
    """Write and read one matrix in several formats."""
    say(f"  {row_count:,} rows of {width} columns")
    matrix = folder / "matrix.npy"
    np.save(matrix, np.random.default_rng(0).normal(size=(row_count, width)).astype(np.float32))
    return {
        action: take_turns({name: command(action, name, matrix, folder) for name in formats}, rounds)
        for action in ("write", "read")
    }


def command(action: str, file_format: str, matrix: Path, folder: Path) -> Command:
    """Return the command that writes or reads the matrix in one format."""
    file = folder / f"matrix.{file_format}"
    return module("benchmarks.programs.matrix_file", action, file_format, matrix, file)


def comparisons(action: str, row_count: int, width: int, usages: dict[str, Usage]) -> list[Row]:
    """Return the rows of the table for one direction and width."""
    raw = {"write": "tofile, same bytes", "read": "fromfile, same bytes"}[action]
    return [
        comparison(f"{action} {width} columns", row_count, usages["recordio"], raw, usages["raw"], MAX_RATIOS[action]),
        comparison(f"{action} {width} columns", row_count, usages["recordio"], "CSV with pyarrow", usages["csv"]),
    ]


def comparison(
    name: str, row_count: int, ours: Usage, beside: str, theirs: Usage, max_ratio: float | None = None
) -> Row:
    """Compare what two programs took between opening and closing the file."""
    return Row(
        name=name,
        unit="ms",
        ours=1000 * ours.reported["seconds"],
        beside=beside,
        theirs=1000 * theirs.reported["seconds"],
        max_ratio=max_ratio,
        processor_ratio=ours.reported["processor_seconds"] / theirs.reported["processor_seconds"],
        data_rows=row_count,
        data_bytes=4 * VALUES,
    )


def growth(folder: Path, full: bool) -> tuple[Growth, ...]:
    """Write and read 10 and 100 times the rows."""
    sizes = [*GROWTH_ROWS, *([LARGE_ROWS] if full else [])]
    taken = [both_ways(folder, size, GROWTH_WIDTH, ("recordio", "raw"), rounds=3) for size in sizes]
    names = {"recordio": "RecordIO", "raw": "same bytes with NumPy"}
    return tuple(
        Growth(
            name=f"{action} {names[file_format]}, {GROWTH_WIDTH} columns",
            sizes=tuple(sizes),
            seconds=tuple(usages[action][file_format].reported["seconds"] for usages in taken),
        )
        for action in ("write", "read")
        for file_format in names
    )
