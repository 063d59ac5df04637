"""The deploy operator and its wait bring an endpoint to a configuration from whatever state it is in."""

import json
import threading
from typing import Any

import numpy as np
import pytest

from sagemaker_pca.deployment import DeploymentRecord
from sagemaker_pca.deployment_lease import DeploymentLease
from sagemaker_pca.exceptions import DeploymentError, LeaseHeldError, WaitTimeoutError
from sagemaker_pca.operators.deploy import SageMakerDeployEndpointOperator
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook
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
        self.lease = DeploymentLease(f"s3://{aws.bucket}/endpoints/{endpoint_name}/lease.json", run_name)

    def deploy(self, **request: Any) -> dict[str, Any]:
        task = SageMakerDeployEndpointOperator(
            task_id="deploy_endpoint",
            config={"EndpointName": self.endpoint_name, "EndpointConfigName": self.config_name, **request},
            record_uri=self.record_uri,
            lease_uri=self.lease.uri,
            holder=self.run_name,
            lease_wait_seconds=0,
            poll_seconds=0.1,
        )
        result: dict[str, Any] = run(task)
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


def new_config(aws: EmbeddedAws) -> str:
    artifact = artifact_bytes(np.zeros(2), np.eye(2), np.ones(2))
    return aws.create_endpoint_config(aws.create_model(aws.put(f"{unique_name('m')}/model.tar.gz", artifact)))


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
    assert first.deploy()["action"] == "replace"
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
    with pytest.raises(LeaseHeldError, match=f"endpoint {second.endpoint_name} is being deployed by run-0 until"):
        second.deploy()
    assert serving(second.aws, second.endpoint_name) == before
    assert hook.find_json(second.record_uri) is None


@pytest.mark.parametrize("deferrable", [True, False], ids=["in the triggerer", "in the worker"])
def test_the_wait_renews_the_lease(
    second: Deployment,
    hook: SageMakerPcaHook,
    plan_fault: PlanFault,
    monkeypatch: pytest.MonkeyPatch,
    deferrable: bool,
) -> None:
    monkeypatch.setattr(endpoint_triggers, "RENEWAL_SECONDS", 0)
    plan_fault(fault="delay_endpoint", seconds=10)
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
    assert str(error.value) == (
        f"endpoint {second.endpoint_name} is InService with {before}, not with {second.config_name}: "
        "the update was rolled back: the container did not answer /ping"
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
    assert f"is being deployed by {winner.run_name} until" in outcomes[loser]
    assert winner.wait()["EndpointConfigName"] == winner.config_name
