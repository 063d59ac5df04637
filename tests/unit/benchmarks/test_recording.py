from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.recording import FEATURES, write_recording


def test_a_recording_has_the_layout_of_the_original(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "recording.csv", 20_000)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20_000
    assert list(rows[0]) == ["Real Time", *FEATURES, "BioRadio Event", ""]
    assert any(row[column] == "" for row in rows for column in FEATURES)
    assert 105 < path.stat().st_size / len(rows) < 112  # 171 MB for 1,557,664 rows
