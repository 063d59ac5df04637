"""Containers of a serverless variant."""

from contextlib import ExitStack
from typing import Any

import pytest

from sagemaker_local.exceptions import ValidationError
from sagemaker_local.serverless import (
    ConcurrencyExceededError,
    Containers,
    check_served_model,
    check_serverless,
    check_serverless_change,
)


class Clock:
    """A time that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def containers_of(clock: Clock, **config: int) -> Containers:
    """Containers that start in no time and say that they took a millisecond."""
    return Containers(config, 0.001, 60, clock, wait=lambda _: None)


def started_in(containers: Containers) -> float:
    with containers.container() as seconds:
        return seconds


def test_a_container_starts_with_a_call_and_waits_for_the_next_one() -> None:
    clock = Clock()
    containers = containers_of(clock, MaxConcurrency=2)
    assert containers.warm == 0
    assert started_in(containers) == 0.001
    clock.now += 60
    assert started_in(containers) == 0
    clock.now += 61
    assert containers.warm == 0
    assert started_in(containers) == 0.001


def test_calls_at_once_have_a_container_each_up_to_the_limit() -> None:
    containers = containers_of(Clock(), MaxConcurrency=3)
    with ExitStack() as held:
        assert [held.enter_context(containers.container()) for _ in range(3)] == [0.001] * 3
        for _ in range(2):
            with pytest.raises(ConcurrencyExceededError):
                started_in(containers)
    assert containers.warm == 3
    assert started_in(containers) == 0


def test_a_call_that_fails_gives_its_container_back() -> None:
    containers = containers_of(Clock(), MaxConcurrency=1)
    with pytest.raises(ValueError, match="broken"), containers.container():
        raise ValueError("broken")
    assert containers.warm == 1


def test_provisioned_containers_are_warm_from_the_beginning_and_stay() -> None:
    clock = Clock()
    containers = containers_of(clock, MaxConcurrency=3, ProvisionedConcurrency=2)
    with ExitStack() as held:
        assert [held.enter_context(containers.container()) for _ in range(3)] == [0, 0, 0.001]
    assert containers.warm == 3
    clock.now += 61
    assert containers.warm == 2


VARIANT = {"VariantName": "v", "ModelName": "m", "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}


@pytest.mark.parametrize(
    ("variant", "config", "refusal"),
    [
        ({"InstanceType": "ml.m5.large"}, {}, "InstanceType cannot be given for serverless variant v"),
        ({}, {"ProductionVariants": [VARIANT, VARIANT]}, "exactly one production variant"),
        ({}, {"DataCaptureConfig": {"InitialSamplingPercentage": 1}}, "DataCaptureConfig is not supported"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 5}}, {}, "MemorySizeInMB 1500 of variant v"),
        (
            {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 5, "ProvisionedConcurrency": 6}},
            {},
            "ProvisionedConcurrency of variant v must not exceed",
        ),
    ],
    ids=["instances", "two variants", "data capture", "memory", "provisioned"],
)
def test_what_serverless_variants_may_not_have_is_refused(
    variant: dict[str, Any], config: dict[str, Any], refusal: str
) -> None:
    check_serverless(VARIANT, {"ProductionVariants": [VARIANT]})
    with pytest.raises(ValidationError, match=refusal):
        check_serverless(VARIANT | variant, {"ProductionVariants": [VARIANT]} | config)


def test_a_model_in_a_vpc_is_for_instances() -> None:
    model = {"ModelArn": "arn:m", "VpcConfig": {"Subnets": ["subnet-1"]}}
    check_served_model({"InstanceType": "ml.m5.large"}, model)
    with pytest.raises(ValidationError, match='VpcConfig of model "arn:m"'):
        check_served_model(VARIANT, model)


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        ({}, False),
        ({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}}, False),
        ({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY"}}}, True),
        ({"RollingUpdatePolicy": {"WaitIntervalInSeconds": 1}}, True),
    ],
    ids=["none", "all at once", "canary", "rolling"],
)
def test_updates_stay_of_one_kind_and_come_all_at_once(policy: dict[str, Any], refused: bool) -> None:
    served: list[dict[str, Any]] = [{"CurrentServerlessConfig": {}}]
    check_serverless_change([{}], [{}], policy)
    for before, after in (([{}], served), (served, [{}])):
        with pytest.raises(ValidationError, match="cannot be updated from serverless to instances"):
            check_serverless_change(before, after, {})
    if not refused:
        return check_serverless_change(served, served, policy)
    with pytest.raises(ValidationError, match="Rolling and canary"):
        check_serverless_change(served, served, policy)
    return None
