"""The embedded service in a process of its own, as tests want it: on a free port, and gone when they are."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

_START_SECONDS = 60
_STOP_SECONDS = 20
_LISTENING = "sagemaker_local is listening at "
_COMMAND = (sys.executable, "-m", "sagemaker_local")


class ServiceProcess:
    """Runs for as long as the `with` block lasts; it also ends by itself when the process that started it is gone.

    :param environment: variables for the service beside those of this process, such as SAGEMAKER_LOCAL_<NAME>
    :param arguments: of its command line
    :param command: what starts it
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        *,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        self._command = [*command, "--port", "0", "--stop-with-parent", *arguments]
        self._environment = {**os.environ, **(environment or {})}
        self.url = ""

    def __enter__(self) -> Self:
        """Start it; raises RuntimeError when it does not answer in time."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, env=self._environment)
        try:
            self.url = self._address()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        self._end()

    @property
    def client_environment(self) -> dict[str, str]:
        """Variables by which any AWS client, the SDKs' and the command line's too, leads there and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            # A machine's own settings could lead elsewhere.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, region_name: str = "us-east-1") -> Any:
        """A boto3 client of it."""
        import boto3  # only who asks for a client needs it

        return boto3.client(
            service,
            region_name=region_name,
            endpoint_url=self.url,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 (checked by nobody)
        )

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
            self.process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
