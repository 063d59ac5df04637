"""Scored rows beside features: what projections, T², Q and flags of each row add to a processing job."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.fresh_process import Command, say, take_turns
from benchmarks.measurement import Group, Row
from benchmarks.processing import input_folder, our_command
from benchmarks.recording import FEATURES, ROWS, write_recording

ROUNDS = 5
COMPONENTS = 3
KINDS = {"csv": "CSV", "parquet": "Parquet"}
MAX_ADDED_RATIO, MAX_MEMORY_RATIO = 1.5, 1.25


def measure(folder: Path, full: bool) -> Group:
    """Measure the script with features alone, and with scored rows beside them, in either format."""
    recording = write_recording(folder / "recording.csv", ROWS)
    model = write_model(folder / "model.npz")
    say(f"  {ROWS:,} rows, {recording.stat().st_size / 1e6:.0f} MB")
    features = [*our_command(input_folder(recording), "csv"), "--model", model]
    commands: dict[str, Command] = {"features": features}
    for kind in KINDS:
        commands[kind] = [*features, "--scores-dir", folder / f"scores-{kind}", "--scores-format", kind]
    taken = take_turns(commands, ROUNDS)
    rows = []
    for kind, kind_name in KINDS.items():
        rows.append(
            Row(
                name=f"adding scored rows as {kind_name} to features",
                unit="s",
                # On few rows it is less than what a process' start varies by.
                ours=max(taken[kind].seconds - taken["features"].seconds, 0.0),
                beside="the features themselves",
                theirs=taken["features"].seconds,
                max_ratio=MAX_ADDED_RATIO,
                data_rows=ROWS,
                data_bytes=recording.stat().st_size,
            )
        )
        rows.append(
            Row(
                name=f"peak memory with scored rows as {kind_name}",
                unit="MB",
                ours=taken[kind].peak_mb,
                beside="features alone",
                theirs=taken["features"].peak_mb,
                max_ratio=MAX_MEMORY_RATIO,
            )
        )
    return Group(rows=tuple(rows))


def write_model(path: Path) -> Path:
    """Write a model of the recording's columns, as the pipeline stages one."""
    width = len(FEATURES)
    components = np.linalg.qr(np.random.default_rng(1).normal(size=(width, width)))[0][:, :COMPONENTS]
    np.savez(
        path,
        mean=np.zeros(width),
        scale=np.ones(width),
        components=components,
        precisions=np.ones(COMPONENTS),
        t_squared_limits=np.array([7.8, 11.3]),
        q_limits=np.array([3.8, 6.6]),
        fill=np.zeros(width),
    )
    return path
