"""Plan and deletion against the service itself: they agree, keep what is needed, and a second run finds nothing."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagemaker_pca.endpoints.deletion import ChainDeletion
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan, plan_deletion
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from tests.e2e.sagemaker_pca.endpoints.counted_calls import CountedCalls
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import BUCKET, EmbeddedInventory, promotion
from tests.run_plans import DEPLOYMENT_ID

pytestmark = pytest.mark.e2e

PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat()
SWEEPS: list[dict[str, Any]] = [
    {"expired": True, "with_dependents": True},
    {"include": ["re:e[0-5]"]},
    {"orphaned": True, "orphan_grace_hours": 0},
    {"orphaned": True, "orphan_grace_hours": 0, "managed_only": False},
]


def plan(hook: SageMakerInventoryHook, **settings: Any) -> DeletionPlan:
    options = {"command": "sweep", "dry_run": False, "max_delete_percent": 100, "max_delete": 1000, "poll_seconds": 0.1}
    return plan_deletion(
        hook,
        EndpointCommand.model_validate(options | settings),
        datetime.now(UTC),
        bucket=BUCKET,
        deployment_id=DEPLOYMENT_ID,
    )


def fill(inventory: EmbeddedInventory, seed: int) -> set[str]:
    """Endpoints, configurations and models that use each other at random; the names of what is protected."""
    pick = random.Random(seed)  # noqa: S311 - an inventory, no secret
    protected = set()

    def tags(name: str) -> dict[str, str]:
        if pick.random() < 0.2:
            protected.add(name)
            return {"protect": "true"}
        return pick.choice([{}, {"expires-at": PAST}, {"expires-at": PAST}, {"managed-by": "somebody"}])

    models = [inventory.add_model(f"m{number}", tags(f"m{number}")) for number in range(8)]
    configs = [
        inventory.add_config(f"c{number}", *pick.sample(models, pick.choice([1, 2])), tags=tags(f"c{number}"))
        for number in range(8)
    ]
    for number in range(6):
        inventory.add_endpoint(f"e{number}", pick.choice(configs), tags(f"e{number}"))
    inventory.put_record("e0", "promoted.json", promotion("e0", "c0", "c1"))
    protected |= {"c0", "c1"} if "e0" in protected else set()
    return protected


@pytest.mark.parametrize(("seed", "settings"), list(enumerate(SWEEPS)))
def test_a_sweep_deletes_what_it_planned_and_nothing_that_is_needed(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory, seed: int, settings: dict[str, Any]
) -> None:
    protected = fill(inventory, seed)
    before = everything(inventory)
    planned = plan(hook, **settings)
    outcomes = []
    for chain in planned.chains:
        deletion = ChainDeletion(hook, chain)
        while awaited := deletion.advance():
            inventory.wait_until_gone(awaited[0])
        outcomes += deletion.outcomes

    assert {outcome.outcome for outcome in outcomes} <= {"deleted"}, outcomes
    gone = before - everything(inventory)
    assert gone
    assert gone == {(item.kind, item.name) for item in planned.going}
    assert not protected & {name for _, name in gone}
    assert_whole(inventory)
    assert plan(hook, **settings).going == []


def everything(inventory: EmbeddedInventory) -> set[tuple[str, str]]:
    return {(kind, name) for kind, names in inventory.names().items() for name in names}


def assert_whole(inventory: EmbeddedInventory) -> None:
    """What is left has all that it uses."""
    left = inventory.names()
    for name in left["endpoint"]:
        assert inventory.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"] in left["endpoint_config"]
    for name in left["endpoint_config"]:
        variants = inventory.sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]
        assert {variant["ModelName"] for variant in variants} <= left["model"]


def test_throttling_changes_no_decision(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    fill(inventory, seed=1)
    calm = plan(hook, expired=True, with_dependents=True)
    for operation in ("ListEndpoints", "DescribeEndpoint", "DescribeEndpointConfig", "ListModels"):
        inventory.plan_fault(fault="throttle", target=operation)
    throttled = plan(hook, expired=True, with_dependents=True)
    decisions = [[(item.name, item.action, item.reason) for item in one.resources] for one in (calm, throttled)]
    assert decisions[0] == decisions[1]


def test_a_plan_describes_each_endpoint_and_configuration_at_most_once(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory
) -> None:
    fill(inventory, seed=2)
    calls = CountedCalls(hook)
    plan(hook, include=["*"], with_dependents=True, managed_only=False)
    assert calls["DescribeEndpoint"] <= 6
    assert calls["DescribeEndpointConfig"] <= 8
    assert [calls[f"List{kind}"] for kind in ("Endpoints", "EndpointConfigs", "Models")] == [1, 1, 1]
