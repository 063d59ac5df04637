"""What `make ui` has running, written down so that `make stop` ends exactly that and never a stranger's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

from quickstart.processes import GRACE_SECONDS, end_programs, send

# A process id may be given to another program later, but that one will have started at another time.
START_TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True)
class ProcessMark:
    """A process id with the time that process started, in seconds since the epoch."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Mark a running process."""
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """Return the marked process, None when it has ended, whoever has its id now."""
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started) < START_TOLERANCE_SECONDS
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True)
class RunningPrograms:
    """The command that keeps the programs, and the programs."""

    address: str
    keeper: ProcessMark
    programs: tuple[ProcessMark, ...]

    @classmethod
    def of(cls, address: str, programs: Iterable[subprocess.Popen[bytes]]) -> Self:
        """Describe this process and the programs it keeps."""
        return cls(address, ProcessMark.of(os.getpid()), tuple(ProcessMark.of(program.pid) for program in programs))

    def write(self, path: Path) -> None:
        """Write the description."""
        path.write_text(json.dumps(asdict(self), indent=2))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the description, None where there is none."""
        if not path.exists():
            return None
        document = json.loads(path.read_text())
        programs = tuple(ProcessMark(**mark) for mark in document["programs"])
        return cls(document["address"], ProcessMark(**document["keeper"]), programs)

    def end(self) -> bool:
        """End what still runs: through its keeper, or one by one where the keeper was killed.

        :return: whether anything ran
        """
        keeper = self.keeper.process()
        programs = [process for mark in self.programs if (process := mark.process())]
        if keeper:
            send([keeper], signal.SIGTERM)
            psutil.wait_procs([keeper], timeout=2 * GRACE_SECONDS)
        end_programs([process for process in programs if process.is_running()])
        return bool(keeper or programs)
