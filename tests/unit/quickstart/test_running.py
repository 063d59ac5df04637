from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quickstart.running import ProcessMark, RunningPrograms

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, process_group=0) as process:
        yield process
        process.kill()


def test_what_was_written_down_is_ended_where_its_keeper_was_killed(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    gone = ProcessMark(2**22 + 1, 0.0)
    RunningPrograms("http://127.0.0.1:1", gone, (ProcessMark.of(sleeper.pid),)).write(tmp_path / "running.json")
    running = RunningPrograms.read(tmp_path / "running.json")
    assert running is not None
    assert running.end()
    assert sleeper.poll() is not None


def test_a_strangers_process_with_the_same_id_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    own = ProcessMark.of(sleeper.pid)
    stranger = ProcessMark(own.pid, own.started - 3600)
    assert not RunningPrograms("http://127.0.0.1:1", stranger, (stranger,)).end()
    assert sleeper.poll() is None


def test_nothing_written_down_is_nothing_running(tmp_path: Path) -> None:
    assert RunningPrograms.read(tmp_path / "running.json") is None
