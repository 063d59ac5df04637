"""What the tasks of `pca_pipeline` know of each other: one accessor per fact, read from XCom by task id."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Self, TypeVar

from airflow.sdk import Context, get_current_context

from sagemaker_pca.deployment_lease import DeploymentLease
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.run_plan import RunPlan, StagedInputs
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook

T = TypeVar("T")

AWS_CONN_ID = "aws_default"


class PipelineRun:
    """One run of the pipeline, seen from one of its tasks.

    :param context: the task's context
    """

    def __init__(self, context: Context) -> None:
        self.context = context

    @classmethod
    def current(cls) -> Self:
        """The run that the calling task belongs to."""
        return cls(get_current_context())

    def result(self, task_id: str, key: str = "return_value") -> Any:
        """What a task of this run returned, None when it did not."""
        return self.context["ti"].xcom_pull(task_ids=task_id, key=key)

    def needed_result(self, task_id: str) -> Any:
        """What a task of this run returned.

        Raises:
            InputError: when it returned nothing, because somebody marked it success before it was done.
        """
        result = self.result(task_id)
        if result is None:
            raise InputError(f"{task_id} was marked success and left no result. Clear it, so that it runs to its end.")
        return result

    @cached_property
    def hook(self) -> SageMakerPcaHook:
        """The hook of the pipeline's connection."""
        return SageMakerPcaHook(aws_conn_id=AWS_CONN_ID)

    @cached_property
    def plan(self) -> RunPlan:
        """What preflight decided."""
        return RunPlan.model_validate(self.needed_result("preflight"))

    @property
    def inputs(self) -> StagedInputs:
        """What stage_inputs put in place."""
        return StagedInputs.model_validate(self.needed_result("stage_inputs"))

    @property
    def profile_job_name(self) -> str:
        """Name of the profile job, attempt included."""
        return str(self.needed_result("features.start_profiling")["name"])

    @property
    def profile_uri(self) -> str | None:
        """Where the profile job put the moments of all hosts; None in a run that needs none."""
        return None if self.plan.config.why_no_profile else self.plan.files.stats_uri(self.profile_job_name)

    @property
    def processing_job_name(self) -> str:
        """Name of the processing job, attempt included."""
        return str(self.needed_result("features.start_processing")["name"])

    @property
    def features_uri(self) -> str:
        """Where the processing job put the features."""
        return self.plan.files.features_uri(self.processing_job_name)

    @property
    def stats_uri(self) -> str:
        """Where the processing job put the moments."""
        return self.plan.files.stats_uri(self.processing_job_name)

    def moments_uris(self) -> list[str]:
        """The moments documents of the processing hosts."""
        names = (f"s3://{self.plan.bucket}/{item['Key']}" for item in self.hook.list_objects(self.stats_uri))
        return [name for name in names if name.endswith(".json")]

    @property
    def training_job_name(self) -> str:
        """Name of the training job, attempt included."""
        return str(self.needed_result("training.start_training")["name"])

    @property
    def trained_artifact_uri(self) -> str:
        """Where the training job put its artifact."""
        return str(self.needed_result("training.wait_for_training")["ModelArtifacts"]["S3ModelArtifacts"])

    @property
    def served_artifact_uri(self) -> str:
        """The artifact that the endpoint serves: the trained one, or that with scaling folded in."""
        return str(self.needed_result("evaluate_model")["served_artifact_uri"])

    @property
    def model_name(self) -> str:
        """Name of the created model."""
        return str(self.needed_result("deployment.create_model")["name"])

    @property
    def endpoint_config_name(self) -> str:
        """Name of the created endpoint configuration."""
        return str(self.needed_result("deployment.create_endpoint_config")["name"])

    @property
    def lease(self) -> DeploymentLease:
        """The endpoint's deployment lease, with this run as holder."""
        return DeploymentLease(self.plan.files.lease_uri, self.plan.run_name)


def from_run(read: Callable[[PipelineRun], T]) -> Callable[..., T]:
    """A templated field that is read from the run when the task starts, not when the DAG file is parsed."""

    def render(context: Context, jinja_env: Any) -> T:
        return read(PipelineRun(context))

    return render
