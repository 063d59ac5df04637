"""What SageMaker's descriptions mean: which states are terminal, which are success, and why a job failed. Pure.

States: botocore's service model (`ProcessingJobStatus`, `TrainingJobStatus`, `TransformJobStatus`, `EndpointStatus`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sagemaker_pca.exceptions import DeploymentError

RUNNING_JOB_STATES = frozenset({"InProgress", "Stopping"})
CHANGING_ENDPOINT_STATES = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True)
class ResourceKind:
    """How one kind of SageMaker resource is spelt in requests, answers and log groups.

    :param noun: the kind, for people
    :param operation: stem of the boto3 methods: `create_<operation>`, `describe_<operation>`, `stop_<operation>`
    :param name_key: request member that holds the name
    :param status_key: description member that holds the state; None for resources that only exist or not
    :param log_group: CloudWatch log group of the containers; an endpoint has one of its own below it
    :param console_page: the kind's part of an address in the console
    """

    noun: str
    operation: str
    name_key: str
    status_key: str | None = None
    log_group: str | None = None
    console_page: str = ""

    @property
    def arn_key(self) -> str:
        """Description member that holds the ARN."""
        return self.name_key.removesuffix("Name") + "Arn"

    def log_group_of(self, name: str) -> str:
        """CloudWatch log group of one resource's containers."""
        group = self.log_group or ""
        return f"{group}/{name}" if self.operation == "endpoint" else group

    def status(self, description: Mapping[str, Any]) -> str:
        """State in a description; resources without states are Completed once they exist."""
        return str(description[self.status_key]) if self.status_key else "Completed"


PROCESSING_JOB = ResourceKind(
    "processing job",
    "processing_job",
    "ProcessingJobName",
    "ProcessingJobStatus",
    "/aws/sagemaker/ProcessingJobs",
    "processing-jobs",
)
TRAINING_JOB = ResourceKind(
    "training job", "training_job", "TrainingJobName", "TrainingJobStatus", "/aws/sagemaker/TrainingJobs", "jobs"
)
TRANSFORM_JOB = ResourceKind(
    "transform job",
    "transform_job",
    "TransformJobName",
    "TransformJobStatus",
    "/aws/sagemaker/TransformJobs",
    "transform-jobs",
)
MODEL = ResourceKind("model", "model", "ModelName", console_page="models")
ENDPOINT_CONFIG = ResourceKind(
    "endpoint configuration", "endpoint_config", "EndpointConfigName", console_page="endpointConfig"
)
ENDPOINT = ResourceKind(
    "endpoint", "endpoint", "EndpointName", "EndpointStatus", "/aws/sagemaker/Endpoints", "endpoints"
)

JOB_KINDS = {kind.operation: kind for kind in (PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB)}


def is_running(kind: ResourceKind, description: Mapping[str, Any]) -> bool:
    """Whether the job can still change its state."""
    return kind.status(description) in RUNNING_JOB_STATES


def is_usable(kind: ResourceKind, description: Mapping[str, Any]) -> bool:
    """Whether a job is worth adopting: it is done, or on its way to be done."""
    return kind.status(description) in {"InProgress", "Completed"}


def failure_message(kind: ResourceKind, name: str, description: Mapping[str, Any]) -> str | None:
    """Why an ended job is no success, in the service's words; None when it is Completed."""
    status = kind.status(description)
    if status == "Completed":
        return None
    reason = description.get("FailureReason") or description.get("ExitMessage")
    if not reason and description.get("SecondaryStatus") == "MaxRuntimeExceeded":
        reason = "it ran longer than MaxRuntimeInSeconds. Raise max_runtime_seconds or use larger instances."
    if not reason and status == "Stopped":
        reason = "somebody stopped it, or it ran longer than MaxRuntimeInSeconds."
    return f"{kind.noun} {name} ended {status}: {reason or 'the service gives no reason'}"


def ended_at(description: Mapping[str, Any]) -> datetime | None:
    """When an ended job changed last, in a description with ISO timestamps; None for one that never ran."""
    when = description.get("LastModifiedTime") or description.get("TransformEndTime")
    return datetime.fromisoformat(when) if when else None


def waiting_budget_seconds(description: Mapping[str, Any], queueing_seconds: float = 3600) -> float:
    """How long waiting for a job makes sense: its own MaxRuntimeInSeconds plus time to get instances."""
    # 86,400 s is the service's default for all job kinds.
    max_runtime = (description.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 86_400)
    return float(max_runtime) + queueing_seconds


def check_in_service(description: Mapping[str, Any], wanted_config: str) -> None:
    """Refuse an endpoint that rests anywhere but InService with the configuration asked for.

    Raises:
        DeploymentError: InService on another configuration is how the service reports an update it rolled back.
    """
    name, status = description["EndpointName"], description["EndpointStatus"]
    serving = description.get("EndpointConfigName")
    if status == "InService" and serving == wanted_config:
        return
    reason = description.get("FailureReason") or f"see the log group /aws/sagemaker/Endpoints/{name}"
    if status == "InService":
        raise DeploymentError(
            f"endpoint {name} is InService with {serving}, not with {wanted_config}: "
            f"the update was rolled back: {reason}"
        )
    raise DeploymentError(f"endpoint {name} is {status} with {serving}: {reason}")
