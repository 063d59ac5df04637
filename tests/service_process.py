"""Starts the embedded service as a process of its own, as other tests than its users' need it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sagemaker_local import service_process

_PROJECT = Path(__file__).resolve().parent.parent


class ServiceProcess(service_process.ServiceProcess):
    """The embedded service of this checkout.

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
        super().__init__(
            {"PYTHONPATH": f"{_PROJECT}:{_PROJECT / 'plugins'}", **(environment or {})},
            arguments,
            command=[sys.executable, "-m", module] if program is None else [program],
        )
