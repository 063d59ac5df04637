"""Rolling back brings back what was in service before this run, and nothing else."""

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from botocore.exceptions import ClientError

from sagemaker_pca.deployment import DeploymentRecord
from sagemaker_pca.exceptions import DeploymentError
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.steps.roll_back import restore
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name
from tests.e2e.sagemaker_pca.conftest import PlanFault
from tests.e2e.sagemaker_pca.test_deploy_endpoint import in_service, new_config, serving, tags_of

pytestmark = pytest.mark.e2e

POLL_SECONDS = 0.05


def record(endpoint_name: str, config_name: str, previous: str | None) -> DeploymentRecord:
    return DeploymentRecord(
        endpoint_name=endpoint_name,
        endpoint_config_name=config_name,
        previous_endpoint_config_name=previous,
        run_name="run-1",
    )


def updated(aws: EmbeddedAws) -> DeploymentRecord:
    """An endpoint that was in service and is asked to serve something new; the record of that."""
    name = in_service(aws)
    made = record(name, new_config(aws), serving(aws, name))
    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=made.endpoint_config_name)
    return made


def exists(aws: EmbeddedAws, endpoint_name: str) -> bool:
    try:
        aws.sagemaker.describe_endpoint(EndpointName=endpoint_name)
    except ClientError:
        return False
    return True


@pytest.mark.parametrize("seconds", [0.0, 1.5], ids=["in service", "still updating"])
def test_the_previous_configuration_is_back_in_service(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault, seconds: float
) -> None:
    name = in_service(aws)
    made = record(name, new_config(aws), serving(aws, name))
    if seconds:
        plan_fault(fault="delay_endpoint", seconds=seconds)
    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=made.endpoint_config_name)
    if not seconds:
        aws.wait_for_endpoint(name)
    restore(hook, made, POLL_SECONDS)
    assert serving(aws, name) == made.previous_endpoint_config_name
    assert aws.wait_for_endpoint(name)["EndpointStatus"] == "InService"


def test_an_update_that_the_service_rolled_back_needs_no_other_one(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    plan_fault(fault="fail_update")
    made = updated(aws)
    aws.wait_for_endpoint(made.endpoint_name)
    before = aws.sagemaker.describe_endpoint(EndpointName=made.endpoint_name)["LastModifiedTime"]
    restore(hook, made, POLL_SECONDS)
    after = aws.sagemaker.describe_endpoint(EndpointName=made.endpoint_name)
    assert after["EndpointConfigName"] == made.previous_endpoint_config_name
    assert after["LastModifiedTime"] == before


@pytest.mark.parametrize("failed", [False, True], ids=["in service", "failed"])
def test_an_endpoint_that_was_new_is_deleted(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault, failed: bool
) -> None:
    if failed:
        plan_fault(fault="fail_endpoint")
    config_name = new_config(aws)
    name = aws.create_endpoint(config_name)
    restore(hook, record(name, config_name, None), POLL_SECONDS)
    assert not exists(aws, name)


def test_a_new_endpoint_that_never_came_into_being_is_no_error(hook: SageMakerPcaHook) -> None:
    restore(hook, record(unique_name("endpoint"), "config", None), POLL_SECONDS)


def test_a_failed_endpoint_is_replaced_by_one_with_the_previous_configuration_and_its_tags(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    previous, broken, name = new_config(aws), new_config(aws), unique_name("endpoint")
    plan_fault(fault="fail_endpoint")
    tags = [{"Key": "owner", "Value": "me"}]
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=broken, Tags=tags)
    aws.wait_for_endpoint(name)
    restore(hook, record(name, broken, previous), POLL_SECONDS)
    assert serving(aws, name) == previous
    assert tags_of(aws, name) == {"owner": "me"}


def test_the_endpoint_gets_back_the_tags_of_the_deployment_it_returns_to(
    aws: EmbeddedAws, hook: SageMakerPcaHook
) -> None:
    name = in_service(aws)
    made = record(name, new_config(aws), serving(aws, name))
    config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=made.previous_endpoint_config_name)
    tags = {"run-id": "1", "expires-at": "never", "request-fingerprint": "f"}
    add_tags(aws, config["EndpointConfigArn"], tags)
    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=made.endpoint_config_name)
    endpoint = aws.sagemaker.describe_endpoint(EndpointName=name)
    add_tags(aws, endpoint["EndpointArn"], {"run-id": "2", "expires-at": "2026-01-01", "cost-center": "7"})
    restore(hook, made, POLL_SECONDS)
    assert tags_of(aws, name) == {"run-id": "1", "expires-at": "never", "cost-center": "7"}


def add_tags(aws: EmbeddedAws, arn: str, tags: dict[str, str]) -> None:
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


@pytest.mark.parametrize("first_run", [False, True], ids=["updated", "new"])
def test_what_another_run_has_deployed_since_is_left_in_service(
    aws: EmbeddedAws, hook: SageMakerPcaHook, first_run: bool
) -> None:
    name = in_service(aws)
    others = serving(aws, name)
    with pytest.raises(AirflowSkipException, match=f"Endpoint {name} serves {others}, deployed since"):
        restore(hook, record(name, "ours", None if first_run else "before-ours"), POLL_SECONDS)
    assert serving(aws, name) == others


def test_an_endpoint_that_somebody_deleted_is_not_made_again(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    name, previous = unique_name("endpoint"), new_config(aws)
    with pytest.raises(DeploymentError, match=f"endpoint {name} is gone; create it with the configuration {previous}"):
        restore(hook, record(name, "ours", previous), POLL_SECONDS)


def test_a_roll_back_that_fails_says_what_is_in_service_instead(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    made = updated(aws)
    aws.wait_for_endpoint(made.endpoint_name)
    plan_fault(fault="fail_update", reason="no capacity")
    with pytest.raises(DeploymentError, match=f"is InService with {made.endpoint_config_name}, .*no capacity"):
        restore(hook, made, POLL_SECONDS)
