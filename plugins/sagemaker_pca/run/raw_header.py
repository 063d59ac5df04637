"""Whether a raw CSV file has the feature columns, told from its first bytes where they leave no doubt. Pure.

The rules are those of the container's `processing.csv_files`, which nothing here may import: a test holds both to the
same files.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections import Counter
from collections.abc import Sequence

from sagemaker_pca.exceptions import SettingError

# Enough for ten thousand names of 25 characters.
HEADER_BYTES = 256 * 1024
CSV_SUFFIX = ".csv"
GZIP_MAGIC = b"\x1f\x8b"
NAMED_COLUMNS = 20
NAMED_PROBLEMS = 5


def header_columns(first_bytes: bytes, is_whole_file: bool, delimiter: str) -> list[str] | None:
    """The columns that a CSV file begins with; None where its first bytes do not settle them.

    :param is_whole_file: whether the file holds no more than these bytes
    """
    if first_bytes.startswith(GZIP_MAGIC):
        return None
    text = io.TextIOWrapper(io.BytesIO(first_bytes), encoding="utf-8-sig", errors="replace", newline="")
    for line in text:
        if "\0" in line or not (is_whole_file or line.endswith(("\n", "\r"))):
            return None
        try:
            # Strictly: a quote that the line does not close, or that text follows, is for the job to judge.
            cells = next(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error:
            return None
        if cells:
            return [cell.strip() for cell in cells]
    return None


def refuse_other_columns(
    uri: str, columns: Sequence[str], wanted: Sequence[str], delimiter: str, setting: str = "feature_columns"
) -> None:
    """Refuse columns that a file lacks, or has more than once.

    :param uri: the file
    :param columns: the names that its header holds
    :param wanted: the columns that the setting names

    Raises:
        SettingError: naming the first of them, what the file has instead, and the nearest names.
    """
    count = Counter(columns)
    if absent := [name for name in wanted if not count[name]]:
        named, more = absent[:NAMED_PROBLEMS], len(absent) - NAMED_PROBLEMS
        others = f" and {more:,} more" if more > 0 else ""
        raise SettingError(
            f"{setting} names {', '.join(map(repr, named))}{others}, which {uri} does not have. Its columns are "
            f"{_listed(columns)}.",
            hint=f"{_nearest(named, columns)}Correct {setting}, the delimiter ({delimiter!r}) or the file.",
        )
    if repeated := next((name for name in wanted if count[name] > 1), None):
        raise SettingError(
            f"{uri} has more than one column {repeated!r}, which {setting} names.",
            hint="Give each column of the file its own name.",
        )


def _listed(columns: Sequence[str]) -> str:
    more = len(columns) - NAMED_COLUMNS
    return ", ".join(map(repr, columns[:NAMED_COLUMNS])) + (f" and {more:,} more" if more > 0 else "")


def _nearest(names: Sequence[str], columns: Sequence[str]) -> str:
    by_folded = {column.casefold(): column for column in reversed(columns) if column}
    found = [
        by_folded[folded]
        for name in names
        for folded in difflib.get_close_matches(name.casefold(), by_folded, n=2, cutoff=0.6)
    ]
    return f"Did you mean {' or '.join(map(repr, dict.fromkeys(found)))}? " if found else ""
