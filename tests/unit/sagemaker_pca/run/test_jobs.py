from typing import Any

import botocore.session
import pytest

from sagemaker_pca.exceptions import Failure
from sagemaker_pca.resource_kinds import ENDPOINT_CONFIG, JOB_KINDS, MODEL, PROCESSING_JOB, TRAINING_JOB, ResourceKind
from sagemaker_pca.run.jobs import (
    RUNNING_JOB_STATES,
    InstanceUse,
    deadline_of_own,
    instance_use,
    is_running,
    is_usable,
    job_failure,
    running_since,
    waiting_budget_seconds,
)

SERVICE = botocore.session.get_session().get_service_model("sagemaker")
RESTING_JOB_STATES = {"Completed", "Failed", "Stopped", "Deleting"}
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
    messages = {state: job_failure(kind, "j", job(kind, state)) for state in SERVICE.shape_for(kind.status_key).enum}
    assert [state for state, message in messages.items() if message is None] == ["Completed"]


def failure_of(kind: ResourceKind, status: str, **members: Any) -> Failure:
    failure = job_failure(kind, "j", job(kind, status, **members))
    assert failure is not None
    return failure


def test_a_failure_is_told_in_the_words_of_the_service() -> None:
    failure = failure_of(TRAINING_JOB, "Failed", FailureReason="AlgorithmError: no rows")
    assert failure.reason == "training job j ended Failed: AlgorithmError: no rows"


def test_the_sentence_that_a_container_wrote_for_people_comes_before_the_services_generic_one() -> None:
    generic = "AlgorithmError: See job logs, exit code: 1"
    failure = failure_of(PROCESSING_JOB, "Failed", ExitMessage="a.csv has no column Ch9.", FailureReason=generic)
    assert failure.reason == f"processing job j ended Failed: a.csv has no column Ch9. ({generic})"


@JOBS
def test_a_stopped_job_without_a_word_of_the_service_is_explained(kind: ResourceKind) -> None:
    reason = failure_of(kind, "Stopped").reason
    assert reason == f"{kind.noun} j ended Stopped: somebody stopped it, or it ran longer than MaxRuntimeInSeconds."


def test_a_failed_job_without_a_word_of_the_service_says_so() -> None:
    reason = failure_of(PROCESSING_JOB, "Failed", FailureReason=None, ExitMessage="").reason
    assert reason == "processing job j ended Failed: the service gives no reason."


def test_a_job_that_ran_too_long_says_what_to_change() -> None:
    assert "Raise max_runtime_seconds" in failure_of(TRAINING_JOB, "Stopped", SecondaryStatus="MaxRuntimeExceeded").hint


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


@pytest.mark.parametrize(
    ("times", "since", "deadline"),
    [
        ({}, None, 0 + 3600 + 60),
        ({"TransformStartTime": "1970-01-01T02:00:00+00:00"}, 7200, 7200 + 60),
        ({"TransformStartTime": "1970-01-01T02:00:00+02:00"}, 0, 60),
    ],
)
def test_a_transform_job_may_run_from_its_own_start(
    times: dict[str, str], since: float | None, deadline: float
) -> None:
    description = {"CreationTime": "1970-01-01T00:00:00+00:00", **times}
    assert running_since(description) == since
    assert deadline_of_own(description, max_runtime_seconds=60, queueing_seconds=3600) == deadline


def test_a_training_job_is_billed_as_the_service_says_and_a_processing_job_for_as_long_as_it_ran() -> None:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 30}
    start, end = "2026-11-22T09:30:00+00:00", "2026-11-22T09:31:30+00:00"
    training = {"ResourceConfig": cluster, "TrainingStartTime": start, "TrainingEndTime": end}
    processing = {
        "ProcessingResources": {"ClusterConfig": cluster},
        "ProcessingStartTime": start,
        "ProcessingEndTime": end,
    }
    assert instance_use(TRAINING_JOB, training | {"BillableTimeInSeconds": 72}) == ("ml.m5.large", 2, 90, 72)
    assert instance_use(PROCESSING_JOB, processing) == ("ml.m5.large", 2, 90, 90)


def test_a_job_that_never_got_its_instances_has_no_time() -> None:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    never_ran = InstanceUse("ml.m5.large", 1, None, None)
    assert instance_use(TRAINING_JOB, {"ResourceConfig": cluster}) == never_ran
    assert instance_use(PROCESSING_JOB, {"ProcessingResources": {"ClusterConfig": cluster}}) == never_ran


def test_every_instance_costs_what_is_billed_of_it_and_what_has_no_price_is_unknown() -> None:
    use = InstanceUse("ml.m5.large", 2, 90, 72)
    assert use.cost({"ml.m5.large": 0.5}) == pytest.approx(2 * 72 / 3600 * 0.5)
    assert use.cost({"ml.c5.large": 0.5}) is None
    assert use._replace(billable_seconds=None).cost({"ml.m5.large": 0.5}) is None
