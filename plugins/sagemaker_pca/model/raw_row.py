"""Rows in raw units as people and programs give them to an endpoint. Pure."""

from __future__ import annotations

import contextlib
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.artifact import FloatArray

LONGEST_SHOWN = 40
# What the endpoint's float32 can hold.
LARGEST_VALUE = float(np.finfo(np.float32).max)
BEYOND = "beyond what the endpoint's 32-bit numbers hold. Give a finite one."


def parse_row(text: str, columns: Sequence[str]) -> FloatArray:
    """(d,) values of a line of CSV: a finite number for each column, with a decimal point.

    Raises:
        InputError: saying what is wrong with the line, and of which column.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"The row is empty. Give {len(columns)} numbers, separated by commas.")
    if len(lines) > 1:
        raise InputError(f"There are {len(lines)} lines. Give one row, without a header.")
    cells = lines[0].split(",")
    if len(cells) != len(columns):
        raise InputError(
            f"The row has {len(cells)} values for {len(columns)} columns. Separate them by commas, and write a decimal "
            "point."
        )
    return np.array([_value(cell.strip(), name) for cell, name in zip(cells, columns, strict=True)])


def _value(cell: str, name: str) -> float:
    shown = cell if len(cell) <= LONGEST_SHOWN else f"{cell[:LONGEST_SHOWN]}…"
    value = number_in(cell)
    if value is None:
        problem = f"is {shown!r}, which is no number" if cell else "has no value"
        raise InputError(f"Column {name} {problem}. The endpoint fills no gaps: give a number.")
    if not is_servable(value):
        raise InputError(f"Column {name} is {shown}, {BEYOND}")
    return value


def number_in(cell: str) -> float | None:
    """The number that a cell holds, None where it holds none."""
    try:
        # float takes underscores between digits, too.
        return float(cell.replace("_", "?"))
    except ValueError:
        return None


def check_rows(rows: FloatArray, columns: Sequence[str]) -> None:
    """Refuse rows (n, d) that the endpoint would not take as they are meant.

    Raises:
        InputError: on another shape, naming both; on a number that is missing or too large, naming its row and column.
    """
    if rows.ndim != 2 or rows.shape[1] != len(columns):
        raise InputError(f"The rows have shape {rows.shape}. Give (n, {len(columns)}): a number for each column.")
    unfit = ~is_servable(rows)
    if unfit.any():
        row, place = divmod(int(np.argmax(unfit)), len(columns))
        where, value = f"Row {row + 1:,}, column {columns[place]}", rows[row, place]
        if np.isnan(value):
            raise InputError(f"{where} has no value. The endpoint fills no gaps: give a number.")
        raise InputError(f"{where} is {value:g}, {BEYOND}")


def is_servable(values: Any) -> Any:
    """Whether numbers are finite, and no larger than the endpoint's float32 holds."""
    return np.abs(values) <= LARGEST_VALUE


def numbers_of(rows: Any, columns: Sequence[str]) -> tuple[FloatArray, Any]:
    """(n, d) numbers of rows of any kind, a gap as NaN, and the index of a DataFrame.

    Raises:
        InputError: when a column is missing or named twice, or something is no number.
    """
    if isinstance(rows, Path):
        rows = rows.read_bytes()
    if isinstance(rows, str | bytes):
        text = rows if isinstance(rows, str) else rows.decode(errors="replace")
        return csv_values(text.removeprefix("\ufeff"), columns), None
    if hasattr(rows, "to_frame"):  # a pandas Series: a row, with its columns for an index
        rows = rows.to_frame().T
    if hasattr(rows, "columns"):
        check_names(columns, list(rows.columns))
        rows = rows[list(columns)]
        _refuse_other_kinds(rows.dtypes)
        with _refusing_text():
            return rows.to_numpy(dtype=np.float64, na_value=np.nan), rows.index
    with _refusing_text():
        values = np.asarray(rows)
    _refuse_other_kinds([values.dtype])
    with _refusing_text():
        return np.atleast_2d(values.astype(np.float64)), None


def _refuse_other_kinds(types: Iterable[Any]) -> None:
    # NumPy makes numbers of these, and measurements they are not.
    if not {"c", "M", "m"}.isdisjoint(getattr(kind, "kind", "") for kind in types):
        raise InputError("The rows hold complex numbers, times or durations. Give real numbers.")


@contextlib.contextmanager
def _refusing_text() -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        raise InputError(f"The rows hold something that is no number: {error}. Give numbers.") from error


def csv_values(text: str, columns: Sequence[str]) -> FloatArray:
    """(n, d) numbers of CSV text, an empty cell as NaN.

    Raises:
        InputError: naming the columns that a header lacks, or the first line that is no row of numbers.
    """
    reader = csv.reader(io.StringIO(text, newline=None))
    try:
        lines = [(reader.line_num, cells) for cells in reader if len(cells) > 1 or any(map(str.strip, cells))]
    except csv.Error as error:
        raise InputError(f"Line {reader.line_num} is no CSV: {error}.") from error
    places, width = list(range(len(columns))), len(columns)
    header = [cell.strip() for cell in lines[0][1]] if lines else []
    # Names may be numbers.
    if header and (set(columns) <= set(header) or None in map(_number_or_gap, header)):
        del lines[0]
        check_names(columns, header)
        places, width = [header.index(name) for name in columns], len(header)
    rows = []
    for line, cells in lines:
        numbers = [_number_or_gap(cells[place]) for place in places] if len(cells) == width else [None]
        if None in numbers:
            raise InputError(f"Line {line} is no row of {width} cells with a number in each of the model's columns.")
        rows.append(numbers)
    return np.array(rows, np.float64).reshape(-1, len(columns))


def _number_or_gap(cell: str) -> float | None:
    return number_in(cell.strip() or "nan")


def check_names(columns: Sequence[str], given: Sequence[Any]) -> None:
    """Refuse rows that lack columns of the model, or have one of them more than once.

    Raises:
        InputError: naming them.
    """
    count = Counter(given)
    if repeated := [name for name in columns if count[name] > 1]:
        raise InputError(f"The rows have {', '.join(repeated)} more than once. Name each column once.")
    if missing := [name for name in columns if not count[name]]:
        raise InputError(
            f"The rows lack {', '.join(missing)}. Give the model's columns: {', '.join(columns[:20])}"
            f"{' …' if len(columns) > 20 else ''}."
        )
