import csv
import gzip
import itertools
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from quickstart.sample_ecg import SAMPLES_PER_SECOND, ecg_signal, write_recordings


def rows_of(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    return list(csv.reader((gzip.decompress(raw) if path.suffix == ".gz" else raw).decode().splitlines()))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_recordings(tmp_path_factory.mktemp("raw data"))


def test_recordings_are_separate_files_of_which_one_is_gzipped(recordings: list[Path]) -> None:
    assert [path.name for path in recordings] == ["recording-1.csv", "recording-2.csv", "recording-3.csv.gz"]
    assert len({path.read_bytes() for path in recordings}) == 3


def test_layout_is_the_original_recorders(recordings: list[Path]) -> None:
    for path in recordings:
        header, *rows = rows_of(path)
        assert header == ["Real Time", "Ch5", "Ch6", "Ch7", "Ch8", "BioRadio Event", ""]
        assert len(rows) == 60 * SAMPLES_PER_SECOND
        assert {len(row) for row in rows} == {7}
        assert {row[6] for row in rows} == {""}


def test_time_steps_by_two_milliseconds(recordings: list[Path]) -> None:
    times = [datetime.fromisoformat(row[0]) for row in rows_of(recordings[1])[1:100]]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {timedelta(milliseconds=2)}


def test_gaps_and_event_marks_are_there_and_rare(recordings: list[Path]) -> None:
    for path in recordings:
        rows = rows_of(path)[1:]
        gaps = sum(cell == "" for row in rows for cell in row[1:5])
        events = [row[5] for row in rows if row[5]]
        assert 0 < gaps < 0.001 * 4 * len(rows)
        assert set(events) == {"1"}
        assert len(events) < 5


def test_three_components_explain_most_of_the_variance_and_not_all(recordings: list[Path]) -> None:
    values = np.array([[float(cell or 0) for cell in row[1:5]] for path in recordings for row in rows_of(path)[1:]])
    centred = values - values.mean(axis=0)
    variances = np.linalg.eigvalsh(centred.T @ centred)
    assert 0.95 < variances[1:].sum() / variances.sum() < 0.995
    np.testing.assert_allclose(values.mean(axis=0), 0.005, atol=0.001)


def test_the_heart_beats_at_rest_with_a_varying_rate() -> None:
    lead = ecg_signal(60, np.random.default_rng(1))[:, 0]
    above = lead > lead.mean() + 0.6 * (lead.max() - lead.mean())
    beats = np.flatnonzero(above[1:] & ~above[:-1]) / SAMPLES_PER_SECOND
    intervals = np.diff(beats)
    assert 55 <= len(beats) <= 85
    assert 0.01 < intervals.std() / intervals.mean() < 0.15


def test_mains_hum_stands_out_of_the_noise() -> None:
    spectrum = np.abs(np.fft.rfft(ecg_signal(10, np.random.default_rng(1))[:, 2]))
    hertz = np.arange(spectrum.size) / 10
    assert spectrum[hertz == 50] > 20 * np.median(spectrum[(hertz > 45) & (hertz < 55)])


def test_the_seed_decides_every_byte(tmp_path: Path) -> None:
    same = [write_recordings(tmp_path / name, recordings=2, seconds=2, seed=3) for name in "ab"]
    other = write_recordings(tmp_path / "c", recordings=2, seconds=2, seed=4)
    assert [path.read_bytes() for path in same[0]] == [path.read_bytes() for path in same[1]]
    assert same[0][0].read_bytes() != other[0].read_bytes()
