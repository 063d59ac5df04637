"""What our building blocks ask of the service, call by call, beside the provider's for the same steps and interval."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import httpx
import numpy as np
import pytest
from airflow.providers.amazon.aws.operators.sagemaker import (
    SageMakerEndpointConfigOperator,
    SageMakerEndpointOperator,
    SageMakerModelOperator,
    SageMakerProcessingOperator,
    SageMakerTrainingOperator,
)
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerEndpointSensor

from quickstart.airflow_home import aws_connection
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.operators.deploy import SageMakerDeployEndpointOperator
from sagemaker_pca.operators.start import (
    SageMakerCreateEndpointConfigOperator,
    SageMakerCreateModelOperator,
    SageMakerStartProcessingJobOperator,
    SageMakerStartTrainingJobOperator,
)
from sagemaker_pca.sensors.endpoints import SageMakerEndpointDeployedSensor
from sagemaker_pca.sensors.jobs import SageMakerProcessingJobSensor, SageMakerTrainingJobSensor
from sagemaker_pca.triggers.base import shared_hook
from tests.e2e.sagemaker_local.embedded_aws import (
    PCA,
    ROLE,
    SCIKIT_LEARN,
    EmbeddedAws,
    artifact_bytes,
    channel,
    csv_bytes,
    unique_name,
)
from tests.e2e.sagemaker_pca.running import run
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

# So long that several looks fall into it.
SECONDS = 5
INTERVAL_SECONDS = 1
MORE_CALLS_PER_RESOURCE = 2
# Lease and record.
MORE_CALLS_PER_DEPLOYMENT = 2
# Whose the endpoint is; and the configuration in service is held against the next one, for what others changed on it is
# retained.
MORE_CALLS_PER_UPDATE = 3
LOG_CALLS_PER_LOOK = 2
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    """A service that keeps a record of calls, and whose jobs and endpoints take a while."""
    settings = {
        "SAGEMAKER_LOCAL_JOB_STARTING_SECONDS": str(SECONDS),
        "SAGEMAKER_LOCAL_ENDPOINT_CREATING_SECONDS": str(SECONDS),
    }
    with ServiceProcess(settings, recording=True) as service:
        yield service.url


@pytest.fixture
def aws(service_url: str, monkeypatch: pytest.MonkeyPatch) -> EmbeddedAws:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws_connection(service_url))
    shared_hook.cache_clear()  # it may be of another service, under the same name
    return EmbeddedAws(service_url)


class Asked:
    """The calls that tasks made, one after the other.

    :param look: the action that asks for the state of what is awaited
    """

    def __init__(self, aws: EmbeddedAws, look: str, *tasks: Any) -> None:
        httpx.delete(f"{aws.url}/sagemaker-local/calls").raise_for_status()
        with counted_pauses() as pauses:
            for task in tasks:
                run(task)
        recorded = httpx.get(f"{aws.url}/sagemaker-local/calls").raise_for_status().json()["calls"]
        self.calls = [call for call in recorded if "Airflow" in call["user_agent"]]
        self.looks = self.counts()[f"sagemaker:{look}"]
        self.pauses = len(pauses)
        self.log_calls = len([call for call in self.calls if call["call"].startswith("logs:")])

    @property
    def fixed(self) -> int:
        """Calls beyond the logs and one look per pause, whose number the job's duration decides."""
        return len(self.calls) - self.log_calls - self.pauses

    def counts(self) -> Counter[str]:
        """Number of calls by action."""
        return Counter(call["call"] for call in self.calls)

    def verify_beside(self, provider: Asked, more_calls: int = MORE_CALLS_PER_RESOURCE) -> None:
        """Hold these calls to the limits beside the provider's."""
        told = (
            f"ours {Counter(call['call'] for call in self.calls)}, theirs {[call['call'] for call in provider.calls]}"
        )
        assert bool(self.pauses) == bool(provider.pauses), f"only one of them waited: {told}"
        assert self.fixed <= provider.fixed + more_calls, told
        assert self.log_calls <= LOG_CALLS_PER_LOOK * self.looks, told


@contextmanager
def counted_pauses() -> Iterator[list[float]]:
    """Collects the pauses that this process makes between two looks, in seconds."""
    pauses: list[float] = []

    def noted(pause: Callable[..., Any]) -> Callable[..., Any]:
        def pause_and_note(seconds: float, *arguments: Any) -> Any:
            if seconds >= 0.5 * INTERVAL_SECONDS:
                pauses.append(seconds)
            return pause(seconds, *arguments)

        return pause_and_note

    with patch.object(time, "sleep", noted(time.sleep)), patch.object(asyncio, "sleep", noted(asyncio.sleep)):
        yield pauses


def processing_request() -> dict[str, Any]:
    return {
        "ProcessingJobName": unique_name("job"),
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": SCIKIT_LEARN, "ContainerEntrypoint": ["true"]},
        "ProcessingResources": {"ClusterConfig": CLUSTER},
    }


def training_request(aws: EmbeddedAws) -> dict[str, Any]:
    return {
        "TrainingJobName": unique_name("job"),
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": PCA, "TrainingInputMode": "File"},
        "HyperParameters": {"feature_dim": "2", "num_components": "1", "mini_batch_size": "10"},
        "InputDataConfig": [channel("train", aws.put("train.csv", csv_bytes([[1.0, 2.0], [2.0, 1.0]] * 25)))],
        "OutputDataConfig": {"S3OutputPath": f"s3://{aws.bucket}/models"},
        "ResourceConfig": CLUSTER,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def model_request(aws: EmbeddedAws) -> dict[str, Any]:
    artifact = artifact_bytes(np.zeros(2), np.eye(2), np.ones(2))
    artifact_uri = aws.put("model.tar.gz", artifact)
    return {
        "ModelName": unique_name("model"),
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": PCA, "ModelDataUrl": artifact_uri},
    }


def config_request(model_name: str) -> dict[str, Any]:
    variant = {"VariantName": "all", "ModelName": model_name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return {"EndpointConfigName": unique_name("config"), "ProductionVariants": [variant]}


def test_a_processing_job(aws: EmbeddedAws) -> None:
    request = processing_request()
    ours = Asked(
        aws,
        "DescribeProcessingJob",
        SageMakerStartProcessingJobOperator(task_id="start", config=request),
        SageMakerProcessingJobSensor(
            task_id="wait", job_name=request["ProcessingJobName"], poll_seconds=INTERVAL_SECONDS
        ),
    )
    provider = Asked(
        aws,
        "DescribeProcessingJob",
        SageMakerProcessingOperator(task_id="job", config=processing_request(), check_interval=INTERVAL_SECONDS),
    )
    ours.verify_beside(provider)


def test_a_training_job(aws: EmbeddedAws) -> None:
    request = training_request(aws)
    ours = Asked(
        aws,
        "DescribeTrainingJob",
        SageMakerStartTrainingJobOperator(task_id="start", config=request),
        SageMakerTrainingJobSensor(task_id="wait", job_name=request["TrainingJobName"], poll_seconds=INTERVAL_SECONDS),
    )
    # With print_log the provider's wait has an interval of its own, 30 s.
    request = training_request(aws)
    provider = Asked(
        aws,
        "DescribeTrainingJob",
        SageMakerTrainingOperator(task_id="job", config=request, print_log=False, check_interval=INTERVAL_SECONDS),
    )
    ours.verify_beside(provider)


def test_a_model(aws: EmbeddedAws) -> None:
    ours = Asked(aws, "DescribeModel", SageMakerCreateModelOperator(task_id="model", config=model_request(aws)))
    ours.verify_beside(Asked(aws, "DescribeModel", SageMakerModelOperator(task_id="model", config=model_request(aws))))


def test_an_endpoint_configuration(aws: EmbeddedAws) -> None:
    look, model = "DescribeEndpointConfig", model_request(aws)
    aws.sagemaker.create_model(**model)
    ours = Asked(
        aws, look, SageMakerCreateEndpointConfigOperator(task_id="config", config=config_request(model["ModelName"]))
    )
    provider = Asked(
        aws, look, SageMakerEndpointConfigOperator(task_id="config", config=config_request(model["ModelName"]))
    )
    ours.verify_beside(provider)


def test_an_endpoint_created_and_updated(aws: EmbeddedAws) -> None:
    model = model_request(aws)
    aws.sagemaker.create_model(**model)
    our_endpoint, their_endpoint = unique_name("endpoint"), unique_name("endpoint")
    for operation in ("create", "update"):
        config = config_request(model["ModelName"])
        aws.sagemaker.create_endpoint_config(**config)
        ours = Asked(aws, "DescribeEndpoint", *our_deployment(aws, our_endpoint, config["EndpointConfigName"]))
        provider = Asked(
            aws,
            "DescribeEndpoint",
            SageMakerEndpointOperator(
                task_id="deploy",
                operation=operation,
                config={"EndpointName": their_endpoint, "EndpointConfigName": config["EndpointConfigName"]},
                wait_for_completion=False,
            ),
            SageMakerEndpointSensor(task_id="wait", endpoint_name=their_endpoint, poke_interval=INTERVAL_SECONDS),
        )
        more_calls = (
            MORE_CALLS_PER_RESOURCE
            + MORE_CALLS_PER_DEPLOYMENT
            + (MORE_CALLS_PER_UPDATE if operation == "update" else 0)
        )
        ours.verify_beside(provider, more_calls)


def our_deployment(aws: EmbeddedAws, endpoint_name: str, config_name: str) -> tuple[Any, Any]:
    """The tasks of a run that deploys, the endpoint's tags and lease included."""
    lease = DeploymentLease(f"s3://{aws.bucket}/{endpoint_name}/{config_name}/lease.json", holder=config_name)
    tags = [{"Key": "run-name", "Value": config_name}]
    deploy = SageMakerDeployEndpointOperator(
        task_id="deploy",
        config={"EndpointName": endpoint_name, "EndpointConfigName": config_name, "Tags": tags},
        record_uri=f"s3://{aws.bucket}/{endpoint_name}/{config_name}/deployment.json",
        lease=lease.as_document(),
    )
    wait = SageMakerEndpointDeployedSensor(
        task_id="wait",
        endpoint_name=endpoint_name,
        endpoint_config_name=config_name,
        lease=lease.as_document(),
        poll_seconds=INTERVAL_SECONDS,
    )
    return deploy, wait
