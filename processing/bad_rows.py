"""Rows that cannot become features."""

from __future__ import annotations

from typing import NamedTuple


class BadRow(NamedTuple):
    """A row that cannot become features: its file, its line (in Parquet its row), and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        unit = "row" if self.file.lower().endswith(".parquet") else "line"
        return f"{self.file}, {unit} {self.line}: {self.reason}"
