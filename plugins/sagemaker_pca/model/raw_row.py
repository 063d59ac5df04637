"""Rows in raw units as people and programs give them to an endpoint. Pure."""

from __future__ import annotations

from collections.abc import Sequence
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
    try:
        # float takes underscores between digits, too.
        value = float(cell.replace("_", "?"))
    except ValueError:
        problem = f"is {shown!r}, which is no number" if cell else "has no value"
        raise InputError(f"Column {name} {problem}. The endpoint fills no gaps: give a number.") from None
    if not is_servable(value):
        raise InputError(f"Column {name} is {shown}, {BEYOND}")
    return value


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
