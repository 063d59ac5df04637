"""What the card of an endpoint says, from an inventory in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagemaker_pca.endpoints.cards import EndpointCard, SweepOutlook, endpoint_card, own_endpoints
from sagemaker_pca.endpoints.deletion_plan import plan_from
from sagemaker_pca.endpoints.facts import Facts
from sagemaker_pca.endpoints.inventory import Series, Unreadable, Variant
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG
from sagemaker_pca.settings.endpoint_command import REPORTED_SWEEPS, EndpointCommand
from tests.run_plans import PLACE
from tests.unit.sagemaker_pca.endpoints.in_memory_inventory import MANAGED, InMemoryInventory, Made, arn

NOW = datetime(2024, 1, 31, 12, tzinfo=UTC)
OWN, BUCKET = PLACE["deployment_id"], PLACE["bucket"]
TAGS = {**MANAGED, "dag-id": "ecg", "expires-at": "never"}


@pytest.fixture
def inventory() -> InMemoryInventory:
    return InMemoryInventory(NOW)


def serve(
    inventory: InMemoryInventory, name: str = "e", tags: Mapping[str, str] = TAGS, count: float | None = None
) -> None:
    age = timedelta(days=90)
    inventory.serve(name, Made(age=age, tags={**TAGS, **tags}, invocations={"AllTraffic": count}))


def card_of(
    inventory: InMemoryInventory, name: str = "e", series: Series | None = None, **settings: Any
) -> EndpointCard:
    facts = Facts(inventory, BUCKET, NOW)
    facts.describe(ENDPOINT_CONFIG, inventory.configs)
    sweeps = {
        sweep: plan_from(facts, EndpointCommand(command="sweep", **asked, **settings), NOW, OWN)
        for sweep, asked in REPORTED_SWEEPS.items()
    }
    traffic: Mapping[Variant, Series] = {Variant(name, "AllTraffic"): {} if series is None else series}
    prices = {"ml.m5.large": 0.1}
    return endpoint_card(facts.listed(ENDPOINT)[name], "ecg", facts, traffic, sweeps, prices, NOW)


def test_endpoints_are_sorted_by_what_their_tags_say(inventory: InMemoryInventory) -> None:
    serve(inventory)
    serve(inventory, "another-airflows", {"deployment-id": "other"})
    inventory.serve("nobodys", Made(tags={}))
    inventory.serve("of-no-pipeline", Made(tags=dict(MANAGED)))
    serve(inventory, "hidden")
    inventory.unreadable.add(arn(ENDPOINT, "hidden"))
    found = own_endpoints(Facts(inventory, BUCKET, NOW), OWN)
    assert {item.name: pipeline for item, pipeline in found.pipelines.items()} == {"e": "ecg"}
    assert (found.others, found.unknown) == (3, ("AccessDeniedException",))


def test_an_airflow_that_has_made_nothing_owns_nothing(inventory: InMemoryInventory) -> None:
    serve(inventory)
    assert own_endpoints(Facts(inventory, BUCKET, NOW), None) == ({}, 1, ())


def test_a_card_says_what_serves_what_it_costs_and_where_it_can_go_back_to(inventory: InMemoryInventory) -> None:
    serve(inventory, tags={"protect": "true", "expires-at": "2024-03-01"})
    inventory.targets = {"oldest": ("e",), "before": ("e",), "e": ("e",)}
    card = card_of(inventory)
    assert (card.status, card.days_alive, card.configurations, card.models) == ("InService", 90, ("e",), ("e",))
    assert (card.instances, card.hourly_cost, card.monthly_cost) == (("1 ml.m5.large",), 0.1, 73)
    assert (card.expires_at, card.protection) == ("2024-03-01", "protect=true")
    assert card.roll_back_targets == ("before", "oldest")
    assert card.unread == ()


@pytest.mark.parametrize(
    ("series", "invocations", "idle_days"),
    [
        ({}, 0, 30),
        ({NOW - timedelta(days=9): 3.0, NOW - timedelta(days=2, hours=12): 4.0, NOW: 0.0}, 7, 1),
        (Unreadable("AccessDenied"), None, None),
    ],
)
def test_idle_days_count_from_the_last_call(
    inventory: InMemoryInventory, series: Series, invocations: float | None, idle_days: int | None
) -> None:
    serve(inventory)
    card = card_of(inventory, series=series)
    assert (card.invocations, card.idle_days) == (invocations, idle_days)


def test_an_endpoint_is_idle_no_longer_than_it_exists(inventory: InMemoryInventory) -> None:
    inventory.serve("e", Made(age=timedelta(days=3), tags=TAGS))
    assert card_of(inventory).idle_days == 3


def test_what_a_sweep_would_do_stands_with_its_reason(inventory: InMemoryInventory) -> None:
    serve(inventory)
    assert card_of(inventory).sweeps == (
        SweepOutlook("idle", "delete", "idle for 7 days"),
        SweepOutlook("expired", "keep", "never expires"),
    )
    serve(inventory, "busy", count=12)
    assert card_of(inventory, "busy").sweeps[0] == SweepOutlook("idle", "keep", "12 invocations in 7 days")


def test_a_sweep_that_would_be_refused_deletes_nothing(inventory: InMemoryInventory) -> None:
    for name in ("e", "f"):
        serve(inventory, name)
    idle, _ = card_of(inventory, max_delete=1).sweeps
    assert (idle.action, idle.reason) == (
        "keep",
        "The sweep would delete 2 resources, more than max_delete=1.",
    )


def test_a_fact_that_could_not_be_read_is_said_and_counts_for_nothing(inventory: InMemoryInventory) -> None:
    serve(inventory)
    inventory.unreadable |= {"describe endpoint e", "metrics e", BUCKET}
    card = card_of(inventory)
    assert (card.configurations, card.instances, card.invocations, card.hourly_cost) == ((), (), None, None)
    assert card.sweeps[0].action == "skip"
    assert card.unread == (
        "Its description: AccessDeniedException",
        "Its roll-back targets: NoSuchBucket",
    )
