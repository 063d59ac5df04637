"""The threads of all jobs, a bounded number of them at work."""

import logging
import shutil
import threading
from pathlib import Path

from sagemaker_local.exceptions import JobFailedError
from sagemaker_local.faults import Faults
from sagemaker_local.job import Job
from sagemaker_local.settings import Settings
from sagemaker_local.state_lock import STATE_LOCK

log = logging.getLogger(__name__)

_INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."
_POLL_SECONDS = 0.02


class JobRunner:
    """Runs each job in a thread of its own and ends them all with the server."""

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self._settings = settings
        self._faults = faults
        self._slots = threading.BoundedSemaphore(settings.max_concurrent_jobs)
        self._running: dict[threading.Thread, Job] = {}

    def start(self, job: Job, directory: Path) -> None:
        """Begin a job in the background; its directory is removed at the end."""
        job.directory = directory
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
            while not self._slots.acquire(timeout=_POLL_SECONDS):
                if job.stop_asked.is_set():
                    job.finish("Stopped")
                    return
            try:
                self._work(job)
            finally:
                self._slots.release()
        finally:
            shutil.rmtree(job.directory, ignore_errors=True)
            with STATE_LOCK:
                self._running.pop(threading.current_thread(), None)

    def _work(self, job: Job) -> None:
        delay = self._faults.take("delay_job", job.kind.noun, job.name)
        failure = self._faults.take("fail_job", job.kind.noun, job.name)
        seconds = self._settings.job_starting_seconds + (delay.seconds if delay else 0)
        try:
            if job.stop_asked.wait(seconds):
                job.finish("Stopped")
            elif failure:
                job.finish("Failed", FailureReason=failure.reason)
            else:
                job.work()
        except JobFailedError as error:
            job.finish("Failed", FailureReason=str(error)[:1024])
        except Exception:
            log.exception("%s could not be carried out", job.arn)
            job.finish("Failed", FailureReason=_INTERNAL_ERROR)
