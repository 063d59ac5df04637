"""The kinds of SageMaker resources that runs make, and how each is spelt in requests, answers and log groups. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class ResourceKind(NamedTuple):
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
