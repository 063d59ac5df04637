"""Recordings of any length in the layout of the original one, as long a line and as many digits: 110 bytes a row."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

import numpy as np

from quickstart.sample_ecg import HEADER, SAMPLES_PER_SECOND, STARTED_AT, ecg_signal

ROWS = 1_557_664  # of the original recording, 171 MB
BLOCK_ROWS = ROWS // 16
FEATURES = ("Ch5", "Ch6", "Ch7", "Ch8")


def write_recording(path: Path, rows: int) -> Path:
    """Write a recording; after 97,354 rows the same come again, which costs a reader no less."""
    lines = block_lines(min(rows, BLOCK_ROWS))
    block, rest = "".join(lines).encode(), "".join(lines[: rows % len(lines)]).encode()
    with path.open("wb") as file:
        file.write(f"{HEADER}\n".encode())
        for repeated in repeat(block, rows // len(lines)):
            file.write(repeated)
        file.write(rest)
    return path


def block_lines(rows: int) -> list[str]:
    """Return lines of a recording, each with a line end; one cell in ten thousand is empty."""
    generator = np.random.default_rng(7)
    cells = np.char.mod("%.17f", ecg_signal(rows / SAMPLES_PER_SECOND, generator))
    cells[generator.integers(0, rows, rows // 10_000), generator.integers(0, len(FEATURES), rows // 10_000)] = ""
    stamps = STARTED_AT + np.arange(rows) * np.timedelta64(1_000_000 // SAMPLES_PER_SECOND, "us")
    times = np.char.replace(np.datetime_as_string(stamps), "T", " ")
    return [f"{','.join(row)},,\n" for row in zip(times.tolist(), *cells.T.tolist(), strict=True)]
