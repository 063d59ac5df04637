"""Sensors that wait for processing, training and transform jobs and tell success from everything else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowTaskTimeout

from sagemaker_pca.exceptions import JobFailedError, WaitTimeoutError
from sagemaker_pca.job_log import JobLog, last_lines
from sagemaker_pca.job_status import (
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
    ResourceKind,
    ended_at,
    failure_message,
    is_running,
    waiting_budget_seconds,
)
from sagemaker_pca.links import Target
from sagemaker_pca.sensors.wait import Description, SageMakerWaitSensor
from sagemaker_pca.task_states import task_states
from sagemaker_pca.triggers.jobs import SageMakerJobTrigger


class SageMakerJobSensor(SageMakerWaitSensor):
    """Wait until a job has ended, and succeed only when it is Completed.

    The waiting budget is the job's own MaxRuntimeInSeconds plus a time for instances to come. When it is used up,
    or the waiting task is marked failed, the job is stopped; cleared or marked success, it runs on.

    :param job_name: name of the job (templated)
    :param job_logs: copy the containers' log lines into the task log (templated)
    :param stop_on_kill: stop the job when its wait is marked failed or runs out of time (templated)
    :param queueing_seconds: how long a job may wait for its instances
    """

    kind: ClassVar[ResourceKind]
    template_fields: Sequence[str] = aws_template_fields("job_name", "poll_seconds", "job_logs", "stop_on_kill")

    def __init__(
        self,
        *,
        job_name: Any,
        job_logs: Any = True,
        stop_on_kill: Any = True,
        queueing_seconds: float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(resource_type=self.kind.noun, **kwargs)
        self.job_name = job_name
        self._context: Context | None = None
        self.job_logs = job_logs
        self.stop_on_kill = stop_on_kill
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
            deadline=time.time() + waiting_budget_seconds(description, self.queueing_seconds),
            **self.connection,
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
        reason = failure_message(self.kind, self.job_name, description)
        if reason is None:
            return description
        lines = "\n".join(last_lines(self.pca_hook, self.kind, self.job_name, ended_at(description))) or "(no log)"
        page = self.pca_hook.console.log_url(self.kind, self.job_name)
        raise JobFailedError(
            f"{reason}\nClear the task that started it to run it again, under the next attempt's name.\n"
            f"The last lines of its log, whole at {page}:\n{lines}"
        )

    def give_up(self, description: Description) -> None:
        """Stop the job, unless told not to, and say so."""
        self._stop("its waiting budget is used up")
        outcome = "It was asked to stop." if self.stop_on_kill else "It was left running."
        budget = waiting_budget_seconds(description, self.queueing_seconds)
        raise WaitTimeoutError(
            f"{self.kind.noun} {self.job_name} is still {self.kind.status(description)} after its waiting budget of "
            f"{budget:.0f} s. {outcome} Raise max_runtime_seconds or look at its log."
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
