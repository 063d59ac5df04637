"""CloudWatch alarms that a DeploymentConfig names take an update back."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloudwatch_alarms import put_alarm, set_alarm
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name, wait_until
from tests.e2e.sagemaker_local.test_training_to_endpoint import identity_artifact, projection_of
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

ONCE, TWICE = [[1.0, 2.0]], [[2.0, 4.0]]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service whose endpoints take their time: long enough in each state to be seen there."""
    times = {"SAGEMAKER_LOCAL_ENDPOINT_CREATING_SECONDS": "1", "SAGEMAKER_LOCAL_ENDPOINT_BAKING_SECONDS": "60"}
    with ServiceProcess(times) as service:
        yield service.url


@pytest.fixture
def aws(url: str) -> EmbeddedAws:
    return EmbeddedAws(url)


class Update:
    """An endpoint that answers with its rows, and a configuration that would double them."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.endpoint = aws.serve(identity_artifact())
        self.before = aws.wait_for_endpoint(self.endpoint)["EndpointConfigName"]
        self.after = self.new_config()

    def new_config(self) -> str:
        uri = self.aws.put(f"{unique_name('twice')}/model.tar.gz", identity_artifact(2.0))
        return self.aws.create_endpoint_config(self.aws.create_model(uri))

    def start(self, **request: Any) -> None:
        self.aws.sagemaker.update_endpoint(EndpointName=self.endpoint, EndpointConfigName=self.after, **request)

    def projection(self) -> list[list[float]]:
        return projection_of(self.aws, self.endpoint, "1,2")

    def verify_went_through(self) -> None:
        description = self.aws.wait_for_endpoint(self.endpoint)
        assert description["EndpointConfigName"] == self.after
        assert "FailureReason" not in description
        assert self.projection() == TWICE

    def verify_rolled_back(self, reason: str) -> None:
        self.wait_for_status("RollingBack")
        assert self.projection() == ONCE, "the old model answers before the roll-back has ended"
        description = self.aws.wait_for_endpoint(self.endpoint)
        assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", self.before)
        assert description["FailureReason"] == reason
        assert "PendingDeploymentSummary" not in description
        assert self.projection() == ONCE

    def wait_for_status(self, status: str) -> None:
        wait_until(
            lambda: self.aws.sagemaker.describe_endpoint(EndpointName=self.endpoint)["EndpointStatus"],
            lambda found: found == status,
            seconds=60,
        )


@pytest.fixture
def update(aws: EmbeddedAws) -> Update:
    return Update(aws)


def new_alarm(aws: EmbeddedAws, state: str) -> str:
    name = unique_name("alarm")
    put_alarm(aws.client("cloudwatch"), name, state)
    return name


def blue_green(wait_seconds: int) -> dict[str, Any]:
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": wait_seconds,
        }
    }


def rolling(wait_seconds: int) -> dict[str, Any]:
    batch = {"Type": "CAPACITY_PERCENT", "Value": 50}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": wait_seconds}}


def guarded(*alarms: str, policy: dict[str, Any] | None = None) -> dict[str, Any]:
    """A DeploymentConfig that rolls back by these alarms."""
    return {**(policy or {}), "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_update_whose_alarms_stay_quiet_goes_through(update: Update, state: str) -> None:
    config = guarded(new_alarm(update.aws, state), policy=blue_green(1))
    update.start(DeploymentConfig=config)
    update.verify_went_through()
    assert update.aws.wait_for_endpoint(update.endpoint)["LastDeploymentConfig"] == config


def test_alarm_that_is_on_already_takes_the_update_back(update: Update) -> None:
    quiet, loud = new_alarm(update.aws, "OK"), new_alarm(update.aws, "ALARM")
    update.start(DeploymentConfig=guarded(quiet, loud))
    update.verify_rolled_back(f"The following CloudWatch alarms are in ALARM state: {loud}")


@pytest.mark.parametrize("policy", [blue_green(3600), rolling(3600)], ids=["blue/green", "rolling"])
def test_alarm_that_goes_on_while_the_new_model_is_tried_takes_the_update_back(
    update: Update, policy: dict[str, Any]
) -> None:
    alarm = new_alarm(update.aws, "OK")
    update.start(DeploymentConfig=guarded(alarm, policy=policy))
    wait_until(update.projection, lambda answer: answer == TWICE, seconds=60)
    description = update.aws.sagemaker.describe_endpoint(EndpointName=update.endpoint)
    assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("Updating", update.before)
    set_alarm(update.aws.client("cloudwatch"), alarm, "ALARM")
    update.verify_rolled_back(f"The following CloudWatch alarms are in ALARM state: {alarm}")


def test_alarm_that_goes_on_before_the_new_model_is_up_takes_the_update_back(update: Update) -> None:
    alarm = new_alarm(update.aws, "OK")
    update.start(DeploymentConfig=guarded(alarm))
    set_alarm(update.aws.client("cloudwatch"), alarm, "ALARM")
    update.verify_rolled_back(f"The following CloudWatch alarms are in ALARM state: {alarm}")


@pytest.mark.parametrize("request_members", [{}, {"DeploymentConfig": blue_green(1)}], ids=["none", "no alarms"])
def test_alarms_that_an_update_does_not_name_are_nothing_to_it(update: Update, request_members: dict[str, Any]) -> None:
    new_alarm(update.aws, "ALARM")
    update.start(**request_members)
    update.verify_went_through()


def test_alarm_that_does_not_exist_takes_the_update_back(update: Update) -> None:
    missing = unique_name("alarm")
    update.start(DeploymentConfig=guarded(missing))
    update.verify_rolled_back(f"The following CloudWatch alarms do not exist: {missing}")


def test_retained_deployment_configuration_keeps_its_alarms(update: Update) -> None:
    alarm = new_alarm(update.aws, "OK")
    update.start(DeploymentConfig=guarded(alarm))
    update.verify_went_through()
    set_alarm(update.aws.client("cloudwatch"), alarm, "ALARM")
    update.after = update.new_config()
    update.start(RetainDeploymentConfig=True)
    description = update.aws.wait_for_endpoint(update.endpoint)
    assert description["EndpointConfigName"] != update.after
    assert alarm in description["FailureReason"]


def test_new_endpoint_whose_alarm_is_on_fails_with_the_alarms_name(aws: EmbeddedAws) -> None:
    alarm, name = new_alarm(aws, "ALARM"), unique_name("endpoint")
    config = aws.create_endpoint_config(aws.create_model(aws.put("m/model.tar.gz", identity_artifact())))
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, DeploymentConfig=guarded(alarm))
    description = aws.wait_for_endpoint(name)
    assert description["EndpointStatus"] == "Failed"
    assert description["FailureReason"] == f"The following CloudWatch alarms are in ALARM state: {alarm}"
