"""What a file of raw data itself tells of the settings: its delimiter, its decimal mark, its numeric columns.

What a header and a cell mean, the container's code says; only settings that the user did not give are looked for.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

from processing.cells import MISSING_CELLS, cell_problem
from processing.csv_files import CsvFile
from processing.messages import InputError, shorten
from processing.parquet_files import ParquetFile
from quickstart.checked_settings import checked_config
from quickstart.processes import QuickstartError
from sagemaker_pca.settings.pipeline import PcaRunConfig

SAMPLE_LINES = 1_000
READING = ("delimiter", "decimal", "newlines_in_cells")
SPOKEN = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", ".": "a point"}


class Beginning(NamedTuple):
    """The columns of a text file, and of its first rows those that have as many cells."""

    columns: list[str]
    rows: list[list[str]]


def recognise(path: Path, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Settings that the file tells and the user did not give, and what to say about them.

    Raises:
        InputError: where the job could not read the file either
        QuickstartError: when no column is numeric
    """
    if path.name.lower().endswith(".parquet"):
        found: dict[str, Any] = {}
        file = ParquetFile(path, path.name, reading_arguments({}))
        columns, numeric = file.columns, file.numeric_columns
    else:
        reading = {name: given[name] for name in READING if name in given}
        found = {"delimiter": found_delimiter(path, reading)} if "delimiter" not in given else {}
        start = beginning(path, reading | found)
        if "decimal" not in given:
            found["decimal"] = found_decimal(start, reading | found)
        columns, numeric = start.columns, numeric_columns(start, reading | found)
        if not start.rows and "feature_columns" not in given:
            raise QuickstartError(f"{path.name} has a header and no rows below it. Give data with rows.")
    notes = [
        f"{path.name}: its {name} is {SPOKEN[value]}; {name.upper()}= sets another."
        for name, value in found.items()
        if value != PcaRunConfig.model_fields[name].default
    ]
    if "feature_columns" in given:
        return found, notes
    if not numeric:
        remedy = "Correct DELIMITER or DECIMAL, or name columns: FEATURES=a,b,c."
        raise QuickstartError(f"{path.name} has no numeric column. Its columns are {shorten(columns)}. {remedy}")
    others = [name for name in columns if name and name not in numeric]
    left_out = f", without {shorten(others)}" if others else ""
    notes.append(f"Features are the numeric columns {shorten(numeric)}{left_out}; FEATURES=a,b,c names others.")
    return {**found, "feature_columns": numeric}, notes


def found_delimiter(path: Path, reading: Mapping[str, Any]) -> str:
    """The delimiter that makes the most columns of header and rows alike."""
    choices: tuple[str, ...] = get_args(PcaRunConfig.model_fields["delimiter"].annotation)
    if path.name.lower().endswith((".tsv", ".tsv.gz")):
        choices = ("\t", *choices)
    return max(choices, key=lambda delimiter: column_count(path, {**reading, "delimiter": delimiter}))


def column_count(path: Path, reading: Mapping[str, Any]) -> int:
    """How many columns a way of reading the file finds; none where it divides nothing, or header and rows differ."""
    try:
        start = beginning(path, reading)
    except InputError:
        return 0
    return len(start.columns) if start.rows and len(start.columns) > 1 else 0


def found_decimal(start: Beginning, reading: Mapping[str, Any]) -> str:
    """The decimal mark that makes the most columns numeric."""
    choices: tuple[str, ...] = get_args(PcaRunConfig.model_fields["decimal"].annotation)
    return max(choices, key=lambda mark: len(numeric_columns(start, {**reading, "decimal": mark})))


def numeric_columns(start: Beginning, reading: Mapping[str, Any]) -> list[str]:
    """Columns that hold numbers or gaps, and not gaps alone, under a name of their own."""
    arguments, named = reading_arguments(reading), Counter(start.columns)
    return [
        name
        for name, cells in zip(start.columns, zip(*start.rows, strict=True), strict=False)
        if name and named[name] == 1
        if not set(cells) <= set(MISSING_CELLS) and not any(cell_problem(cell, arguments) for cell in cells)
    ]


def beginning(path: Path, reading: Mapping[str, Any]) -> Beginning:
    """Read the first rows of a text file cell by cell."""
    file = CsvFile(path, path.name, reading_arguments(reading))
    lines = [row.cells for row in itertools.islice(file.rows(), SAMPLE_LINES) if row.cells]
    return Beginning(file.columns, [cells for cells in lines[1:] if len(cells) == len(file.columns)])


def reading_arguments(reading: Mapping[str, Any]) -> argparse.Namespace:
    """What the container's reading of a header and a cell asks for, before the feature columns are known."""
    config = checked_config(reading)
    return argparse.Namespace(
        feature_columns=[],
        id_columns=[],
        delimiter=config.delimiter,
        decimal=config.decimal,
        newlines_in_cells=config.newlines_in_cells,
        missing_values="zero",
        on_bad_rows="skip",
    )
