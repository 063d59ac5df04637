from typing import Any

import botocore.session
import pytest

from sagemaker_pca.endpoints.deployment import (
    CHANGING_ENDPOINT_STATES,
    check_in_service,
    next_action,
    record_deployment,
    roll_back_target,
    serves_another_deployment,
)
from sagemaker_pca.endpoints.records import DeploymentRecord
from sagemaker_pca.exceptions import DeploymentError


def endpoint(status: str, config: str | None = "old", **members: Any) -> dict[str, Any]:
    serving = {} if config is None else {"EndpointConfigName": config}
    return {"EndpointName": "e", "EndpointStatus": status, **serving, **members}


def record(previous: str | None, config: str = "new") -> DeploymentRecord:
    return DeploymentRecord(
        endpoint_name="e", endpoint_config_name=config, previous_endpoint_config_name=previous, run_name="run"
    )


@pytest.mark.parametrize(
    ("found", "action"),
    [
        (None, "create"),
        (endpoint("Creating", "new"), "wait"),
        (endpoint("Updating"), "wait"),
        (endpoint("SystemUpdating"), "wait"),
        (endpoint("RollingBack"), "wait"),
        (endpoint("Deleting"), "wait"),
        (endpoint("InService", "old"), "update"),
        (endpoint("InService", "new"), "keep"),
        (endpoint("InService", None), "update"),
        (endpoint("OutOfService", "old"), "update"),
        (endpoint("UpdateRollbackFailed", "old"), "update"),
        (endpoint("Failed", "old"), "replace"),
        (endpoint("Failed", "new"), "replace"),
        (endpoint("Failed", None), "replace"),
    ],
)
def test_the_state_of_the_endpoint_decides_the_request(found: dict[str, Any] | None, action: str) -> None:
    assert next_action(found, "new") == action


@pytest.mark.parametrize(
    ("found", "target"),
    [
        (None, None),
        (endpoint("Failed"), None),
        (endpoint("InService", None), None),
        (endpoint("InService"), "old"),
        (endpoint("OutOfService"), "old"),
        (endpoint("UpdateRollbackFailed"), "old"),
    ],
)
def test_what_is_in_service_is_what_a_roll_back_returns_to(found: dict[str, Any] | None, target: str | None) -> None:
    assert roll_back_target(found) == target


@pytest.mark.parametrize(
    ("found", "earlier", "target"),
    [
        # The first try looks.
        (None, None, None),
        (endpoint("InService", "old"), None, "old"),
        # A later try finds its own change, or none, or the service's roll-back of it.
        (endpoint("InService", "new"), record("old"), "old"),
        (endpoint("InService", "old"), record("old"), "old"),
        (endpoint("InService", "new"), record(None), None),
        (endpoint("Failed", "new"), record("old"), "old"),
        (None, record("old"), "old"),
        # Cleared after another run has deployed: that run's configuration must come back.
        (endpoint("InService", "other"), record("old"), "other"),
        (endpoint("InService", "other"), record(None), "other"),
        # Cleared with a changed request: the unverified first configuration is no target.
        (endpoint("InService", "earlier"), record("old", config="earlier"), "old"),
    ],
)
def test_the_recorded_target_stands_unless_another_run_deployed_since(
    found: dict[str, Any] | None, earlier: DeploymentRecord | None, target: str | None
) -> None:
    made = record_deployment(
        found, earlier=earlier, endpoint_name="e", wanted_config="new", run_name="run", deployment_id=None
    )
    assert made == record(target)


@pytest.mark.parametrize("previous", ["old", None])
@pytest.mark.parametrize(
    ("found", "another"),
    [
        (endpoint("InService", "new"), False),
        (endpoint("InService", "other"), True),
        (endpoint("Failed", "other"), False),
    ],
)
def test_only_a_foreign_configuration_in_service_is_another_deployment(
    found: dict[str, Any], another: bool, previous: str | None
) -> None:
    assert serves_another_deployment(found, record(previous)) is another


def test_the_previous_configuration_is_no_other_deployment() -> None:
    assert not serves_another_deployment(endpoint("InService", "old"), record("old"))


def test_a_record_survives_s3() -> None:
    made = record(None)
    assert DeploymentRecord.model_validate(made.model_dump()) == made


RESTING_ENDPOINT_STATES = {"InService", "OutOfService", "Failed", "UpdateRollbackFailed"}


def test_every_endpoint_state_of_the_service_model_is_changing_or_resting() -> None:
    assert (
        set(botocore.session.get_session().get_service_model("sagemaker").shape_for("EndpointStatus").enum)
        == CHANGING_ENDPOINT_STATES | RESTING_ENDPOINT_STATES
    )


def test_in_service_with_the_configuration_asked_for_is_success() -> None:
    check_in_service(endpoint("InService", "new"), "e", "new")


def test_in_service_with_another_configuration_is_a_failure_with_the_reason() -> None:
    with pytest.raises(DeploymentError) as error:
        check_in_service(endpoint("InService", "old", FailureReason="no capacity"), "e", "new")
    assert error.value.failure.reason == (
        "endpoint e is InService with old, not with new: the service rolled the update back: no capacity"
    )


@pytest.mark.parametrize("status", sorted((RESTING_ENDPOINT_STATES | CHANGING_ENDPOINT_STATES) - {"InService"}))
@pytest.mark.parametrize("config", ["new", None])
def test_every_other_endpoint_state_is_a_failure_that_says_where_to_look(status: str, config: str | None) -> None:
    with pytest.raises(DeploymentError, match=f"endpoint e is {status} .*/aws/sagemaker/Endpoints/e"):
        check_in_service(endpoint(status, config), "e", "new")


def test_an_endpoint_that_was_asked_to_go_has_to_be_gone() -> None:
    check_in_service(None, "e", None)
    with pytest.raises(DeploymentError, match="endpoint e was asked to go and is InService with new"):
        check_in_service(endpoint("InService", "new"), "e", None)


def test_an_endpoint_that_vanished_is_a_failure() -> None:
    with pytest.raises(DeploymentError, match=r"does not exist any more.*create it with the configuration new"):
        check_in_service(None, "e", "new")
