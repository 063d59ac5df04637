"""The deploy operator and its wait bring an endpoint to a configuration from whatever state it is in."""

import json
import threading
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.endpoints.records import DeploymentRecord, Promotion
from sagemaker_pca.exceptions import DeploymentError, LeaseHeldError, WaitTimeoutError
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.operators.deploy import SageMakerDeployEndpointOperator
from sagemaker_pca.operators.roll_back import SageMakerRollBackEndpointOperator
from sagemaker_pca.sensors.endpoints import SageMakerEndpointDeployedSensor
from sagemaker_pca.triggers import endpoints as endpoint_triggers
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, artifact_bytes, unique_name
from tests.e2e.sagemaker_pca.conftest import PlanFault
from tests.e2e.sagemaker_pca.running import run

pytestmark = pytest.mark.e2e


class Deployment:
    """One run's deployment tasks for one endpoint, and clients to look at what they did."""

    def __init__(self, aws: EmbeddedAws, endpoint_name: str, run_name: str = "run-1") -> None:
        self.aws = aws
        self.endpoint_name = endpoint_name
        self.run_name = run_name
        self.config_name = new_config(aws)
        self.record_uri = f"s3://{aws.bucket}/runs/{run_name}/deployment.json"
        self.promoted_uri = f"s3://{aws.bucket}/endpoints/{endpoint_name}/promoted.json"
        self.lease = DeploymentLease(f"s3://{aws.bucket}/endpoints/{endpoint_name}/lease.json", run_name)

    def deploy(
        self, *, take_over: bool = False, listed_at: str | None = None, context: Any = None, **request: Any
    ) -> dict[str, Any]:
        task = SageMakerDeployEndpointOperator(
            task_id="deploy_endpoint",
            config={"EndpointName": self.endpoint_name, "EndpointConfigName": self.config_name, **request},
            record_uri=self.record_uri,
            lease=self.lease.as_document(),
            promoted_uri=self.promoted_uri,
            listed_at=listed_at,
            take_over=take_over,
            lease_wait_seconds=0,
            poll_seconds=0.1,
        )
        result: dict[str, Any] = run(task, context)
        return result

    def wait(self, **arguments: Any) -> dict[str, Any]:
        task = SageMakerEndpointDeployedSensor(
            task_id="wait_for_endpoint",
            endpoint_name=self.endpoint_name,
            endpoint_config_name=self.config_name,
            lease=self.lease.as_document(),
            poll_seconds=0.1,
            **arguments,
        )
        description: dict[str, Any] = run(task)
        return description

    def record(self) -> DeploymentRecord:
        return DeploymentRecord.model_validate_json(self.aws.get(self.record_uri))


def new_config(aws: EmbeddedAws, artifact_key: str = "") -> str:
    artifact = artifact_bytes(np.zeros(2), np.eye(2), np.ones(2))
    uri = aws.put(artifact_key or f"{unique_name('m')}/model.tar.gz", artifact)
    return aws.create_endpoint_config(aws.create_model(uri))


def in_service(aws: EmbeddedAws) -> str:
    """An endpoint that serves something."""
    name = aws.create_endpoint(new_config(aws))
    aws.wait_for_endpoint(name)
    return name


def serving(aws: EmbeddedAws, endpoint_name: str) -> str:
    return str(aws.sagemaker.describe_endpoint(EndpointName=endpoint_name)["EndpointConfigName"])


@pytest.fixture
def first(aws: EmbeddedAws) -> Deployment:
    """A deployment to an endpoint that does not exist."""
    return Deployment(aws, unique_name("endpoint"))


@pytest.fixture
def second(aws: EmbeddedAws) -> Deployment:
    """A deployment to an endpoint in service."""
    return Deployment(aws, in_service(aws))


def test_a_missing_endpoint_is_created(first: Deployment) -> None:
    result = first.deploy()
    assert result["action"] == "create"
    assert result["previous_endpoint_config_name"] is None
    description = first.wait()
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", first.config_name)
    assert json.loads(json.dumps(description)) == description


def test_an_endpoint_in_service_is_updated_and_what_it_served_is_recorded(second: Deployment) -> None:
    before = serving(second.aws, second.endpoint_name)
    assert second.deploy()["action"] == "update"
    assert second.record().previous_endpoint_config_name == before
    assert second.record().endpoint_config_name == second.config_name
    assert second.wait()["EndpointConfigName"] == second.config_name


def test_an_endpoint_that_serves_the_configuration_is_kept(first: Deployment) -> None:
    first.deploy()
    first.wait()
    assert first.deploy()["action"] == "keep"
    assert first.record().previous_endpoint_config_name is None, "the record of the first try stands"


def test_a_failed_endpoint_is_replaced(first: Deployment, plan_fault: PlanFault) -> None:
    plan_fault(fault="fail_endpoint")
    first.deploy()
    with pytest.raises(DeploymentError, match="is Failed"):
        first.wait()
    assert first.deploy()["action"] == "create", "once the failed one is gone"
    assert first.wait()["EndpointStatus"] == "InService"


@pytest.mark.parametrize("change", ["create", "update", "delete"])
def test_an_endpoint_that_is_changing_is_waited_out(second: Deployment, plan_fault: PlanFault, change: str) -> None:
    aws, name = second.aws, second.endpoint_name
    plan_fault(fault="delay_endpoint", seconds=1.5)
    if change == "create":
        second.endpoint_name = name = aws.create_endpoint(new_config(aws))
    elif change == "update":
        aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=new_config(aws))
    else:
        aws.sagemaker.delete_endpoint(EndpointName=name)
    assert second.deploy()["action"] == ("create" if change == "delete" else "update")
    assert second.wait()["EndpointConfigName"] == second.config_name


def test_a_later_try_after_another_runs_deployment_returns_to_that_one(second: Deployment) -> None:
    second.deploy()
    second.wait()
    other = new_config(second.aws)
    second.aws.sagemaker.update_endpoint(EndpointName=second.endpoint_name, EndpointConfigName=other)
    second.aws.wait_for_endpoint(second.endpoint_name)
    assert second.deploy()["action"] == "update"
    assert second.record().previous_endpoint_config_name == other


def test_an_endpoint_that_another_run_deploys_to_is_not_touched(second: Deployment, hook: SageMakerPcaHook) -> None:
    before = serving(second.aws, second.endpoint_name)
    DeploymentLease(second.lease.uri, "run-0").acquire(hook)
    with pytest.raises(LeaseHeldError, match=f"endpoint {second.endpoint_name} is being changed by run-0 until"):
        second.deploy()
    assert serving(second.aws, second.endpoint_name) == before
    assert hook.find_object(second.record_uri) is None


@pytest.mark.parametrize("deferrable", [True, False], ids=["in the triggerer", "in the worker"])
def test_the_wait_renews_the_lease(
    second: Deployment,
    hook: SageMakerPcaHook,
    plan_fault: PlanFault,
    monkeypatch: pytest.MonkeyPatch,
    deferrable: bool,
) -> None:
    monkeypatch.setattr(endpoint_triggers, "RENEWAL_SECONDS", 0)
    plan_fault(fault="delay_endpoint", seconds=4)
    second.deploy()
    before = hook.read_json(second.lease.uri)
    hook.write_json(second.lease.uri, before | {"expires_at": "2000-01-01T00:00:00+00:00"})
    second.wait(deferrable=deferrable)
    assert hook.read_json(second.lease.uri)["expires_at"] >= before["expires_at"]


@pytest.mark.parametrize("deferrable", [True, False], ids=["in the triggerer", "in the worker"])
def test_an_update_that_the_service_rolls_back_is_a_failure_with_its_reason(
    second: Deployment, plan_fault: PlanFault, deferrable: bool
) -> None:
    before = serving(second.aws, second.endpoint_name)
    plan_fault(fault="fail_update", reason="the container did not answer /ping")
    second.deploy()
    with pytest.raises(DeploymentError) as error:
        second.wait(deferrable=deferrable)
    assert error.value.failure.reason == (
        f"endpoint {second.endpoint_name} is InService with {before}, not with {second.config_name}: "
        "the service rolled the update back: the container did not answer /ping"
    )


def test_an_endpoint_that_is_deleted_while_it_is_awaited_is_a_failure(second: Deployment) -> None:
    second.aws.sagemaker.delete_endpoint(EndpointName=second.endpoint_name)
    with pytest.raises(DeploymentError, match="does not exist any more"):
        second.wait()


def test_a_wait_that_takes_too_long_leaves_the_endpoint_to_the_service(
    second: Deployment, plan_fault: PlanFault
) -> None:
    plan_fault(fault="delay_endpoint", seconds=5)
    second.deploy()
    with pytest.raises(WaitTimeoutError, match=f"endpoint {second.endpoint_name} is still Updating after 0 s"):
        second.wait(max_wait_seconds=0)


@pytest.mark.parametrize("action", ["CreateEndpoint", "UpdateEndpoint"])
@pytest.mark.parametrize("fault", ["lose_response", "drop_connection", "throttle"])
def test_a_request_that_has_to_be_repeated_deploys_once(
    first: Deployment, plan_fault: PlanFault, fault: str, action: str
) -> None:
    if action == "UpdateEndpoint":
        first.endpoint_name = in_service(first.aws)
    plan_fault(fault="delay_endpoint", seconds=1)
    plan_fault(fault=fault, target=action)
    first.deploy()
    assert first.wait()["EndpointConfigName"] == first.config_name


def tags_of(aws: EmbeddedAws, endpoint_name: str) -> dict[str, str]:
    arn = aws.sagemaker.describe_endpoint(EndpointName=endpoint_name)["EndpointArn"]
    return {tag["Key"]: tag["Value"] for tag in aws.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def test_the_tags_of_the_endpoint_follow_its_deployments(first: Deployment) -> None:
    first.deploy(Tags=[{"Key": "run-id", "Value": "1"}, {"Key": "owner", "Value": "me"}])
    first.wait()
    first.config_name = new_config(first.aws)
    first.deploy(Tags=[{"Key": "run-id", "Value": "2"}])
    first.wait()
    assert tags_of(first.aws, first.endpoint_name) == {"run-id": "2", "owner": "me"}


def test_a_try_after_one_that_only_updated_brings_the_tags(second: Deployment, hook: SageMakerPcaHook) -> None:
    hook.conn.update_endpoint(EndpointName=second.endpoint_name, EndpointConfigName=second.config_name)
    second.aws.wait_for_endpoint(second.endpoint_name)
    assert second.deploy(Tags=[{"Key": "run-id", "Value": "2"}])["action"] == "keep"
    assert tags_of(second.aws, second.endpoint_name)["run-id"] == "2"


def test_of_two_runs_at_once_one_deploys_and_the_other_names_it(aws: EmbeddedAws, plan_fault: PlanFault) -> None:
    plan_fault(fault="delay_endpoint", seconds=1)
    name = unique_name("endpoint")
    runs = [Deployment(aws, name, run_name) for run_name in ("run-1", "run-2")]
    outcomes: dict[str, Any] = {}

    def attempt(deployment: Deployment) -> None:
        try:
            outcomes[deployment.run_name] = deployment.deploy()["action"]
        except LeaseHeldError as error:
            outcomes[deployment.run_name] = str(error)

    threads = [threading.Thread(target=attempt, args=(deployment,)) for deployment in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = next(deployment for deployment in runs if outcomes[deployment.run_name] == "create")
    (loser,) = (deployment.run_name for deployment in runs if deployment is not winner)
    assert f"is being changed by {winner.run_name} until" in outcomes[loser]
    assert winner.wait()["EndpointConfigName"] == winner.config_name


# --- whose endpoint it is ---------------------------------------------------------------------------------------------


def tags_by(deployment_id: str, **more: str) -> list[dict[str, str]]:
    tags = {"managed-by": "sagemaker-pca", "deployment-id": deployment_id, **more}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.mark.parametrize("failed", [False, True], ids=["in service", "failed"])
def test_another_airflows_endpoint_is_left_as_it_is(aws: EmbeddedAws, plan_fault: PlanFault, *, failed: bool) -> None:
    name, config = unique_name("endpoint"), new_config(aws)
    if failed:
        plan_fault(fault="fail_endpoint")
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=tags_by("prod", owner="team-b"))
    aws.wait_for_endpoint(name)
    before = aws.sagemaker.describe_endpoint(EndpointName=name)
    ours = Deployment(aws, name)
    with pytest.raises(DeploymentError, match=r"deployment-id=prod, and this deployment is dev.* owner is team-b"):
        ours.deploy(Tags=tags_by("dev"))
    after = aws.sagemaker.describe_endpoint(EndpointName=name)
    for key in ("EndpointStatus", "EndpointConfigName", "CreationTime"):
        assert after[key] == before[key]
    assert tags_of(aws, name)["deployment-id"] == "prod"


def test_an_endpoint_that_no_pipeline_made_is_left_as_it_is(second: Deployment) -> None:
    with pytest.raises(DeploymentError, match="not tagged managed-by=sagemaker-pca"):
        second.deploy(Tags=tags_by("dev"))


def test_an_endpoint_is_taken_over_on_purpose_with_what_it_may_have_to_return_to(aws: EmbeddedAws) -> None:
    theirs = Deployment(aws, unique_name("endpoint"), "run-theirs")
    theirs.deploy(Tags=tags_by("prod"))
    theirs.wait()
    config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=theirs.config_name)
    aws.sagemaker.add_tags(ResourceArn=config["EndpointConfigArn"], Tags=tags_by("prod"))
    theirs.lease.release(SageMakerPcaHook(aws_conn_id="aws_default"))
    ours = Deployment(aws, theirs.endpoint_name, "run-ours")
    ours.deploy(Tags=tags_by("dev"), take_over=True)
    assert ours.wait()["EndpointConfigName"] == ours.config_name
    assert tags_of(aws, ours.endpoint_name)["deployment-id"] == "dev"
    tags = aws.sagemaker.list_tags(ResourceArn=config["EndpointConfigArn"])["Tags"]
    assert {"Key": "deployment-id", "Value": "dev"} in tags


def test_of_two_airflows_that_create_one_endpoint_at_once_the_slower_one_leaves_it_alone(
    aws: EmbeddedAws, hook: SageMakerPcaHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Deployment(aws, unique_name("endpoint"))
    their_config = new_config(aws)
    create = SageMakerPcaHook.create_endpoint

    def create_after_them(self: SageMakerPcaHook, *arguments: Any, **options: Any) -> Any:
        aws.sagemaker.create_endpoint(
            EndpointName=ours.endpoint_name, EndpointConfigName=their_config, Tags=tags_by("prod")
        )
        return create(self, *arguments, **options)

    monkeypatch.setattr(SageMakerPcaHook, "create_endpoint", create_after_them)
    with pytest.raises(DeploymentError, match="deployment-id=prod"):
        ours.deploy(Tags=tags_by("dev"))
    assert serving(aws, ours.endpoint_name) == their_config
    # The run's roll-back comes to the same endpoint, of which its record says that it was new.
    record = ours.record()
    assert (record.previous_endpoint_config_name, record.deployment_id) == (None, "dev")
    roll_back = SageMakerRollBackEndpointOperator(
        task_id="roll_back", record_uri=ours.record_uri, lease=ours.lease.as_document(), poll_seconds=0.1
    )
    with pytest.raises(AirflowSkipException, match="another Airflow's"):
        run(roll_back)
    assert serving(aws, ours.endpoint_name) == their_config


# --- never backwards --------------------------------------------------------------------------------------------------


class TaskInstance:
    """Keeps what a task tells the others."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.said[key] = value


def promote(hook: SageMakerPcaHook, deployment: Deployment, run_name: str, listed_at: str) -> None:
    promotion = Promotion(
        run_name=run_name,
        fingerprint="f",
        endpoint_name=deployment.endpoint_name,
        endpoint_config_name="c",
        model_name="m",
        listed_at=datetime.fromisoformat(listed_at),
    )
    hook.write_document(deployment.promoted_uri, promotion)


NOON, LATER = "2024-05-01T12:00:00+00:00", "2024-05-01T12:30:00+00:00"


def test_a_slow_run_of_older_data_does_not_deploy_over_a_newer_one(second: Deployment, hook: SageMakerPcaHook) -> None:
    promote(hook, second, "run-2", LATER)
    before, ti = serving(second.aws, second.endpoint_name), TaskInstance()
    with pytest.raises(AirflowSkipException, match="run run-2, which is in service, is of raw data listed at 2024-05"):
        second.deploy(listed_at=NOON, context={"ti": ti})
    assert ti.said["skip_reason"].startswith("Not deployed: run run-2")
    assert serving(second.aws, second.endpoint_name) == before
    assert hook.find_object(second.record_uri) is None, "and there is nothing to roll back"


@pytest.mark.parametrize(
    ("promoted_by", "promoted_at", "listed_at"),
    [("run-0", NOON, LATER), ("run-0", NOON, NOON), ("run-1", LATER, NOON), ("run-0", LATER, None)],
    ids=["newer", "of one listing", "its own promotion", "unknown"],
)
def test_any_other_run_deploys(
    second: Deployment, hook: SageMakerPcaHook, promoted_by: str, promoted_at: str, listed_at: str | None
) -> None:
    promote(hook, second, promoted_by, promoted_at)
    assert second.deploy(listed_at=listed_at)["action"] == "update"
