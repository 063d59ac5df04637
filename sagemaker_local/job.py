"""What processing, training and transform jobs have in common: hosts, containers, and an end in every case."""

import abc
import enum
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from sagemaker_local.container import Container, ContainerRoot
from sagemaker_local.identity import role_environment
from sagemaker_local.log_stream import LogStream
from sagemaker_local.object_store import ObjectStore
from sagemaker_local.resources import Resource, now
from sagemaker_local.settings import Settings
from sagemaker_local.state_lock import STATE_LOCK

TERMINAL_STATUSES = frozenset({"Completed", "Failed", "Stopped"})
_POLL_SECONDS = 0.02


class Ending(enum.Enum):
    """How a job's containers came to their end."""

    EXITED = "every container ended by itself"
    STOPPED = "a Stop call ended them"
    TIMED_OUT = "the time limit ended them"


class Job(Resource, abc.ABC):
    """A resource whose work runs in the background. Subclasses say what the work is and how its states are told."""

    log_group: ClassVar[str]

    directory: Path  # the runner gives each job one of its own

    def __init__(self, resource: Resource, settings: Settings) -> None:
        super().__init__(resource.kind, resource.name, resource.arn, resource.description, resource.tags)
        self.settings = settings
        self.stop_asked = threading.Event()
        self.abandoned = False  # the server goes down: no grace, no upload

    @abc.abstractmethod
    def work(self) -> None:
        """Do the job and leave a terminal state; raises JobFailedError with the FailureReason."""

    @abc.abstractmethod
    def finish(self, status: str, **members: Any) -> None:
        """Enter a terminal state."""

    @property
    @abc.abstractmethod
    def instance_count(self) -> int:
        """How many hosts the job has."""

    @abc.abstractmethod
    def prepare(self, root: ContainerRoot, host_index: int) -> None:
        """Fill one host's /opt/ml before its container starts."""

    @abc.abstractmethod
    def command(self) -> Sequence[str]:
        """Return what the container runs."""

    @abc.abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the container's environment, beside the credentials of the role."""

    @property
    def role_arn(self) -> str:
        """The role whose identity the containers have."""
        return str(self.description["RoleArn"])

    @property
    def store(self) -> ObjectStore:
        """S3 as the job's role sees it."""
        return ObjectStore(self.account_id, self.region_name, self.role_arn)

    @property
    def hosts(self) -> list[str]:
        """The hosts' names, in the order of the service's resourceconfig.json."""
        return sorted(f"algo-{number}" for number in range(1, self.instance_count + 1))

    def advance(self, **members: Any) -> None:
        """Set members of the description under the lock."""
        with STATE_LOCK:
            self.change(**members)

    def ask_to_stop(self) -> None:
        """Enter Stopping and let the worker end the job."""
        self.change(**{self.kind.status_field: "Stopping"})
        self.stop_asked.set()

    def prepare_hosts(self) -> list[ContainerRoot]:
        """Make every host's /opt/ml."""
        roots = [ContainerRoot(self.directory / host) for host in self.hosts]
        for index, root in enumerate(roots):
            self.prepare(root, index)
        return roots

    def while_running(self, roots: Sequence[ContainerRoot]) -> None:
        """Do what the job does beside its containers; called many times a second."""

    def run_containers(self, roots: Sequence[ContainerRoot], grace_seconds: float) -> tuple[Ending, Container | None]:
        """Run one container per host, all at once, until the last has ended; return how, and the first that failed.

        All are ended (SIGTERM, and SIGKILL after the grace) on Stop, at the time limit, or when one fails.
        """
        containers = [self._start(root, host) for root, host in zip(roots, self.hosts, strict=True)]
        deadline = time.monotonic() + min(self.max_runtime_seconds, self.settings.job_runtime_seconds)
        ending, failed = Ending.EXITED, None
        while ending is Ending.EXITED and not failed and _any_running(containers):
            time.sleep(_POLL_SECONDS)
            self.while_running(roots)
            ending = self._ending(deadline)
            failed = next((container for container in containers if container.exit_code), None)
        self._end(containers, grace_seconds)
        return ending, failed or next((container for container in containers if container.exit_code), None)

    def _end(self, containers: Sequence[Container], grace_seconds: float) -> None:
        for container in containers:
            container.terminate()
        kill_at = time.monotonic() + grace_seconds
        while _any_running(containers):
            if self.abandoned or time.monotonic() > kill_at:
                for container in containers:
                    container.kill()
            time.sleep(_POLL_SECONDS)

    def _start(self, root: ContainerRoot, host: str) -> Container:
        stream = f"{self.name}/{host}-{int(now().timestamp() * 1000)}"
        return Container(
            root,
            self.command(),
            role_environment(self.role_arn, self.region_name) | self.environment(),
            LogStream(self.account_id, self.region_name, self.log_group, stream),
            memory_bytes=self.settings.job_memory_bytes,
            private_mounts=self.settings.private_mounts,
        )

    def _ending(self, deadline: float) -> Ending:
        if self.stop_asked.is_set():
            return Ending.STOPPED
        return Ending.TIMED_OUT if time.monotonic() > deadline else Ending.EXITED

    @property
    def max_runtime_seconds(self) -> int:
        """The job's own time limit."""
        return int(self.description.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400))


def _any_running(containers: Sequence[Container]) -> bool:
    return any(container.exit_code is None for container in containers)
