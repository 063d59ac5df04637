"""What a run leaves in service is recorded, superseded models go, abandoned jobs are stopped, the lease is free."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from airflow.sdk.exceptions import AirflowSkipException

from quickstart.airflow_home import aws_connection
from sagemaker_pca.endpoints.records import DeploymentHistory, DeploymentRecord, Promotion
from sagemaker_pca.exceptions import DeploymentError, LeaseHeldError
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.report import page
from sagemaker_pca.report.document import Run as AboutRun
from sagemaker_pca.report.document import RunReport, Verdict
from sagemaker_pca.resource_kinds import PROCESSING_JOB
from sagemaker_pca.run import tasks
from sagemaker_pca.run.images import pca_image_uri
from sagemaker_pca.run.locations import profile_job_name
from sagemaker_pca.run.plan import RunPlan
from sagemaker_pca.steps.finish_deployment import finish_deployment, stop_abandoned_jobs
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.publish_report import write_report
from sagemaker_pca.steps.stage_inputs import already_being_made
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws
from tests.pipeline_process import BUCKET
from tests.run_plans import INPUTS, plan_of

ARTIFACT_URI = f"s3://{BUCKET}/retire-superseded/model.tar.gz"

pytestmark = pytest.mark.e2e


class Run(PipelineRun):
    """A run that has deployed: what its tasks would have left, without the tasks."""

    def __init__(self, hook: SageMakerPcaHook, plan: RunPlan, states: dict[str, str]) -> None:
        super().__init__({})
        self.__dict__ |= {"hook": hook, "plan": plan, "states": states}
        self._results |= {
            (tasks.PREFLIGHT, "return_value"): plan.model_dump(mode="json"),
            (tasks.STAGE_INPUTS, "return_value"): INPUTS.model_dump(mode="json"),
            (tasks.CREATE_MODEL, "return_value"): {"name": plan.run_name},
        }


class Deployments:
    """Deployments to one endpoint, one run after the other."""

    serves = ""

    def __init__(self, hook: SageMakerPcaHook) -> None:
        self.hook = hook
        self.name = uuid.uuid4().hex[:8]
        # These tests are about what is recorded of an endpoint: it is one without instances, which serves the newest.
        vars(hook)["find_endpoint"] = self.find_endpoint

    def find_endpoint(self, name: str) -> dict[str, Any] | None:
        if name == f"endpoint-{self.name}":
            return {"EndpointName": name, "EndpointStatus": "InService", "EndpointConfigName": self.serves}
        return SageMakerPcaHook.find_endpoint(self.hook, name)

    def deploy(self, number: int, *, verified: bool = True) -> Run:
        """A run that created model and configuration and recorded its deployment."""
        name = f"{self.name}-{number}"
        self.hook.conn.create_model(
            ModelName=name,
            ExecutionRoleArn="arn:aws:iam::123456789012:role/serving",
            PrimaryContainer={"Image": pca_image_uri("us-east-1"), "ModelDataUrl": ARTIFACT_URI},
        )
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        self.hook.conn.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        plan = plan_of(run_name=name, bucket=BUCKET, keep_superseded=1, endpoint_name=f"endpoint-{self.name}")
        self.serves = name
        record = DeploymentRecord(
            endpoint_name=plan.config.endpoint_name,
            endpoint_config_name=name,
            previous_endpoint_config_name=f"{self.name}-{number - 1}" if number else None,
            run_name=name,
        )
        self.hook.write_document(plan.files.deployment_record_uri, record)
        states = {tasks.SMOKE_TEST: "success" if verified else "failed", tasks.STAGE_INPUTS: "success"}
        return Run(self.hook, plan, states)

    def left(self) -> tuple[set[str], set[str]]:
        configs = self.hook.conn.list_endpoint_configs(NameContains=self.name, MaxResults=100)["EndpointConfigs"]
        models = self.hook.conn.list_models(NameContains=self.name, MaxResults=100)["Models"]
        return {item["EndpointConfigName"] for item in configs}, {item["ModelName"] for item in models}


@pytest.fixture
def deployments(sagemaker_local_url: str, monkeypatch: pytest.MonkeyPatch) -> Deployments:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws_connection(sagemaker_local_url))
    hook = SageMakerPcaHook(aws_conn_id="aws_default")
    hook.s3.create_bucket(Bucket=BUCKET)
    artifact = PcaModel(mean=np.zeros(2), singular_values=np.ones(1), components=np.array([[1.0], [0.0]])).to_artifact()
    hook.write_bytes(ARTIFACT_URI, artifact)
    return Deployments(hook)


def test_a_verified_deployment_is_promoted_and_gives_the_lease_back(deployments: Deployments) -> None:
    run = deployments.deploy(0)
    finish_deployment(run)
    promotion = run.hook.find_document(run.plan.files.promoted_uri, Promotion)
    assert promotion is not None
    assert (promotion.run_name, promotion.model_name) == (run.plan.run_name, run.plan.run_name)
    assert run.hook.find_object(run.plan.files.lease_uri) is None


def test_the_claim_is_given_back_after_the_promotion_is_written(
    deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = deployments.deploy(0)
    assert already_being_made(run) is None
    promoted_at_release = []

    def release(lease: DeploymentLease, hook: SageMakerPcaHook) -> None:
        promoted_at_release.append(hook.find_object(run.plan.files.promoted_uri) is not None)
        hook.delete_object(lease.uri)

    monkeypatch.setattr(DeploymentLease, "release", release)
    finish_deployment(run)
    assert promoted_at_release == [True, True], "claim and lease"
    assert run.hook.find_object(run.claim.uri) is None


@pytest.mark.parametrize("state", ["failed", "skipped"])
def test_the_claim_of_a_staging_that_left_no_result_is_given_back(deployments: Deployments, state: str) -> None:
    run = Run(deployments.hook, plan_of(run_name=deployments.name, bucket=BUCKET), {tasks.STAGE_INPUTS: state})
    assert already_being_made(run) is None
    run._results |= {(tasks.STAGE_INPUTS, key): None for key in ("return_value", tasks.SKIP_REASON_KEY)}
    with pytest.raises(AirflowSkipException):
        finish_deployment(run)
    assert run.hook.find_object(run.claim.uri) is None


def test_an_unverified_deployment_is_remembered_and_not_promoted(deployments: Deployments) -> None:
    run = deployments.deploy(0, verified=False)
    finish_deployment(run)
    assert run.hook.find_object(run.plan.files.promoted_uri) is None
    history = run.hook.find_document(run.plan.files.history_uri, DeploymentHistory)
    assert history is not None
    assert [past.run_name for past in history.deployments] == [run.plan.run_name]


def test_what_is_in_service_no_more_is_not_promoted(deployments: Deployments) -> None:
    run = deployments.deploy(0)
    deployments.deploy(1)
    with pytest.raises(DeploymentError, match=f"InService with {deployments.name}-1, not with {deployments.name}-0"):
        finish_deployment(run)
    assert run.hook.find_object(run.plan.files.promoted_uri) is None
    assert run.hook.find_object(run.plan.files.lease_uri) is None


def test_a_run_of_older_data_is_not_promoted_over_a_newer_one(deployments: Deployments) -> None:
    newer, older = deployments.deploy(1), deployments.deploy(0)
    record = older.hook.find_document(older.plan.files.deployment_record_uri, DeploymentRecord)
    assert record is not None
    older.hook.write_document(
        older.plan.files.deployment_record_uri, record.model_copy(update={"listed_at": INPUTS.listed_at})
    )
    promotion = Promotion(
        **record.model_dump(exclude={"schema_version", "run_name", "listed_at"}),
        run_name=newer.plan.run_name,
        listed_at=INPUTS.listed_at + timedelta(minutes=1),
        fingerprint="f",
        model_name="m",
    )
    older.hook.write_document(older.plan.files.promoted_uri, promotion)
    with pytest.raises(DeploymentError, match="of newer data, was promoted while this run deployed"):
        finish_deployment(older)
    assert older.hook.find_document(older.plan.files.promoted_uri, Promotion) == promotion


def test_what_another_run_deploys_by_now_is_not_recorded_over(deployments: Deployments) -> None:
    run = deployments.deploy(0)
    other = DeploymentLease(run.plan.files.lease_uri, "other")
    other.acquire(run.hook)
    with pytest.raises(LeaseHeldError, match="is being changed by other"):
        finish_deployment(run)
    assert run.hook.find_object(run.plan.files.promoted_uri) is None
    assert run.hook.read_json(run.plan.files.lease_uri)["holder"] == "other"


def test_a_plot_that_cannot_be_drawn_leaves_promotion_and_lease_alone(
    deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undrawable(report: RunReport) -> str:
        raise ZeroDivisionError(report.run.run_name)

    monkeypatch.setattr(page, "projection_svg", undrawable)
    run = deployments.deploy(0)
    ended_at = run.plan.started_at
    about_run = AboutRun(
        dag_id=run.plan.dag_id,
        run_id=run.plan.run_id,
        run_name=run.plan.run_name,
        started_at=ended_at,
        finished_at=ended_at,
        verdict=Verdict.PROMOTED,
    )
    finish_deployment(run)
    with pytest.raises(ZeroDivisionError):
        write_report(run, RunReport(run=about_run, steps=(), settings=()))
    assert run.hook.find_document(run.plan.files.promoted_uri, Promotion) is not None
    assert run.hook.find_object(run.plan.files.lease_uri) is None
    assert run.hook.read_json(run.plan.files.report_json_uri)["run"]["verdict"] == "promoted"


def test_a_run_that_deployed_nothing_skips_and_leaves_no_lease(deployments: Deployments) -> None:
    run = Run(deployments.hook, plan_of(run_name=deployments.name, bucket=BUCKET), {})
    with pytest.raises(AirflowSkipException, match="deployed nothing"):
        finish_deployment(run)


def test_all_but_the_newest_and_the_kept_ones_go_with_their_models(deployments: Deployments) -> None:
    for number in range(4):
        finish_deployment(deployments.deploy(number))

    expected = {f"{deployments.name}-2", f"{deployments.name}-3"}
    assert deployments.left() == (expected, expected)


def test_unverified_deployments_remove_nothing(deployments: Deployments) -> None:
    for number in range(4):
        finish_deployment(deployments.deploy(number, verified=False))

    assert len(deployments.left()[0]) == 4


def test_a_configuration_that_another_endpoint_serves_stays(deployments: Deployments) -> None:
    first = deployments.deploy(0)
    name = f"other-{deployments.name}"
    deployments.hook.conn.create_endpoint(EndpointName=name, EndpointConfigName=first.plan.run_name)
    finish_deployment(first)
    for number in range(1, 4):
        finish_deployment(deployments.deploy(number))

    assert first.plan.run_name in deployments.left()[0]
    assert f"{deployments.name}-1" not in deployments.left()[0]


def test_what_somebody_deleted_already_is_no_error(deployments: Deployments) -> None:
    first = deployments.deploy(0)
    finish_deployment(first)
    deployments.hook.conn.delete_endpoint_config(EndpointConfigName=first.plan.run_name)
    for number in range(1, 4):
        finish_deployment(deployments.deploy(number))

    assert first.plan.run_name not in deployments.left()[1]


def state_after(
    aws: EmbeddedAws,
    hook: SageMakerPcaHook,
    wait_state: str,
    wait_task: str = tasks.WAIT_FOR_PROCESSING,
    **settings: Any,
) -> str:
    """State of a running job after the step, its wait being in a state; no start has left a result."""
    base = f"run-{uuid.uuid4().hex[:8]}"
    is_profile = wait_task == tasks.WAIT_FOR_PROFILING
    name = profile_job_name(base) if is_profile else base
    aws.start_processing("import time; time.sleep(60)", ProcessingJobName=name)
    run = Run(hook, plan_of(run_name=base, **settings), {wait_task: wait_state, tasks.WAIT_FOR_TRAINING: "skipped"})
    stop_abandoned_jobs(run)
    state = hook.describe(PROCESSING_JOB, name)["ProcessingJobStatus"]
    hook.stop_job(PROCESSING_JOB, name)
    return str(state)


# Skipped, where the run was marked failed before the wait began; upstream_failed, where the start did not end well.
@pytest.mark.parametrize("wait_state", ["failed", "skipped", "upstream_failed"])
def test_a_job_that_nobody_waits_for_is_stopped(aws: EmbeddedAws, hook: SageMakerPcaHook, wait_state: str) -> None:
    assert state_after(aws, hook, wait_state) in {"Stopping", "Stopped"}


def test_a_profile_job_that_nobody_waits_for_is_stopped(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    profiled: dict[str, Any] = {"scaling": "standardize", "processing_instance_count": 2}
    assert state_after(aws, hook, "failed", tasks.WAIT_FOR_PROFILING, **profiled) in {"Stopping", "Stopped"}


def test_the_job_of_a_wait_that_was_marked_success_runs_on(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    assert state_after(aws, hook, "success") == "InProgress"


def test_the_job_runs_on_where_the_settings_say_so(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    assert state_after(aws, hook, "failed", stop_jobs_on_kill=False) == "InProgress"


def test_the_lease_is_given_back_where_a_job_cannot_be_stopped(
    deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: Any) -> None:
        raise ConnectionError("the service is away")

    run = deployments.deploy(0, verified=False)
    assert run.lease.acquire(run.hook) is None
    monkeypatch.setattr(SageMakerPcaHook, "find", unavailable)
    with pytest.raises(ConnectionError):
        finish_deployment(run)
    assert run.hook.find_object(run.plan.files.lease_uri) is None
