"""Starts the embedded service as a process of its own, and ends it for certain."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_PROJECT = Path(__file__).resolve().parent.parent
_START_SECONDS = 60
_LISTENING = "sagemaker_local is listening at "


class ServiceProcess:
    """The embedded service in a fresh process on a free port, for as long as the `with` block lasts.

    The process also ends by itself when the one that started it is gone.
    With `recording` it keeps all calls, as `tests.recording` says; without `namespaces` it may make none. `program` is
    another installation's command.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        *,
        recording: bool = False,
        namespaces: bool = True,
        program: str | None = None,
    ) -> None:
        module = "tests.recording" if recording else "sagemaker_local" if namespaces else "tests.no_namespaces"
        self._program = [sys.executable, "-m", module] if program is None else [program]
        self._environment = {**os.environ, "PYTHONPATH": f"{_PROJECT}:{_PROJECT / 'plugins'}", **(environment or {})}
        self._arguments = arguments
        self.url = ""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [*self._program, "--port", "0", "--stop-with-parent", *self._arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        try:
            self.url = self._address()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _address(self) -> str:
        """Return the address the service prints when it answers; raises RuntimeError when it does not."""
        output = self.process.stdout
        deadline = time.monotonic() + _START_SECONDS
        while output is not None and time.monotonic() < deadline:
            if select.select([output], [], [], 0.2)[0]:
                line = output.readline()
                if line.startswith(_LISTENING):
                    return line.removeprefix(_LISTENING).strip()
                if not line:
                    break
        raise RuntimeError(f"sagemaker_local did not start within {_START_SECONDS} s. Its own output says why.")

    def _end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
