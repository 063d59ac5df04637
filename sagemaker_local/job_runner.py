"""Runs jobs: a thread each, a bounded number at once, and containers that always end."""

import enum
import logging
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sagemaker_local.container import Container
from sagemaker_local.exceptions import JobFailedError
from sagemaker_local.resources import Resource, now
from sagemaker_local.settings import Settings
from sagemaker_local.state_lock import STATE_LOCK

log = logging.getLogger(__name__)

TERMINAL_STATUSES = frozenset({"Completed", "Failed", "Stopped"})
_POLL_SECONDS = 0.02


class Ending(enum.Enum):
    """How a job's containers came to their end."""

    EXITED = "every container ended by itself"
    STOPPED = "a Stop call ended them"
    TIMED_OUT = "MaxRuntimeInSeconds ended them"


class Job(Resource):
    """A resource whose work runs in the background. Subclasses say what the work is and how its states are told."""

    def __init__(self, resource: Resource, directory: Path, settings: Settings) -> None:
        super().__init__(resource.kind, resource.name, resource.arn, resource.description, resource.tags)
        self.directory = directory
        self.settings = settings
        self.stop_asked = threading.Event()
        self.abandoned = False  # the server goes down: no grace, no upload

    def work(self) -> None:
        """Do the job and leave a terminal state; raises JobFailedError with the FailureReason."""
        raise NotImplementedError

    def finish(self, status: str, **members: Any) -> None:
        """Enter a terminal state."""
        raise NotImplementedError

    def advance(self, **members: Any) -> None:
        """Set members of the description under the lock."""
        with STATE_LOCK:
            self.change(**members)

    def ask_to_stop(self) -> None:
        """Enter Stopping and let the worker end the job; a terminal job stays as it is."""
        if self.status == "InProgress":
            self.change(**{self.kind.status_field: "Stopping"})
            self.stop_asked.set()

    def watch(self, containers: Sequence[Container], grace_seconds: float) -> Ending:
        """Wait until every container has ended; end them on Stop, at the time limit, or when one fails."""
        limit = min(self.max_runtime_seconds, self.settings.job_runtime_seconds)
        deadline = time.monotonic() + limit
        ending = Ending.EXITED
        kill_at: float | None = None
        while any(container.exit_code is None for container in containers):
            if kill_at is None:
                ending = self._ending(deadline)
                if ending is not Ending.EXITED or any(container.exit_code for container in containers):
                    kill_at = time.monotonic() + grace_seconds
                    for container in containers:
                        container.terminate()
            if self.abandoned or (kill_at is not None and time.monotonic() > kill_at):
                for container in containers:
                    container.kill()
            time.sleep(_POLL_SECONDS)
        return ending

    def _ending(self, deadline: float) -> Ending:
        if self.stop_asked.is_set():
            return Ending.STOPPED
        return Ending.TIMED_OUT if time.monotonic() > deadline else Ending.EXITED

    @property
    def max_runtime_seconds(self) -> int:
        """The job's own time limit."""
        condition = self.description.get("StoppingCondition") or {}
        return int(condition.get("MaxRuntimeInSeconds", 86_400))


class JobRunner:
    """The threads of all jobs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = threading.BoundedSemaphore(settings.max_concurrent_jobs)
        self._running: dict[threading.Thread, Job] = {}

    def start(self, job: Job) -> None:
        """Begin a job in the background."""
        thread = threading.Thread(target=self._run, args=(job,), name=job.arn, daemon=True)
        with STATE_LOCK:
            self._running[thread] = job
        thread.start()

    def end_all(self) -> None:
        """Kill every job's containers and wait until their threads are done."""
        with STATE_LOCK:
            running = dict(self._running)
        for job in running.values():
            job.abandoned = True
            job.stop_asked.set()
        for thread in running:
            thread.join(timeout=10)

    def _run(self, job: Job) -> None:
        try:
            self._wait_for_slot(job)
        finally:
            shutil.rmtree(job.directory, ignore_errors=True)
            with STATE_LOCK:
                self._running.pop(threading.current_thread(), None)

    def _wait_for_slot(self, job: Job) -> None:
        while not self._slots.acquire(timeout=_POLL_SECONDS):
            if job.stop_asked.is_set():
                job.finish("Stopped")
                return
        try:
            self._work(job)
        finally:
            self._slots.release()

    def _work(self, job: Job) -> None:
        try:
            if job.stop_asked.wait(self._settings.job_starting_seconds):
                job.finish("Stopped")
            else:
                job.work()
        except JobFailedError as error:
            job.finish("Failed", FailureReason=str(error)[:1024])
        except Exception:
            log.exception("%s could not be carried out", job.arn)
            reason = "InternalServerError: We encountered an internal error. Please try again."
            job.finish("Failed", FailureReason=reason)


def milliseconds_since_epoch() -> int:
    """Return the number that ends the name of a log stream."""
    return int(now().timestamp() * 1000)
