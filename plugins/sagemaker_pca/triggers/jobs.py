"""Waits for a SageMaker job in the triggerer."""

from __future__ import annotations

import asyncio
from typing import Any

from sagemaker_pca.hooks.job_log import JobLog
from sagemaker_pca.resource_kinds import JOB_KINDS
from sagemaker_pca.run.jobs import is_running, running_since
from sagemaker_pca.triggers.base import SageMakerWaitTrigger


class SageMakerJobTrigger(SageMakerWaitTrigger):
    """Fire when a job has ended, or when its waiting budget is used up.

    :param operation: kind of job, by the stem of its boto3 methods: ``processing_job``, ``training_job``, …
    :param job_name: name of the job
    :param job_logs: copy the containers' log lines into the task log
    :param stop_on_kill: stop the job when the waiting task is marked failed
    :param max_runtime_seconds: how long the job may run by its own start; None leaves it to the service
    """

    def __init__(
        self,
        *,
        operation: str,
        job_name: str,
        job_logs: bool = True,
        stop_on_kill: bool = True,
        max_runtime_seconds: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind = JOB_KINDS[operation]
        self.job_name = job_name
        self.job_logs = job_logs
        self.stop_on_kill = stop_on_kill
        self.max_runtime_seconds = max_runtime_seconds
        self._log_lines = JobLog(self.kind, job_name)

    def arguments(self) -> dict[str, Any]:
        """Arguments to make this trigger again."""
        return {
            **super().arguments(),
            "operation": self.kind.operation,
            "job_name": self.job_name,
            "job_logs": self.job_logs,
            "stop_on_kill": self.stop_on_kill,
            "max_runtime_seconds": self.max_runtime_seconds,
        }

    def still_changing(self) -> bool:
        """Describe the job, then read its log: in this order, the last look sees the last line."""
        description = self.hook.describe(self.kind, self.job_name)
        if self.job_logs:
            for line in self._log_lines.new_lines(self.hook):
                self.log.info("%s", line)
        since = running_since(description)
        if self.max_runtime_seconds is not None and since is not None:
            self.deadline = since + self.max_runtime_seconds
        return is_running(self.kind, description)

    async def on_kill(self) -> None:
        """Stop the job when its wait was marked failed; cleared or marked success, it runs on and is adopted."""
        if self.stop_on_kill and await asyncio.to_thread(self.task_state) == "failed":
            self.log.info("Stopping %s %s, since its wait was marked failed", self.kind.noun, self.job_name)
            await asyncio.to_thread(lambda: self.hook.stop_job(self.kind, self.job_name))
