"""Sensors that wait for processing, training and transform jobs and tell success from everything else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowTaskTimeout

from sagemaker_pca.exceptions import JobFailedError, WaitTimeoutError
from sagemaker_pca.hooks.job_log import JobLog, last_lines
from sagemaker_pca.links import Target
from sagemaker_pca.resource_kinds import PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB, ResourceKind
from sagemaker_pca.run.jobs import (
    TIME_HINT,
    deadline_of_own,
    ended_at,
    is_running,
    job_failure,
    running_since,
    waiting_budget_seconds,
)
from sagemaker_pca.sensors.base import Description, SageMakerWaitSensor
from sagemaker_pca.task_states import task_states
from sagemaker_pca.triggers.base import connection_of
from sagemaker_pca.triggers.jobs import SageMakerJobTrigger


class SageMakerJobSensor(SageMakerWaitSensor):
    """Wait until a job has ended, and succeed only when it is Completed.

    The waiting budget is the job's own MaxRuntimeInSeconds plus a time for instances to come. When it is used up,
    or the waiting task is marked failed, the job is stopped; cleared or marked success, it runs on.

    :param job_name: name of the job (templated)
    :param job_logs: copy the containers' log lines into the task log (templated)
    :param stop_on_kill: stop the job when its wait is marked failed or runs out of time (templated)
    :param max_runtime_seconds: how long a job may run whose request cannot say so, before it is stopped in any case;
        None leaves it to the service (templated)
    :param queueing_seconds: how long a job may wait for its instances
    """

    kind: ClassVar[ResourceKind]
    template_fields: Sequence[str] = aws_template_fields(
        "job_name", "poll_seconds", "job_logs", "stop_on_kill", "max_runtime_seconds"
    )

    def __init__(
        self,
        *,
        job_name: Any,
        job_logs: Any = True,
        stop_on_kill: Any = True,
        max_runtime_seconds: Any = None,
        queueing_seconds: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(resource_type=self.kind.noun, **kwargs)
        self.job_name = job_name
        self._context: Context | None = None
        self.job_logs = job_logs
        self.stop_on_kill = stop_on_kill
        self.max_runtime_seconds = max_runtime_seconds
        self.queueing_seconds = queueing_seconds

    @property
    def link_target(self) -> Target:
        """The job."""
        return self.kind, self.job_name

    def describe(self) -> Description:
        """Describe the job."""
        return self.pca_hook.describe(self.kind, self.job_name)

    def is_changing(self, description: Description) -> bool:
        """Whether the job still runs."""
        return is_running(self.kind, description)

    def trigger(self, description: Description) -> SageMakerJobTrigger:
        """The deferred half."""
        self.log.info("Waiting for %s %s, %s", self.kind.noun, self.job_name, self.kind.status(description))
        return SageMakerJobTrigger(
            operation=self.kind.operation,
            job_name=self.job_name,
            job_logs=bool(self.job_logs),
            stop_on_kill=bool(self.stop_on_kill),
            poll_seconds=float(self.poll_seconds),
            deadline=self._deadline(description),
            max_runtime_seconds=self._limit_seconds,
            **connection_of(self),
        )

    def execute(self, context: Context) -> Any:
        """Wait; a job that has ended before the first look shows its log here, as no trigger will."""
        self._context = context
        try:
            result = super().execute(context)
        except (AirflowSensorTimeout, AirflowTaskTimeout):
            self._stop("the wait for it ran out of time")
            raise
        if self.job_logs:
            for line in JobLog(self.kind, self.job_name).new_lines(self.pca_hook):
                self.log.info("%s", line)
        return result

    def on_kill(self) -> None:
        """Stop the job when a wait in its worker was marked failed; cleared, it runs on and is adopted."""
        if self._context is not None and task_states(self._context).get(self.task_id) == "failed":
            self._stop("its wait was marked failed")

    def _stop(self, reason: str) -> None:
        if self.stop_on_kill:
            self.log.info("Stopping %s %s, since %s", self.kind.noun, self.job_name, reason)
            self.pca_hook.stop_job(self.kind, self.job_name)

    def verdict(self, description: Description) -> Description:
        """The description of a Completed job."""
        failure = job_failure(self.kind, self.job_name, description)
        if failure is None:
            return description
        lines = last_lines(self.pca_hook, self.kind, self.job_name, ended_at(description))
        if not self.job_logs:
            self.log.error("The last lines of its log:\n%s", "\n".join(lines))
        self.log.error("To run it again, clear %s: the next attempt gets a name of its own", self._started_by())
        page = self.pca_hook.console.log_url(self.kind, self.job_name)
        raise JobFailedError(failure.reason, hint=failure.hint, link=page, log_tail=tuple(lines))

    def check_limits(self, description: Description) -> None:
        """Stop a job that has run too long, as the service stops those whose request may give a limit."""
        limit, since = self._limit_seconds, running_since(description)
        if limit is None or since is None or (ran := time.time() - since) < limit:
            return
        self.log.info("Stopping %s %s, since it has run for %.0f s", self.kind.noun, self.job_name, ran)
        self.pca_hook.stop_job(self.kind, self.job_name)
        raise WaitTimeoutError(
            f"{self.kind.noun} {self.job_name} has run for {ran:.0f} s, longer than max_runtime_seconds={limit:.0f}. "
            "It was asked to stop.",
            hint=TIME_HINT,
            link=self.pca_hook.console.log_url(self.kind, self.job_name),
        )

    @property
    def _limit_seconds(self) -> float | None:
        return None if self.max_runtime_seconds is None else float(self.max_runtime_seconds)

    def _budget_seconds(self, description: Description) -> float:
        if self._limit_seconds is None:
            return waiting_budget_seconds(description, self.queueing_seconds)
        return self._limit_seconds + self.queueing_seconds

    def _deadline(self, description: Description) -> float:
        if self._limit_seconds is None:
            return time.time() + self._budget_seconds(description)
        return deadline_of_own(description, self._limit_seconds, self.queueing_seconds)

    def _started_by(self) -> str:
        """The tasks that a person has to clear to run the job again."""
        return " and ".join(sorted(self.upstream_task_ids)) or "the task that started it"

    def give_up(self, description: Description) -> None:
        """Stop the job, unless told not to, and say so."""
        self._stop("its waiting budget is used up")
        outcome = "It was asked to stop." if self.stop_on_kill else "It was left running."
        budget = self._budget_seconds(description)
        raise WaitTimeoutError(
            f"{self.kind.noun} {self.job_name} is still {self.kind.status(description)} after its waiting budget of "
            f"{budget:.0f} s. {outcome}",
            hint="Raise max_runtime_seconds, or look at its log.",
            link=self.pca_hook.console.log_url(self.kind, self.job_name),
        )


class SageMakerProcessingJobSensor(SageMakerJobSensor):
    """Wait for a processing job; parameters as of :class:`SageMakerJobSensor`."""

    kind = PROCESSING_JOB


class SageMakerTrainingJobSensor(SageMakerJobSensor):
    """Wait for a training job; parameters as of :class:`SageMakerJobSensor`."""

    kind = TRAINING_JOB


class SageMakerTransformJobSensor(SageMakerJobSensor):
    """Wait for a transform job; parameters as of :class:`SageMakerJobSensor`."""

    kind = TRANSFORM_JOB
