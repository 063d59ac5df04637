"""Synthetic four-lead ECG recordings in the layout of the original recorder, whose own data is not public.

One heart dipole, seen by four leads from different sides, plus what every recorder adds: breathing, mains hum, noise,
and gaps. Made up from end to end; the same seed makes the same files.
`python -m quickstart.sample_ecg FOLDER` writes them.
"""

from __future__ import annotations

import gzip
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

HEADER = "Real Time,Ch5,Ch6,Ch7,Ch8,BioRadio Event,"
SAMPLES_PER_SECOND = 500
MAINS_HZ = 50.0
STARTED_AT = np.datetime64(datetime(2021, 12, 9, 12, 20, 46, 393_500), "us")

# The waves of a heartbeat after McSharry et al. 2003, "A dynamical model for generating synthetic electrocardiogram
# signals": when in the cycle (R = 0, one beat = 2π), how wide, and the dipole's strength along x (to the left hand),
# y (to the feet) and z (to the front), in volts. A wave's axis differs from wave to wave, which is why leads differ.
WAVES = (
    # phase, width, x, y, z
    (-1.15, 0.22, 0.00050, 0.00070, 0.00010),  # P
    (-0.26, 0.07, -0.00060, -0.00020, 0.00110),  # Q
    (0.00, 0.09, 0.00420, 0.00380, -0.00090),  # R
    (0.26, 0.08, -0.00070, -0.00130, -0.00180),  # S
    (1.70, 0.40, 0.00120, 0.00100, 0.00080),  # T
)
# How much of x, y and z each of the four leads sees.
LEADS = np.array([[0.95, 0.25, 0.05], [0.45, 0.90, 0.10], [-0.30, 0.55, 0.75], [0.80, -0.20, -0.55]])
# Volts: electrodes on skin are small batteries.
ELECTRODE_OFFSETS = np.array([0.0050, 0.0047, 0.0052, 0.0049])


def ecg_signal(seconds: float, generator: np.random.Generator) -> FloatArray:
    """Four leads in volts, shape (rows, 4), with noise and without gaps."""
    time = np.arange(round(seconds * SAMPLES_PER_SECOND)) / SAMPLES_PER_SECOND
    signal = heart_dipole(beat_phase(time, generator)) @ LEADS.T
    hum = 0.00010 * np.sin(2 * np.pi * MAINS_HZ * time[:, np.newaxis] + generator.uniform(0, 2 * np.pi, 4))
    noise = generator.normal(0.0, 0.00005, signal.shape)
    recorded: FloatArray = ELECTRODE_OFFSETS + signal + baseline_wander(time, generator) + hum + noise
    return recorded


def beat_phase(time: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Where in the heartbeat each sample lies, from -π to π with the R peak at 0.

    The rate varies with breath (0.25 Hz), with blood pressure (0.1 Hz), and from beat to beat.
    """
    beats = int(time.size / SAMPLES_PER_SECOND * 3) + 2
    unrest = np.interp(time, np.arange(beats) * 0.4, generator.normal(0.0, 0.03, beats))
    slow = 0.05 * np.sin(2 * np.pi * 0.25 * time) + 0.03 * np.sin(2 * np.pi * 0.1 * time + 1.0)
    beats_per_second = 1.15 * (1.0 + slow + unrest)
    turns = generator.uniform() + np.cumsum(beats_per_second) / SAMPLES_PER_SECOND
    return 2 * np.pi * (turns % 1.0) - np.pi


def heart_dipole(phase: FloatArray) -> FloatArray:
    """The heart's electrical dipole over the beat, shape (rows, 3), in volts: one bell curve per wave and axis."""
    dipole = np.zeros((phase.size, 3))
    for centre, width, *strength in WAVES:
        dipole += np.exp(-0.5 * ((phase - centre) / width) ** 2)[:, np.newaxis] * strength
    return dipole


def baseline_wander(time: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Slow drift of each electrode, shape (rows, 4): breathing, which all leads share, and moving skin contact."""
    breathing = np.sin(2 * np.pi * 0.25 * time)[:, np.newaxis] * [0.00025, 0.00030, 0.00015, 0.00020]
    knots = np.arange(0.0, time[-1] + 2.0, 1.0)
    drift = [np.interp(time, knots, generator.normal(0.0, 0.00020, knots.size)) for _ in LEADS]
    return breathing + np.stack(drift, axis=1)


def recording_lines(seconds: float, started_at: np.datetime64, generator: np.random.Generator) -> list[str]:
    """One recording as lines of text; like the recorder's, each ends in a comma."""
    cells = np.char.mod("%.9f", ecg_signal(seconds, generator))
    rows = len(cells)
    for start in generator.integers(0, rows, size=max(1, rows // 10_000)):
        cells[start : start + generator.integers(1, 8), generator.integers(0, 4)] = ""  # an electrode lost contact
    events = np.full(rows, "", dtype="<U1")
    events[generator.integers(0, rows, size=max(1, rows // 15_000))] = "1"  # the patient pressed the button
    stamps = np.datetime_as_string(started_at + np.arange(rows) * np.timedelta64(1_000_000 // SAMPLES_PER_SECOND, "us"))
    columns = (np.char.replace(stamps, "T", " "), *cells.T, events)
    return [",".join(row) + "," for row in zip(*(column.tolist() for column in columns), strict=True)]


def write_recordings(directory: Path, recordings: int = 3, seconds: float = 60, seed: int = 7) -> list[Path]:
    """Write recordings of one heart, ten minutes apart; of several, the last is gzipped."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(recordings):
        generator = np.random.default_rng([seed, number])
        lines = recording_lines(seconds, STARTED_AT + np.timedelta64(10 * number, "m"), generator)
        text = "\n".join([HEADER, *lines, ""]).encode()
        gzipped = number > 0 and number == recordings - 1
        path = directory / f"recording-{number + 1}.csv{'.gz' if gzipped else ''}"
        path.write_bytes(gzip.compress(text, mtime=0) if gzipped else text)
        paths.append(path)
    return paths


if __name__ == "__main__":
    write_recordings(Path(sys.argv[1]))
