"""What `make ui` has running, written down so that `make stop` ends exactly that and never a stranger's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

import psutil

from quickstart.processes import GRACE_SECONDS, end_programs, send

# A process id may be given to another program later, but that one will have started at another time.
START_TOLERANCE_SECONDS = 1.0


def write_running(path: Path, address: str, programs: Iterable[subprocess.Popen[bytes]]) -> None:
    """Write down this process, which keeps the programs, and the programs: ids, and when each started."""
    started = {pid: psutil.Process(pid).create_time() for pid in (os.getpid(), *(program.pid for program in programs))}
    path.write_text(json.dumps({"address": address, "started": started}, indent=2))


def end_running(path: Path) -> str | None:
    """End what was written down: through its keeper, or one by one where the keeper was killed.

    :return: its address; None when nothing ran
    """
    if not path.exists():
        return None
    document = json.loads(path.read_text())
    keeper, *programs = (running_process(int(pid), started) for pid, started in document["started"].items())
    if keeper:
        send([keeper], signal.SIGTERM)
        psutil.wait_procs([keeper], timeout=2 * GRACE_SECONDS)
    end_programs([process for process in programs if process and process.is_running()])
    path.unlink(missing_ok=True)  # its keeper may have
    return str(document["address"]) if keeper or any(programs) else None


def running_process(pid: int, started: float) -> psutil.Process | None:
    """Return the process with this id that started then, in seconds since the epoch; None when it has ended."""
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - started) < START_TOLERANCE_SECONDS
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
