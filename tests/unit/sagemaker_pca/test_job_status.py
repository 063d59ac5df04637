from typing import Any

import botocore.session
import pytest

from sagemaker_pca.exceptions import DeploymentError
from sagemaker_pca.job_status import (
    CHANGING_ENDPOINT_STATES,
    ENDPOINT_CONFIG,
    JOB_KINDS,
    MODEL,
    PROCESSING_JOB,
    RUNNING_JOB_STATES,
    TRAINING_JOB,
    ResourceKind,
    check_in_service,
    failure_message,
    is_running,
    is_usable,
    waiting_budget_seconds,
)

SERVICE = botocore.session.get_session().get_service_model("sagemaker")
RESTING_JOB_STATES = {"Completed", "Failed", "Stopped", "Deleting"}
RESTING_ENDPOINT_STATES = {"InService", "OutOfService", "Failed", "UpdateRollbackFailed"}
KINDS = [*JOB_KINDS.values(), MODEL, ENDPOINT_CONFIG]
JOBS = pytest.mark.parametrize("kind", JOB_KINDS.values(), ids=lambda kind: kind.operation)


def job(kind: ResourceKind, status: str, **members: Any) -> dict[str, Any]:
    assert kind.status_key
    return {kind.status_key: status, **members}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.operation)
def test_resources_are_spelt_as_in_the_service_model(kind: ResourceKind) -> None:
    stem = "".join(word.capitalize() for word in kind.operation.split("_"))
    description = SERVICE.operation_model(f"Describe{stem}").output_shape.members
    assert kind.name_key in SERVICE.operation_model(f"Create{stem}").input_shape.members
    assert {kind.name_key, kind.arn_key} <= description.keys()
    assert kind.status_key is None or kind.status_key in description


@JOBS
def test_every_state_of_the_service_model_is_running_or_resting(kind: ResourceKind) -> None:
    assert set(SERVICE.shape_for(kind.status_key).enum) <= RUNNING_JOB_STATES | RESTING_JOB_STATES


def test_every_endpoint_state_of_the_service_model_is_changing_or_resting() -> None:
    assert set(SERVICE.shape_for("EndpointStatus").enum) == CHANGING_ENDPOINT_STATES | RESTING_ENDPOINT_STATES


@JOBS
@pytest.mark.parametrize(
    ("status", "running", "usable"),
    [
        ("InProgress", True, True),
        ("Stopping", True, False),
        ("Completed", False, True),
        ("Failed", False, False),
        ("Stopped", False, False),
    ],
)
def test_a_job_is_awaited_while_it_runs_and_adopted_when_it_is_worth_it(
    kind: ResourceKind, status: str, running: bool, usable: bool
) -> None:
    assert is_running(kind, job(kind, status)) is running
    assert is_usable(kind, job(kind, status)) is usable


def test_models_and_configurations_are_usable_once_they_exist() -> None:
    assert is_usable(MODEL, {"ModelName": "m"})
    assert is_usable(ENDPOINT_CONFIG, {"EndpointConfigName": "c"})


@JOBS
def test_only_completed_is_success(kind: ResourceKind) -> None:
    messages = {
        state: failure_message(kind, "j", job(kind, state)) for state in SERVICE.shape_for(kind.status_key).enum
    }
    assert [state for state, message in messages.items() if message is None] == ["Completed"]


def test_a_failure_is_told_in_the_words_of_the_service() -> None:
    description = job(TRAINING_JOB, "Failed", FailureReason="AlgorithmError: no rows")
    assert failure_message(TRAINING_JOB, "j", description) == "training job j ended Failed: AlgorithmError: no rows"


def test_a_container_without_failure_reason_is_told_in_its_exit_message() -> None:
    description = job(PROCESSING_JOB, "Failed", ExitMessage="no column Ch9")
    assert failure_message(PROCESSING_JOB, "j", description) == "processing job j ended Failed: no column Ch9"


@JOBS
def test_a_stopped_job_without_a_word_of_the_service_is_explained(kind: ResourceKind) -> None:
    message = failure_message(kind, "j", job(kind, "Stopped"))
    assert message == f"{kind.noun} j ended Stopped: somebody stopped it, or it ran longer than MaxRuntimeInSeconds."


def test_a_failed_job_without_a_word_of_the_service_says_so() -> None:
    message = failure_message(PROCESSING_JOB, "j", job(PROCESSING_JOB, "Failed", FailureReason=None, ExitMessage=""))
    assert message == "processing job j ended Failed: the service gives no reason"


def test_a_job_that_ran_too_long_says_what_to_change() -> None:
    description = job(TRAINING_JOB, "Stopped", SecondaryStatus="MaxRuntimeExceeded")
    assert "Raise max_runtime_seconds" in str(failure_message(TRAINING_JOB, "j", description))


@pytest.mark.parametrize(
    ("description", "seconds"),
    [
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 600}}, 600 + 3600),
        ({"StoppingCondition": {}}, 86_400 + 3600),
        ({"StoppingCondition": None}, 86_400 + 3600),
        ({}, 86_400 + 3600),
    ],
)
def test_the_waiting_budget_follows_the_jobs_own_limit(description: dict[str, Any], seconds: float) -> None:
    assert waiting_budget_seconds(description) == seconds


def endpoint(status: str, config: str | None = "new", **members: Any) -> dict[str, Any]:
    serving = {} if config is None else {"EndpointConfigName": config}
    return {"EndpointName": "e", "EndpointStatus": status, **serving, **members}


def test_in_service_with_the_configuration_asked_for_is_success() -> None:
    check_in_service(endpoint("InService"), "new")


def test_in_service_with_another_configuration_is_a_failure_with_the_reason() -> None:
    with pytest.raises(DeploymentError) as error:
        check_in_service(endpoint("InService", "old", FailureReason="no capacity"), "new")
    assert str(error.value) == "endpoint e is InService with old, not with new: the update was rolled back: no capacity"


@pytest.mark.parametrize("status", sorted((RESTING_ENDPOINT_STATES | CHANGING_ENDPOINT_STATES) - {"InService"}))
@pytest.mark.parametrize("config", ["new", None])
def test_every_other_endpoint_state_is_a_failure_that_says_where_to_look(status: str, config: str | None) -> None:
    with pytest.raises(DeploymentError, match=f"endpoint e is {status} .*/aws/sagemaker/Endpoints/e"):
        check_in_service(endpoint(status, config), "new")
