from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from quickstart.running import end_running, write_running

pytestmark = pytest.mark.e2e

GONE = 2**22 + 1
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP, process_group=0) as process:
        yield process
        process.kill()


def written(path: Path, process: psutil.Process, keeper: int, seconds_off: float = 0.0) -> Path:
    started = {keeper: 0.0, process.pid: process.create_time() - seconds_off}
    path.write_text(json.dumps({"address": "http://127.0.0.1:1", "started": started}))
    return path


def test_this_process_is_written_down_as_the_keeper_before_its_programs(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    write_running(tmp_path / "running.json", "http://127.0.0.1:1", [sleeper])
    started = json.loads((tmp_path / "running.json").read_text())["started"]
    assert list(started) == [str(os.getpid()), str(sleeper.pid)]


def test_what_was_written_down_is_ended_where_its_keeper_was_killed(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    path = written(tmp_path / "running.json", psutil.Process(sleeper.pid), keeper=GONE)
    assert end_running(path) == "http://127.0.0.1:1"
    assert sleeper.poll() is not None
    assert end_running(path) is None


def test_a_strangers_process_with_the_same_id_is_left_alone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    path = written(tmp_path / "running.json", psutil.Process(sleeper.pid), keeper=GONE, seconds_off=3600)
    assert end_running(path) is None
    assert sleeper.poll() is None
