"""Check the raw data that a user brings, before anything is started for it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

from quickstart.processes import QuickstartError

RAW_SUFFIXES = (".csv", ".csv.gz")


def raw_files(data: Path) -> list[Path]:
    """Return the CSV files that the path names: itself, or those of a folder."""
    if not data.exists():
        raise QuickstartError(f"DATA={data} does not exist. Give a .csv or .csv.gz file, or a folder of them.")
    candidates = sorted(data.iterdir()) if data.is_dir() else [data]
    files = [path for path in candidates if path.is_file() and path.name.lower().endswith(RAW_SUFFIXES)]
    if not files:
        what = "holds no .csv or .csv.gz file" if data.is_dir() else "is no .csv or .csv.gz file"
        raise QuickstartError(f"DATA={data} {what}. Give a .csv or .csv.gz file, or a folder of them.")
    return files


def check_columns(files: Sequence[Path], feature_columns: Sequence[str]) -> None:
    """Refuse the first file whose header lacks a feature column, and say which columns it has."""
    for path in files:
        header = read_header(path)
        if missing := [name for name in feature_columns if name not in header]:
            columns = ", ".join(filter(None, header))
            raise QuickstartError(
                f"{path.name} has no column {', '.join(missing)}. Its columns are: {columns}. "
                "Name the ones to use: FEATURES=a,b,c"
            )


def read_header(path: Path) -> list[str]:
    """Return the column names in a file's first line."""
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig")
            if path.name.lower().endswith(".gz")
            else path.open(encoding="utf-8-sig", newline="") as file
        ):
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise QuickstartError(f"{path.name} cannot be read as CSV: {error}. Give UTF-8 text, or gzip of it.") from None


def split_columns(text: str) -> list[str]:
    """Split ``a,b,c`` into names; a name that holds a comma is quoted as in CSV."""
    names = next(csv.reader([text], skipinitialspace=True), [])
    return [name.strip() for name in names if name.strip()]
