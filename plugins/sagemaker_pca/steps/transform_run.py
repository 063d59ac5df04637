"""What the tasks of `pca_batch_transform` know of each other, read from XCom by task id."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from airflow.sdk import Context

from sagemaker_pca.run import tasks
from sagemaker_pca.run.plan import TransformPlan
from sagemaker_pca.steps.pipeline_run import PipelineRun, T


class TransformRun(PipelineRun):
    """One run of the batch transform: staging and features are the pipeline's own."""

    @cached_property
    def plan(self) -> TransformPlan:
        """What preflight decided."""
        return TransformPlan.model_validate(self.needed_result(tasks.PREFLIGHT))

    @property
    def projections_uri(self) -> str:
        """Where the transform job put the projections."""
        return self.plan.files.transform_output_uri(self.created_name(tasks.START_TRANSFORM))

    @property
    def scores_uri(self) -> str:
        """Where the processing job put the scored rows."""
        return self.plan.files.scores_uri(self.created_name(tasks.START_PROCESSING))

    @property
    def why_no_transform(self) -> str | None:
        """Why no transform job is needed; None where one is."""
        if self.plan.transform.is_scored:
            return f"output={self.plan.transform.output}: the processing job writes the scored rows."
        return None


def from_transform(read: Callable[[TransformRun], T]) -> Callable[..., T]:
    """A templated field that is read from the run when the task starts, not when the DAG file is parsed."""

    def render(context: Context, jinja_env: Any) -> T:
        return read(TransformRun.of(context))

    return render
