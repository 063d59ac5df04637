"""What the tasks of `pca_batch_transform` know of each other, read from XCom by task id."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from airflow.sdk import Context

from sagemaker_pca.pipeline_run import PipelineRun, T
from sagemaker_pca.run_plan import TransformPlan


class TransformRun(PipelineRun):
    """One run of the batch transform: staging and features are the pipeline's own."""

    @cached_property
    def plan(self) -> TransformPlan:
        """What preflight decided."""
        return TransformPlan.model_validate(self.needed_result("preflight"))

    @property
    def transform_model_name(self) -> str:
        """Name of the model that this run created for its transform job, attempt included."""
        return str(self.needed_result("transform.create_model")["name"])

    @property
    def transform_job_name(self) -> str:
        """Name of the transform job, attempt included."""
        return str(self.needed_result("transform.start_transform")["name"])

    @property
    def projections_uri(self) -> str:
        """Where the transform job put the projections."""
        return self.plan.files.transform_output_uri(self.transform_job_name)


def from_transform(read: Callable[[TransformRun], T]) -> Callable[..., T]:
    """A templated field that is read from the run when the task starts, not when the DAG file is parsed."""

    def render(context: Context, jinja_env: Any) -> T:
        return read(TransformRun(context))

    return render
