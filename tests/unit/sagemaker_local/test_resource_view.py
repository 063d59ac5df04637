"""What a page says of a resource's state, times and making."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagemaker_local.hosting import ENDPOINT, ENDPOINT_CONFIG
from sagemaker_local.processing import PROCESSING_JOB
from sagemaker_local.resource_view import duration_text, every_member, facts, kind_words, state_of, variants
from sagemaker_local.resources import Kind, Resource, now
from sagemaker_local.served_models import MODEL

CREATED = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def resource(kind: Kind, created: datetime = CREATED, **members: Any) -> Resource:
    return Resource(kind, "name", "arn", {"CreationTime": created, "LastModifiedTime": created, **members})


@pytest.mark.parametrize(
    ("members", "tone", "is_changing"),
    [
        ({"EndpointStatus": "InService"}, "good", False),
        ({"EndpointStatus": "InService", "FailureReason": "the update failed"}, "warn", False),
        ({"EndpointStatus": "RollingBack"}, "busy", True),
        ({"EndpointStatus": "Failed", "FailureReason": "no"}, "bad", False),
    ],
)
def test_a_state_has_a_tone_and_a_sign_and_says_whether_it_will_change(
    members: dict[str, Any], tone: str, is_changing: bool
) -> None:
    state = state_of(resource(ENDPOINT, **members))
    assert (state.word, state.tone, state.is_changing) == (members["EndpointStatus"], tone, is_changing)
    assert state.sign


def test_a_model_has_no_state_and_waits_for_nothing() -> None:
    assert state_of(resource(MODEL))[:2] == ("", "muted")
    assert not state_of(resource(MODEL)).is_changing
    assert kind_words(ENDPOINT_CONFIG) == "endpoint configuration"


def test_a_job_tells_how_long_it_waited_and_ran_and_on_what() -> None:
    started = CREATED + timedelta(seconds=5)
    cluster = {"ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large"}}
    times = {"ProcessingStartTime": started, "ProcessingEndTime": started + timedelta(seconds=61)}
    job = resource(PROCESSING_JOB, ProcessingJobStatus="Completed", ProcessingResources=cluster, **times)
    assert list(facts(job)) == [
        ("Created", "2026-01-01 12:00:00 UTC"),
        ("Waited", "5.0 s"),
        ("Ran", "1 min 01 s"),
        ("Instances", "2 × ml.m5.large"),  # noqa: RUF001
    ]


def test_a_job_that_waits_for_its_turn_says_for_how_long() -> None:
    job = resource(PROCESSING_JOB, now() - timedelta(seconds=30), ProcessingJobStatus="InProgress")
    assert ("Waiting", "30 s") in list(facts(job))


def test_a_configurations_variants_name_their_models() -> None:
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    config = {"ProductionVariants": [{**variant, "InitialVariantWeight": 0.5}]}
    assert variants(config) == [("v", "1 × ml.m5.large", "weight 0.5", "m")]  # noqa: RUF001


def test_every_member_has_its_path_and_lists_read_as_commands() -> None:
    description = {"A": {"Entry": ["sh", "-c", "a b"], "On": True}, "B": [{"Time": CREATED}]}
    assert list(every_member(description)) == [
        ("A.Entry", "sh -c 'a b'"),
        ("A.On", "yes"),
        ("B[0].Time", "2026-01-01 12:00:00 UTC"),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (3_725, "1 h 02 min")]
)
def test_a_duration_is_told_in_the_units_that_matter(seconds: float, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text
