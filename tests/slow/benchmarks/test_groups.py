"""Every program of the benchmarks runs, on data so small that its speed says nothing."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from quickstart.processes import programs_end_here

pytestmark = pytest.mark.slow

SMALL: dict[str, dict[str, Any]] = {
    "processing": {"ROWS": 10_000, "LARGE_ROWS": 20_000, "ROUNDS": 1, "PANDAS_ROUNDS": 1},
    "scoring": {"ROWS": 10_000, "ROUNDS": 1},
    "recordio": {"VALUES": 10_000, "GROWTH_ROWS": (10, 20), "LARGE_ROWS": 30, "ROUNDS": 1},
    "training": {
        "SHAPES": {4: 500, 256: 2_000, 2_000: 2_100},
        "GROWTH_ROWS": (300, 1_000, 10_000),
        "LARGE_ROWS": 20_000,
        "ROUNDS": 1,
    },
    "endpoint": {"ONE_ROW_CALLS": 3, "BULK_CALLS": 3, "BULK_ROWS": 100, "GROWTH_ROWS": (10, 100), "CLIENTS": 1},
    "deferred_waits": {"MANY": 4, "SIDE_BY_SIDE": 2, "JOB_SECONDS": 1},
    "dag_import_time": {"PROCESSES": 1},
    "sweep_plan": {"RESOURCES_PER_KIND": 20, "SIZES": (10, 20)},
    "run_overhead": {"ROUNDS": 1, "RECORDED_SECONDS": 5.0},
    "pages": {"SIZES": (2, 3), "ROUNDS": 1, "PROCESSES": 1},
    "scale": {"FILES": 4, "FILE_ROWS": 2_000, "ROUNDS": 1},
    "many_pipelines": {"PIPELINES": 4, "PARSED": (1, 2), "RECORDED_SECONDS": 5.0},
}
# Those that go through data, of which they say how many bytes.
GO_THROUGH_DATA = {"processing", "scoring", "recordio", "training", "endpoint"}


@pytest.mark.parametrize("name", SMALL)
def test_a_group_measures_all_its_rows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = importlib.import_module(f"benchmarks.{name}")
    for constant, value in SMALL[name].items():
        monkeypatch.setattr(module, constant, value)
    with programs_end_here():
        group = module.measure(tmp_path, full=True)
    assert group.rows
    assert any(row.data_bytes for row in group.rows) is (name in GO_THROUGH_DATA)
    for row in group.rows:
        assert row.ours >= 0
        assert row.theirs is None or row.theirs > 0, row.name
    for growth in group.growth:
        assert len(growth.seconds) == len(growth.sizes)
        assert len(growth.peak_mb) in (0, len(growth.sizes))
