"""A job or resource is created exactly once for a request, however often it is asked for."""

import threading
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from sagemaker_pca.exceptions import JobFailedError
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.operators.start import SageMakerStartProcessingJobOperator
from sagemaker_pca.resource_kinds import ENDPOINT_CONFIG, MODEL, PROCESSING_JOB
from sagemaker_pca.run.attempts import ATTEMPT_LIMIT, FINGERPRINT_TAG, StartedResource
from tests.e2e.sagemaker_local.embedded_aws import (
    PCA,
    ROLE,
    SCIKIT_LEARN,
    EmbeddedAws,
    artifact_bytes,
    s3_output,
    unique_name,
)
from tests.e2e.sagemaker_pca.conftest import PlanFault

pytestmark = pytest.mark.e2e

COMPLETES = ["python3", "-c", "print('done')"]
FAILS = ["python3", "-c", "raise SystemExit(1)"]
RUNS_ON = ["python3", "-c", "import time; time.sleep(60)"]


def job_request(entrypoint: list[str], **members: Any) -> dict[str, Any]:
    return {
        "ProcessingJobName": unique_name("job"),
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": SCIKIT_LEARN, "ContainerEntrypoint": entrypoint},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
        **members,
    }


def model_request(aws: EmbeddedAws) -> dict[str, Any]:
    """A model of an artifact of its own."""
    name = unique_name("model")
    artifact_uri = aws.put(f"{name}/model.tar.gz", artifact_bytes(np.zeros(2), np.eye(2), np.ones(2)))
    return {
        "ModelName": name,
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": PCA, "ModelDataUrl": artifact_uri},
    }


def jobs_named(aws: EmbeddedAws, name: str) -> list[str]:
    jobs = aws.sagemaker.list_processing_jobs(NameContains=name, MaxResults=100)["ProcessingJobSummaries"]
    return sorted(job["ProcessingJobName"] for job in jobs)


def started(hook: SageMakerPcaHook, request: dict[str, Any]) -> StartedResource:
    return hook.start_or_adopt(PROCESSING_JOB, request)


def test_the_first_call_creates_the_job_and_marks_it_with_the_request(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    request = job_request(COMPLETES, Tags=[{"Key": "owner", "Value": "me"}])
    job = started(hook, request)
    name = request["ProcessingJobName"]
    assert (job.name, job.attempt, job.adopted) == (name, 1, False)
    assert job.arn == aws.wait_for_processing(name)["ProcessingJobArn"]
    tags = hook.tags(job.arn)
    assert tags["owner"] == "me"
    assert len(tags[FINGERPRINT_TAG]) == 32


@pytest.mark.parametrize("entrypoint", [COMPLETES, RUNS_ON], ids=["completed", "in progress"])
def test_a_later_call_adopts_the_job(aws: EmbeddedAws, hook: SageMakerPcaHook, entrypoint: list[str]) -> None:
    request = job_request(entrypoint)
    first = started(hook, request)
    if entrypoint is COMPLETES:
        aws.wait_for_processing(first.name)
    assert started(hook, request) == first._replace(adopted=True)
    assert jobs_named(aws, first.name) == [first.name]
    hook.stop_job(PROCESSING_JOB, first.name)


def test_a_failed_job_gets_a_next_attempt_which_is_adopted_from_then_on(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    plan_fault(fault="fail_job", target="ProcessingJob")
    request = job_request(COMPLETES)
    first = started(hook, request)
    assert aws.wait_for_processing(first.name)["ProcessingJobStatus"] == "Failed"
    second = started(hook, request)
    assert (second.name, second.attempt, second.adopted) == (f"{first.name}-2", 2, False)
    assert aws.wait_for_processing(second.name)["ProcessingJobStatus"] == "Completed"
    assert started(hook, request) == second._replace(adopted=True)


def test_a_stopped_job_gets_a_next_attempt(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    request = job_request(RUNS_ON)
    first = started(hook, request)
    hook.stop_job(PROCESSING_JOB, first.name)
    assert started(hook, request).attempt == 2, "a job on its way to Stopped is not worth adopting"
    assert aws.wait_for_processing(first.name)["ProcessingJobStatus"] == "Stopped"
    assert jobs_named(aws, first.name) == [first.name, f"{first.name}-2"]
    hook.stop_job(PROCESSING_JOB, f"{first.name}-2")


def test_a_job_of_another_request_is_left_alone(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    request = job_request(RUNS_ON)
    first = started(hook, request)
    second = started(hook, request | {"Environment": {"CHANGED": "1"}})
    assert (second.attempt, second.adopted) == (2, False)
    assert aws.sagemaker.describe_processing_job(ProcessingJobName=first.name)["ProcessingJobStatus"] == "InProgress"
    assert started(hook, request) == first._replace(adopted=True)
    for job in (first, second):
        hook.stop_job(PROCESSING_JOB, job.name)


def test_a_job_that_somebody_else_made_under_the_name_is_left_alone(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    request = job_request(COMPLETES)
    aws.sagemaker.create_processing_job(**request)
    assert started(hook, request).attempt == 2


def test_a_second_attempt_writes_beside_the_first_one(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    request = job_request(FAILS)
    name = request["ProcessingJobName"]
    outputs = [s3_output("out", f"s3://{aws.bucket}/runs/{name}/features/{name}/", "/opt/ml/processing/output")]
    request["ProcessingOutputConfig"] = {"Outputs": outputs}
    aws.wait_for_processing(started(hook, request).name)
    second = hook.describe(PROCESSING_JOB, started(hook, request).name)
    written = second["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    assert written == f"s3://{aws.bucket}/runs/{name}/features/{name}-2/"


def test_racing_callers_end_up_with_one_job(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    request = job_request(RUNS_ON)
    barrier, found = threading.Barrier(4), []

    def race() -> None:
        own_hook = SageMakerPcaHook(aws_conn_id="aws_default")
        assert own_hook.conn
        barrier.wait()
        found.append(started(own_hook, request))

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    name = request["ProcessingJobName"]
    assert sorted((job.name, job.adopted) for job in found) == [(name, False)] + [(name, True)] * 3
    assert jobs_named(aws, name) == [name]
    hook.stop_job(PROCESSING_JOB, name)


def test_a_create_whose_answer_was_lost_is_found_again(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    plan_fault(fault="lose_response", target="CreateProcessingJob")
    request = job_request(COMPLETES)
    job = started(hook, request)
    assert (job.attempt, job.adopted) == (1, True)
    assert jobs_named(aws, job.name) == [job.name]


def test_a_throttled_create_is_repeated_by_the_client(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    plan_fault(fault="throttle", target="CreateProcessingJob", times=2)
    assert started(hook, job_request(COMPLETES)).attempt == 1


def test_a_request_that_the_service_refuses_is_not_tried_under_other_names(
    aws: EmbeddedAws, hook: SageMakerPcaHook
) -> None:
    request = job_request(COMPLETES) | {"RoleArn": "no role at all, but long enough"}
    with pytest.raises(ClientError, match=r"[rR]oleArn"):
        started(hook, request)
    assert jobs_named(aws, request["ProcessingJobName"]) == []


def test_models_and_configurations_are_adopted_as_jobs_are(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    model = model_request(aws)
    name = model["ModelName"]
    first = hook.start_or_adopt(MODEL, model)
    assert hook.start_or_adopt(MODEL, model) == first._replace(adopted=True)
    assert hook.start_or_adopt(MODEL, model_request(aws) | {"ModelName": name}).name == f"{name}-2"

    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    config = {"EndpointConfigName": name, "ProductionVariants": [variant]}
    created = hook.start_or_adopt(ENDPOINT_CONFIG, config)
    assert created.arn.endswith(f":endpoint-config/{name}")
    assert hook.start_or_adopt(ENDPOINT_CONFIG, config) == created._replace(adopted=True)


def test_a_hundred_attempts_are_enough(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    model = model_request(aws)
    name = model["ModelName"]
    aws.sagemaker.create_model(**model)
    for attempt in range(2, ATTEMPT_LIMIT + 1):
        aws.sagemaker.create_model(**model | {"ModelName": f"{name}-{attempt}"})
    with pytest.raises(JobFailedError, match=f"every attempt name of model {name} is taken"):
        hook.start_or_adopt(MODEL, model)


def test_openlineage_is_told_what_the_started_attempt_reads_and_writes(aws: EmbeddedAws) -> None:
    name = unique_name("job")
    outputs = [s3_output("out", f"s3://{aws.bucket}/features/{name}/", "/opt/ml/processing/output")]
    request = job_request(FAILS, ProcessingOutputConfig={"Outputs": outputs}) | {"ProcessingJobName": name}
    aws.sagemaker.create_processing_job(**request)
    aws.wait_for_processing(name)

    start = SageMakerStartProcessingJobOperator(task_id="start", config=request)
    assert start.execute({})["name"] == f"{name}-2"
    lineage = start.get_openlineage_facets_on_complete(None)
    assert [(dataset.namespace, dataset.name) for dataset in lineage.outputs] == [
        (f"s3://{aws.bucket}", f"features/{name}-2/")
    ]
    assert lineage.inputs == []

    start.reads = ["s3://raw/data/"]
    (raw,) = start.get_openlineage_facets_on_complete(None).inputs
    assert (raw.namespace, raw.name) == ("s3://raw", "data/")
