"""The DAGs through all their branches on a deployed stack, and what AWS would have asked IAM on the way."""

from __future__ import annotations

import bisect
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

import boto3
import httpx
import pytest
from airflow.dag_processing.dagbag import DagBag

from quickstart.airflow_home import ROOT, airflow_environment, aws_connection, create_airflow_home
from quickstart.sample_ecg import write_recordings
from sagemaker_pca.endpoints.inventory import Variant
from sagemaker_pca.exceptions import WaitTimeoutError
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.report.document import Verdict
from sagemaker_pca.run.raw_listing import RawListing
from sagemaker_pca.sensors.jobs import (
    SageMakerJobSensor,
    SageMakerProcessingJobSensor,
    SageMakerTrainingJobSensor,
    SageMakerTransformJobSensor,
)
from sagemaker_pca.sensors.raw_data import raw_data_location
from sagemaker_pca.settings.transform import TransformConfig
from sagemaker_pca.steps.choose_model import find_model_name
from sagemaker_pca.triggers.s3_events import QueuedReports
from sagemaker_pca.variables import AWS_CONN_ID
from tests.dags_test_process import DagsTestProcess
from tests.deployed_stack import DeployedStack, deploy
from tests.pipeline_process import BUCKET, PipelineProcess
from tests.policy_evaluator import Question
from tests.run_plans import DEPLOYMENT_VARIABLE, OWNER_TAGS
from tests.service_process import ServiceProcess

NAME = "policies"
PIPELINE, TRANSFORM, ENDPOINTS = "pca_pipeline", "pca_batch_transform", "sagemaker_endpoints"
RAW_DATA = "pca_raw_data"
WAITS: dict[str, dict[str, type[SageMakerJobSensor]]] = {
    PIPELINE: {
        "wait_for_processing": SageMakerProcessingJobSensor,
        "wait_for_training": SageMakerTrainingJobSensor,
    },
    TRANSFORM: {
        "wait_for_processing": SageMakerProcessingJobSensor,
        "wait_for_transform": SageMakerTransformJobSensor,
    },
}


class End(NamedTuple):
    """When a task ended."""

    time: str
    dag_id: str
    task_id: str

    @classmethod
    def now(cls, dag_id: str, task_id: str) -> Self:
        """The end of something that stands for a task."""
        return cls(as_recorded(datetime.now(UTC)), dag_id, task_id)


@dataclass(frozen=True)
class AskedCall:
    """One question to IAM about a recorded call.

    :param actor: id of the DAG, or ARN of the execution role that a job or endpoint acted under
    :param step: what was at work: DAG and task; of jobs and endpoints, DAG and task group
    """

    actor: str
    step: str
    question: Question

    def __str__(self) -> str:
        return f"{self.step}: {self.question.action} on {self.question.resource}"


@dataclass(frozen=True)
class Recording:
    """A deployed stack, and all that the DAGs, jobs and endpoints asked of IAM."""

    stack: DeployedStack
    calls: list[AskedCall]

    def as_document(self) -> dict[str, Any]:
        """The recording as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Recording:
        """The recording that `as_document` wrote."""
        calls = [AskedCall(call["actor"], call["step"], Question(**call["question"])) for call in document["calls"]]
        return cls(DeployedStack(**document["stack"]), calls)


def record(folder: Path) -> Recording:
    """Deploy the template to an embedded service of its own, run the pipeline there, and read the service's record."""
    with ServiceProcess(recording=True) as service:

        def client(name: str) -> Any:
            return boto3.client(
                name,
                endpoint_url=service.url,
                region_name="us-east-1",
                aws_access_key_id="local",
                aws_secret_access_key="local",
            )

        stack = deploy(
            client,
            EndpointName=f"endpoint-{NAME}",
            RawDataPrefix=f"raw-{NAME}/",
            BatchDataPrefix=f"batch-{NAME}/",
            RawDataEvents="true",
        )
        create_airflow_home(folder / "airflow")
        airflow = DagsTestProcess(
            airflow_environment(folder / "airflow", service.url, settings={}) | DEPLOYMENT_VARIABLE, folder
        )
        pipeline = PipelineProcess(service.url, NAME, airflow)
        run_name = run_all_branches(pipeline, folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws_connection(service.url))
            by_hand = [
                *stop_jobs(PIPELINE, run_name),
                *look_at_raw_data(pipeline, client("sqs"), stack.outputs["RawDataEventsQueueUrl"]),
                *transform_in_all_ways(pipeline),
                *list_and_delete_endpoints(pipeline, run_name),
            ]
        airflow.close()
        ends = [*task_ends(folder / "airflow" / "airflow.db"), *by_hand]
        recorded = httpx.get(f"{service.url}/sagemaker-local/calls").json()["calls"]
    return Recording(stack, asked_calls(recorded, sorted(ends), list(stack.trust)))


def run_all_branches(pipeline: PipelineProcess, folder: Path) -> str:
    """Run the pipeline once for each way it can go; returns the name of a run whose jobs exist."""
    (folder / "recordings").mkdir()
    (recording,) = write_recordings(folder / "recordings", recordings=1, seconds=10)
    pipeline.put_raw("recording.csv", recording.read_bytes())

    # The answer to a request is lost: the job is found again by name, and recognized by its tags.
    pipeline.plan_fault(fault="lose_response", target="CreateTrainingJob")
    pipeline.plan_fault(fault="fail_endpoint")
    never_in_service = pipeline.run(force=False)  # claims its training, and gives the claim back
    assert never_in_service.report.run.verdict is Verdict.ROLLED_BACK, never_in_service.log[-4000:]
    assert pipeline.serving_config() is None

    pipeline.plan_fault(fault="fail_endpoint")
    config_name = never_in_service.report.run.run_name
    pipeline.sagemaker.create_endpoint(
        EndpointName=pipeline.endpoint_name, EndpointConfigName=config_name, Tags=OWNER_TAGS
    )
    in_place_of_a_failed_one = pipeline.run(scaling="standardize", processing_instance_count=2)
    assert in_place_of_a_failed_one.report.run.verdict is Verdict.PROMOTED, in_place_of_a_failed_one.log[-4000:]

    # The smoke test fails: the endpoint reports the new configuration and goes on serving the old model.
    pipeline.plan_fault(fault="keep_old_model")
    rolled_back = pipeline.run(max_explained_variance_drop=1.0)
    assert rolled_back.report.run.verdict is Verdict.ROLLED_BACK, rolled_back.log[-4000:]

    refused = pipeline.run(num_components=1, min_explained_variance=0.99)
    assert refused.report.run.verdict is Verdict.REFUSED, refused.log[-4000:]

    superseding = pipeline.run(keep_superseded=1)
    assert superseding.report.run.verdict is Verdict.PROMOTED, superseding.log[-4000:]

    unchanged = pipeline.run(keep_superseded=1, force=False)
    assert unchanged.report.run.verdict is Verdict.SKIPPED, unchanged.log[-4000:]
    return superseding.report.run.run_name


def look_at_raw_data(pipeline: PipelineProcess, sqs: Any, queue_url: str) -> Iterator[End]:
    """List the raw files as `pca_raw_data` does, and receive and delete what S3 reports, as its watcher does."""
    hook = SageMakerPcaHook(aws_conn_id=AWS_CONN_ID)
    location = raw_data_location(hook, {"raw_data_uri": f"s3://{BUCKET}/{pipeline.raw_prefix}"})
    assert RawListing.of(location, hook.list_objects(location)).files == 1
    yield End.now(RAW_DATA, "notice_change")

    sqs.send_message(QueueUrl=queue_url, MessageBody="{}")
    reports = QueuedReports(queue_url, AWS_CONN_ID)
    messages = reports.receive()
    assert len(messages) == 1
    reports.delete(messages)
    yield End.now(RAW_DATA, "watcher")


def transform_in_all_ways(pipeline: PipelineProcess) -> Iterator[End]:
    """Score and project the recording with the model in service, and find the promoted one; nothing asks for more."""
    recording = pipeline.s3.get_object(Bucket=BUCKET, Key=f"{pipeline.raw_prefix}recording.csv")["Body"].read()
    pipeline.s3.put_object(Bucket=BUCKET, Key=f"batch-{NAME}/recording.csv", Body=recording)
    for target in ("CreateProcessingJob", "CreateModel", "CreateTransformJob"):
        pipeline.plan_fault(fault="lose_response", target=target)
    conf = {"input_uri": f"s3://{BUCKET}/batch-{NAME}/", "endpoint_name": pipeline.endpoint_name, "poll_seconds": 0.2}
    for output in ("scored-csv", "projections"):
        exit_code, log = pipeline.dags_test(TRANSFORM, conf | {"output": output})
        assert exit_code == 0, log[-4000:]
    newest = pipeline.sagemaker.list_transform_jobs(MaxResults=1)["TransformJobSummaries"][0]
    yield from stop_jobs(TRANSFORM, newest["TransformJobName"])

    promoted = TransformConfig(model="promoted", endpoint_name=pipeline.endpoint_name)
    find_model_name(SageMakerPcaHook(aws_conn_id=AWS_CONN_ID), promoted, BUCKET)
    yield End.now(TRANSFORM, "preflight")


def list_and_delete_endpoints(pipeline: PipelineProcess, run_name: str) -> Iterator[End]:
    """Stop and start the pipeline's endpoint, look at the inventory as a sweep does, and delete the endpoint whole."""
    for command in ("stop-endpoint", "start-endpoint"):
        switch = {"command": command, "name": pipeline.endpoint_name, "dry_run": False, "poll_seconds": 0.1}
        exit_code, log = pipeline.dags_test(ENDPOINTS, switch)
        assert exit_code == 0, log[-4000:]
    now = datetime.now(UTC)
    # Left behind by a run that died: what its endpoint may have to return to counts as in use.
    lease = {"holder": run_name, "expires_at": now.isoformat()}
    pipeline.s3.put_object(Bucket=BUCKET, Key="endpoints/abandoned/lease.json", Body=json.dumps(lease).encode())
    conf = {"command": "delete-endpoint", "name": pipeline.endpoint_name, "with_dependents": True, "dry_run": False}
    exit_code, log = pipeline.dags_test(ENDPOINTS, {**conf, "poll_seconds": 0.1})
    assert exit_code == 0, log[-4000:]
    assert pipeline.serving_config() is None

    # Of endpoints that are a day old; none here is.
    hook = SageMakerInventoryHook(aws_conn_id=AWS_CONN_ID)
    hook.count_invocations([Variant(pipeline.endpoint_name, "AllTraffic")], now - timedelta(days=1), now)
    yield End.now(ENDPOINTS, "plan")


def stop_jobs(dag_id: str, job_name: str) -> Iterator[End]:
    """Let a DAG's waits run out of time, which stops their jobs."""
    for task_id, sensor in WAITS[dag_id].items():
        wait = sensor(task_id=task_id.replace(".", "_"), job_name=job_name)
        with pytest.raises(WaitTimeoutError):
            wait.give_up(wait.describe())
        yield End.now(dag_id, task_id)


def task_ends(database: Path) -> Iterator[End]:
    """When each task of each run ended. Tasks of `airflow dags test` run one after the other."""
    with sqlite3.connect(database) as connection:
        query = "SELECT end_date, dag_id, task_id FROM task_instance WHERE end_date IS NOT NULL"
        for end_date, dag_id, task_id in connection.execute(query):
            yield End(as_recorded(datetime.fromisoformat(end_date)), dag_id, task_id)


def as_recorded(time: datetime) -> str:
    """A time as the embedded service writes it."""
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC).isoformat(timespec="microseconds")


def task_groups() -> dict[str, dict[str, str]]:
    """By DAG, the group of each task that is in one."""
    dags = DagBag(ROOT / "dags", bundle_name="recorded").dags
    groups = {dag_id: dag.task_group.get_task_group_dict() for dag_id, dag in dags.items()}
    return {
        dag_id: {task_id: name for name, group in named.items() if name for task_id in group.children}
        for dag_id, named in groups.items()
    }


def asked_calls(recorded: list[dict[str, Any]], ends: list[End], roles: list[str]) -> list[AskedCall]:
    """What the recorded calls asked of IAM, each question of a step once, without the calls of the test itself."""
    sessions = {f"assumed-role/{role.rpartition('/')[2]}/SageMaker": role for role in roles}
    times, groups = [end.time for end in ends], task_groups()
    found: dict[str, AskedCall] = {}
    for call in recorded:
        role = sessions.get(call["identity"].split(":", 5)[5])
        if role is None and "Airflow/" not in call["user_agent"]:
            continue
        end = ends[bisect.bisect_left(times, call["time"])]
        # A job begins while the task that started it ends: its calls are of the group as a whole.
        step = f"{end.dag_id}.{groups[end.dag_id].get(end.task_id, end.task_id) if role else end.task_id}"
        for asked in call["authorizations"]:
            # The embedded service speaks HTTP; AWS is asked over TLS.
            keys = {**asked["condition_keys"], "aws:SecureTransport": "true"}
            question = Question(asked["action"], asked["resource"], keys)
            found.setdefault(repr((role, step, question)), AskedCall(role or end.dag_id, step, question))
    return list(found.values())
