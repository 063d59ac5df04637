"""Rolling back brings back what was in service before this run, and nothing else."""

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from botocore.exceptions import ClientError

from sagemaker_pca.endpoints.records import DeploymentRecord
from sagemaker_pca.exceptions import DeploymentError, LeaseHeldError
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.operators.roll_back import SageMakerRollBackEndpointOperator
from sagemaker_pca.sensors.endpoints import SageMakerEndpointDeployedSensor
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name
from tests.e2e.sagemaker_pca.conftest import PlanFault
from tests.e2e.sagemaker_pca.operators.test_deploy import in_service, new_config, serving, tags_of
from tests.e2e.sagemaker_pca.running import run

pytestmark = pytest.mark.e2e

POLL_SECONDS = 0.05


def record(endpoint_name: str, config_name: str, previous: str | None) -> DeploymentRecord:
    return DeploymentRecord(
        endpoint_name=endpoint_name,
        endpoint_config_name=config_name,
        previous_endpoint_config_name=previous,
        run_name="run-1",
    )


def restore(hook: SageMakerPcaHook, aws: EmbeddedAws, made: DeploymentRecord) -> None:
    """Ask for the roll-back and wait for it, as the two tasks of a run do."""
    record_uri = f"s3://{aws.bucket}/{unique_name('run')}/deployment.json"
    hook.write_document(record_uri, made)
    lease = DeploymentLease(f"s3://{aws.bucket}/{made.endpoint_name}/lease.json", made.run_name).as_document()
    done = run(
        SageMakerRollBackEndpointOperator(
            task_id="roll_back", record_uri=record_uri, lease=lease, poll_seconds=POLL_SECONDS
        )
    )
    run(
        SageMakerEndpointDeployedSensor(
            task_id="wait_for_roll_back",
            endpoint_name=done["endpoint_name"],
            endpoint_config_name=done["previous_endpoint_config_name"],
            lease=lease,
            poll_seconds=POLL_SECONDS,
        )
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
    restore(hook, aws, made)
    assert serving(aws, name) == made.previous_endpoint_config_name
    assert aws.wait_for_endpoint(name)["EndpointStatus"] == "InService"


def test_an_update_that_the_service_rolled_back_needs_no_other_one(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    plan_fault(fault="fail_update")
    made = updated(aws)
    aws.wait_for_endpoint(made.endpoint_name)
    before = aws.sagemaker.describe_endpoint(EndpointName=made.endpoint_name)["LastModifiedTime"]
    restore(hook, aws, made)
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
    restore(hook, aws, record(name, config_name, None))
    assert not exists(aws, name)


def test_a_new_endpoint_that_never_came_into_being_is_no_error(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    restore(hook, aws, record(unique_name("endpoint"), "config", None))


def test_a_failed_endpoint_is_replaced_by_one_with_the_previous_configuration_and_its_tags(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    previous, broken, name = new_config(aws), new_config(aws), unique_name("endpoint")
    config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=previous)
    add_tags(aws, config["EndpointConfigArn"], {"owner": "me", "request-fingerprint": "f"})
    plan_fault(fault="fail_endpoint")
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=broken)
    aws.wait_for_endpoint(name)
    restore(hook, aws, record(name, broken, previous))
    assert serving(aws, name) == previous
    assert tags_of(aws, name) == {"owner": "me"}


def test_a_worker_killed_after_the_deletion_of_a_failed_endpoint_still_brings_the_previous_one_back(
    aws: EmbeddedAws, hook: SageMakerPcaHook
) -> None:
    name, previous = unique_name("endpoint"), new_config(aws)
    deleted = record(name, "broken", previous).model_copy(update={"recreates": True})
    restore(hook, aws, deleted)
    assert serving(aws, name) == previous


def test_a_lost_answer_to_the_roll_back_is_no_failure(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    made = updated(aws)
    aws.wait_for_endpoint(made.endpoint_name)
    plan_fault(fault="delay_endpoint", seconds=1.5)
    plan_fault(fault="lose_response", target="UpdateEndpoint")
    restore(hook, aws, made)
    assert serving(aws, made.endpoint_name) == made.previous_endpoint_config_name


def test_a_lost_answer_to_the_recreation_of_an_endpoint_is_no_failure(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    name, previous = unique_name("endpoint"), new_config(aws)
    plan_fault(fault="lose_response", target="CreateEndpoint")
    restore(hook, aws, record(name, "broken", previous).model_copy(update={"recreates": True}))
    assert serving(aws, name) == previous


def test_while_another_run_deploys_nothing_is_rolled_back(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    made = updated(aws)
    DeploymentLease(f"s3://{aws.bucket}/{made.endpoint_name}/lease.json", "run-0").acquire(hook)
    with pytest.raises(LeaseHeldError, match=f"endpoint {made.endpoint_name} is being changed by run-0 until"):
        restore(hook, aws, made)
    assert serving(aws, made.endpoint_name) == made.endpoint_config_name


def test_nothing_happens_where_there_is_a_reason_not_to(aws: EmbeddedAws) -> None:
    task = SageMakerRollBackEndpointOperator(task_id="roll_back", record_uri=None, lease=None, skip_reason="verified")
    with pytest.raises(AirflowSkipException, match="verified"):
        run(task)


def add_tags(aws: EmbeddedAws, arn: str, tags: dict[str, str]) -> None:
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


@pytest.mark.parametrize("first_run", [False, True], ids=["updated", "new"])
def test_what_another_run_has_deployed_since_is_left_in_service(
    aws: EmbeddedAws, hook: SageMakerPcaHook, first_run: bool
) -> None:
    name = in_service(aws)
    others = serving(aws, name)
    with pytest.raises(AirflowSkipException, match=f"Endpoint {name} serves {others}, deployed since"):
        restore(hook, aws, record(name, "ours", None if first_run else "before-ours"))
    assert serving(aws, name) == others


def test_an_endpoint_that_somebody_deleted_is_not_made_again(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    name, previous = unique_name("endpoint"), new_config(aws)
    with pytest.raises(DeploymentError, match=f"endpoint {name} is gone.*create it with the configuration {previous}"):
        restore(hook, aws, record(name, "ours", previous))


def test_a_roll_back_that_fails_says_what_is_in_service_instead(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault
) -> None:
    made = updated(aws)
    aws.wait_for_endpoint(made.endpoint_name)
    plan_fault(fault="fail_update", reason="no capacity")
    with pytest.raises(DeploymentError, match=f"is InService with {made.endpoint_config_name}, .*no capacity"):
        restore(hook, aws, made)


@pytest.mark.parametrize("deleted", ["configuration", "model"])
@pytest.mark.parametrize("failed", [False, True], ids=["in service", "failed"])
def test_a_roll_back_to_what_somebody_deleted_is_refused_in_words_and_changes_nothing(
    aws: EmbeddedAws, hook: SageMakerPcaHook, plan_fault: PlanFault, deleted: str, failed: bool
) -> None:
    previous, ours = new_config(aws), new_config(aws)
    if failed:
        plan_fault(fault="fail_endpoint")
    name = aws.create_endpoint(ours)
    aws.wait_for_endpoint(name)
    config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=previous)
    if deleted == "model":
        aws.sagemaker.delete_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    else:
        aws.sagemaker.delete_endpoint_config(EndpointConfigName=previous)
    with pytest.raises(DeploymentError, match=f"endpoint {name} cannot go back .*: {deleted} .* is gone. Nothing was"):
        restore(hook, aws, record(name, ours, previous))
    assert serving(aws, name) == ours
