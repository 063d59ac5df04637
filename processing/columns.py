"""Which columns a file has, and which of them are features."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Sequence

from processing.messages import InputError, shorten


def find_columns(columns: Sequence[str], wanted: Sequence[str], file_name: str) -> dict[str, int]:
    """The feature columns and where they are in a file."""
    count, position = Counter(columns), {column: index for index, column in enumerate(columns)}
    for column in wanted:
        if not count[column]:
            remedy = "Correct feature_columns, delimiter or the file."
            raise InputError(f"{file_name} has no column {column!r}. Its columns are {shorten(columns)}. {remedy}")
        if count[column] > 1:
            raise InputError(f"{file_name} has more than one column {column!r}. Give each column its own name.")
    return {column: position[column] for column in wanted}


def match_trailing_delimiter(columns: list[str], first_row: Sequence[str]) -> list[str]:
    """The header's columns as the rows have them: header or rows alone may end in a delimiter."""
    if first_row and not columns[-1] and len(first_row) == len(columns) - 1:
        return columns[:-1]
    if first_row and not first_row[-1] and len(first_row) == len(columns) + 1:
        return [*columns, ""]
    return columns


def refuse_other_header(first: str, columns: Sequence[str], other: str, other_columns: Sequence[str]) -> None:
    """Files of one job hold the same columns in the same order: another header is a file of another kind."""
    for number, (here, there) in enumerate(itertools.zip_longest(columns, other_columns), start=1):
        if here != there:
            raise InputError(
                f"{other} has another header than {first}: column {number} is "
                f"{there!r} there and {here!r} here. Process files of different kinds apart."
            )
