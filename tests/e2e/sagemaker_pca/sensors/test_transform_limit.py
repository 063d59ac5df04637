"""A transform job, whose request knows no time limit, is stopped by its wait."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from sagemaker_pca.exceptions import WaitTimeoutError
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.resource_kinds import TRANSFORM_JOB
from sagemaker_pca.sensors.jobs import SageMakerTransformJobSensor
from sagemaker_pca.triggers.jobs import SageMakerJobTrigger
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, wait_until
from tests.e2e.sagemaker_local.test_batch_transform import start_transform
from tests.e2e.sagemaker_pca.conftest import PlanFault
from tests.e2e.sagemaker_pca.running import run

pytestmark = pytest.mark.e2e

WAYS = pytest.mark.parametrize("deferrable", [True, False], ids=["in the triggerer", "in the worker"])


@pytest.fixture
def endless_job(aws: EmbeddedAws, hook: SageMakerPcaHook) -> Iterator[str]:
    """A transform with so much to do that it runs until it is stopped."""
    aws.put("in/a.csv", "1,2\n" * 200_000)
    name = start_transform(aws, BatchStrategy="SingleRecord")
    yield name
    hook.stop_job(TRANSFORM_JOB, name)


def sensor(job_name: str, limit: float | None, **arguments: Any) -> SageMakerTransformJobSensor:
    return SageMakerTransformJobSensor(
        task_id="wait", job_name=job_name, poll_seconds=0.1, max_runtime_seconds=limit, **arguments
    )


def status(aws: EmbeddedAws, name: str) -> str:
    return str(aws.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"])


def wait_for_start(aws: EmbeddedAws, name: str) -> None:
    wait_until(
        lambda: aws.sagemaker.describe_transform_job(TransformJobName=name), lambda job: "TransformStartTime" in job, 30
    )


@pytest.mark.parametrize(
    ("deferrable", "stop_on_kill"),
    [(True, True), (True, False), (False, False)],
    ids=["in the triggerer", "left running when killed", "in the worker, left running when killed"],
)
def test_a_job_that_runs_longer_than_the_setting_is_stopped_in_any_case(
    aws: EmbeddedAws, endless_job: str, deferrable: bool, stop_on_kill: bool
) -> None:
    with pytest.raises(WaitTimeoutError) as error:
        run(sensor(endless_job, 1, deferrable=deferrable, stop_on_kill=stop_on_kill))
    failure = error.value.failure
    assert failure.reason.startswith(f"transform job {endless_job} has run for ")
    assert failure.reason.endswith(" s, longer than max_runtime_seconds=1. It was asked to stop.")
    assert failure.hint == "Raise max_runtime_seconds, or use larger instances."
    assert aws.wait_for_transform(endless_job)["TransformJobStatus"] == "Stopped"


@WAYS
def test_a_wait_that_is_cleared_gives_the_job_no_more_time(
    aws: EmbeddedAws, endless_job: str, deferrable: bool
) -> None:
    wait_for_start(aws, endless_job)
    time.sleep(1.5)
    with pytest.raises(WaitTimeoutError, match="longer than max_runtime_seconds=1"):
        sensor(endless_job, 1, deferrable=deferrable).execute({})
    assert status(aws, endless_job) in {"Stopping", "Stopped"}


def test_the_time_for_instances_to_come_counts_from_the_jobs_creation(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    plan_fault(fault="delay_job", target="TransformJob", seconds=30)
    aws.put("in/a.csv", "1,2\n")
    name = start_transform(aws)
    created = aws.sagemaker.describe_transform_job(TransformJobName=name)["CreationTime"].timestamp()
    with pytest.raises(TaskDeferred) as deferred:
        sensor(name, 600).execute({})
    assert isinstance(deferred.value.trigger, SageMakerJobTrigger)
    assert deferred.value.trigger.deadline == pytest.approx(created + 600 + 3600, abs=0.1)
    with pytest.raises(WaitTimeoutError, match=r"still InProgress after its waiting budget of 1 s\. It was asked to"):
        run(sensor(name, 0.5, queueing_seconds=0.5))
    hook.stop_job(TRANSFORM_JOB, name)


@pytest.mark.parametrize(("deferrable", "limit"), [(True, 60), (False, 60), (True, None)])
def test_a_job_within_its_time_is_a_success(aws: EmbeddedAws, deferrable: bool, limit: float | None) -> None:
    aws.put("in/a.csv", "1,2\n")
    assert run(sensor(start_transform(aws), limit, deferrable=deferrable))["TransformJobStatus"] == "Completed"
