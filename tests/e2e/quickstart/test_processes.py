from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from quickstart.processes import last_lines, programs_end_here

pytestmark = pytest.mark.e2e
WAIT_SECONDS = 20.0

# Starts a program that ignores SIGTERM and has a child in a session of its own, writes both ids down, and waits.
COMMAND = """
import sys, time
from pathlib import Path
from quickstart import processes
folder = Path(sys.argv[1])
with processes.programs_end_here(grace_seconds=0.5):
    processes.start_program(["stubborn"], {"PYTHONPATH": sys.argv[1]}, folder / "log")
    while not (folder / "child").exists():
        time.sleep(0.02)
    (folder / "ready").touch()
    if sys.argv[2] == "fail":
        raise RuntimeError("failed")
    if sys.argv[2] == "wait":
        time.sleep(60)
"""
STUBBORN = """
import os, signal, subprocess, sys, time
from pathlib import Path
folder = Path(__file__).parent
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
(folder / "own").write_text(str(os.getpid()))
(folder / "child.new").write_text(str(child.pid))
(folder / "child.new").rename(folder / "child")
time.sleep(60)
"""


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    yield tmp_path
    for name in ("own", "child"):
        if (tmp_path / name).exists() and psutil.pid_exists(pid := int((tmp_path / name).read_text())):
            os.kill(pid, signal.SIGKILL)


def start_command(folder: Path, ending: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", COMMAND, str(folder), ending], stderr=subprocess.DEVNULL)


def nothing_runs(folder: Path) -> bool:
    return not any(psutil.pid_exists(int((folder / name).read_text())) for name in ("own", "child"))


@pytest.mark.parametrize(("ending", "exit_code"), [("return", 0), ("fail", 1)])
def test_programs_end_with_the_command(folder: Path, ending: str, exit_code: int) -> None:
    assert start_command(folder, ending).wait(WAIT_SECONDS) == exit_code
    assert until(lambda: nothing_runs(folder))


def test_a_program_that_was_there_before_goes_on() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as earlier:
        with programs_end_here(grace_seconds=0.5):
            pass
        assert earlier.poll() is None
        earlier.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_programs_end_when_the_command_is_told_to_end(folder: Path, number: signal.Signals) -> None:
    command = start_command(folder, "wait")
    assert until((folder / "ready").exists)
    command.send_signal(number)
    assert command.wait(WAIT_SECONDS) == 128 + number
    assert until(lambda: nothing_runs(folder))


def test_an_impatient_second_interrupt_does_not_cut_the_ending_short(folder: Path) -> None:
    command = start_command(folder, "wait")
    assert until((folder / "ready").exists)
    command.send_signal(signal.SIGINT)
    while command.poll() is None:
        command.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert command.wait(WAIT_SECONDS) == 130
    assert until(lambda: nothing_runs(folder))


def test_the_end_of_a_log_survives_bytes_that_are_no_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo \xff\nthree\n")
    assert last_lines(log, 2) == "    two \ufffd\n    three"
