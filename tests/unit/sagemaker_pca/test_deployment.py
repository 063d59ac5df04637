from typing import Any

import pytest

from sagemaker_pca.deployment import (
    DeploymentRecord,
    next_action,
    record_deployment,
    roll_back_target,
    serves_another_deployment,
)


def endpoint(status: str, config: str | None = "old") -> dict[str, Any]:
    serving = {} if config is None else {"EndpointConfigName": config}
    return {"EndpointName": "e", "EndpointStatus": status, **serving}


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
    made = record_deployment(found, earlier, endpoint_name="e", wanted_config="new", run_name="run")
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
