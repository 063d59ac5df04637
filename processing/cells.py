"""What a cell means: a gap, a number, or neither."""

from __future__ import annotations

import argparse
import contextlib
import re
from typing import Any

import numpy as np
import pyarrow as pa

FLOAT32_MAX = float(np.finfo(np.float32).max)
NO_VALUE = "has no value"
SPELLINGS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "-NaN", "-nan", "null", "Null", "NULL", "None")
MISSING_CELLS = (*SPELLINGS, *(f" {spelling}" for spelling in SPELLINGS))
# Numbers as Arrow reads them, for either decimal mark.
NUMBER = {mark: re.compile(rf"[+-]?([0-9]+[{mark}]?[0-9]*|[{mark}][0-9]+)([eE][+-]?[0-9]+)?") for mark in ".,"}


def cell_problem(cell: str, arguments: argparse.Namespace) -> str | None:
    """What is wrong with a cell, judged as Arrow judges it."""
    if cell in MISSING_CELLS:
        return NO_VALUE if arguments.missing_values == "fail" else None
    text = cell.strip(" \t")
    if not NUMBER[arguments.decimal].fullmatch(text):
        return f"holds {cell[:40]!r}, which is no finite number"
    return out_of_range(float(text.replace(",", ".")))


def out_of_range(value: float) -> str | None:
    """What is wrong with a number that training, which works in float32, cannot take."""
    return None if abs(value) <= FLOAT32_MAX else f"holds {value!r}, beyond the range of float32"


def with_gaps(column: Any) -> Any:
    """An Arrow column of text in which gaps are still spelt out, without them."""
    import pyarrow.compute as pc  # most runs do without, and it takes a tenth of a second

    return pc.if_else(pc.is_in(column, value_set=pa.array(MISSING_CELLS)), None, column)


def to_numbers(column: Any, decimal: str) -> Any:
    """An Arrow column of text as doubles, gaps kept: infinite where a cell is no number."""
    if decimal == ".":
        with contextlib.suppress(pa.ArrowInvalid):  # most blocks of strings hold nothing but numbers
            return column.cast(pa.float64())
    import pyarrow.compute as pc

    text = pc.utf8_trim(column, characters=" \t")
    is_number = pc.match_substring_regex(text, f"^{NUMBER[decimal].pattern}$")
    return pc.if_else(is_number, pc.replace_substring(text, ",", "."), "inf").cast(pa.float64())
