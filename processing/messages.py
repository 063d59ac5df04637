"""What the job says: its errors, its log, and the exit message that SageMaker hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence


class InputError(Exception):
    """The input or the arguments are not what the job needs; the message says what, where and what to do."""


def log(text: str) -> None:
    """Write a line to the job's log at once."""
    print(text, flush=True)


def counted(count: int, noun: str) -> str:
    """One row, two rows."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shorten(names: Sequence[str]) -> str:
    """The first of many names as text."""
    return ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")


def write_message(folder: Path, text: str) -> None:
    """Leave the outcome where SageMaker picks up a job's exit message: its first kilobyte, in whole characters."""
    if folder.is_dir():
        kilobyte = text.encode(errors="replace")[:1024].decode(errors="ignore")
        (folder / "message").write_text(kilobyte, encoding="utf-8")
