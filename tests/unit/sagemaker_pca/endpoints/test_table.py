from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagemaker_pca.endpoints.deletion import Outcome
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan, plan_deletion
from sagemaker_pca.endpoints.inventory import ListedResource
from sagemaker_pca.endpoints.table import approval_page, description_table, listing_table, outcome_table, plan_table
from sagemaker_pca.resource_kinds import ENDPOINT, MODEL
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from tests.run_plans import DEPLOYMENT_ID
from tests.unit.sagemaker_pca.endpoints.in_memory_inventory import MANAGED, InMemoryInventory, Made

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_a_listing_counts_and_shows_state_and_age() -> None:
    created_at = NOW - timedelta(hours=36)
    endpoint = ListedResource(ENDPOINT, "1e5", "arn", created_at, created_at, "InService")
    count, header, _, row = listing_table(ENDPOINT, [endpoint], NOW).splitlines()
    assert count == "1 endpoint"
    assert re.split("  +", header) == ["name", "status", "created", "hours alive"]
    assert re.split("  +", row) == ["1e5", "InService", "2026-03-09 00:00:00", "36.0"]


def test_models_have_no_state_to_list() -> None:
    assert listing_table(MODEL, [], NOW).splitlines()[:2] == ["0 models", "name    created    hours alive"]


def inventory_of(*names: str) -> InMemoryInventory:
    inventory = InMemoryInventory(NOW)
    for name in names:
        inventory.serve(name)
    return inventory


def sweep(inventory: InMemoryInventory, **settings: Any) -> DeletionPlan:
    options = {"command": "sweep", "include": ["*"], "max_delete_percent": 100, **settings}
    return plan_deletion(
        inventory, EndpointCommand.model_validate(options), NOW, bucket="bucket", deployment_id=DEPLOYMENT_ID
    )


def test_a_plan_says_in_a_sentence_what_goes_and_counts_what_was_not_selected() -> None:
    inventory = inventory_of("goes", "other")
    inventory.serve("kept", Made(tags=MANAGED | {"protect": "true"}))
    plan = sweep(inventory, include=["goes", "kept"], hourly_prices={"ml.m5.large": 0.5})
    lines = plan_table(plan).splitlines()
    assert lines[0] == "1 of 3 resources would be deleted. That saves 365.00 a month."
    assert [line.split()[:3] for line in lines[3:5]] == [["delete", "endpoint", "goes"], ["keep", "endpoint", "kept"]]
    assert lines[-1] == "1 more was not selected."


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("a", "1 of 1 resource is to be deleted. What that saves is unknown."),
        ("ab", "2 of 2 resources are to be deleted. What that saves is unknown."),
        ("", "0 of 0 resources are to be deleted."),
    ],
)
def test_numbers_agree_with_nouns_and_verbs(names: str, sentence: str) -> None:
    assert plan_table(sweep(inventory_of(*names), dry_run=False)).splitlines()[0] == sentence


@pytest.mark.parametrize(
    ("dry_run", "consequence"), [(True, "nothing would be deleted"), (False, "nothing is deleted")]
)
def test_a_refused_plan_says_so_and_not_what_would_be_deleted(dry_run: bool, consequence: str) -> None:
    assert plan_table(sweep(inventory_of("a", "b"), max_delete=1, dry_run=dry_run)).splitlines()[0] == (
        f"Refused, so {consequence}: The sweep would delete 2 resources, more than max_delete=1. "
        "Narrow it down, or raise max_delete."
    )


def test_a_known_saving_is_told_beside_what_is_unknown() -> None:
    inventory = inventory_of("a", "b")
    inventory.configs["b"].instance_type = "ml.unheard.of"
    assert plan_table(sweep(inventory, hourly_prices={"ml.m5.large": 0.1})).splitlines()[0] == (
        "2 of 2 resources would be deleted. That saves 73.00 a month, and what 1 of 2 endpoints cost, which is unknown."
    )


def test_what_a_person_approves_is_a_list_of_the_deletions_by_kind_and_reason() -> None:
    inventory = inventory_of("a", "b")
    inventory.serve("kept", Made(tags=MANAGED | {"protect": "true"}))
    prices = {"ml.m5.large": 0.5}
    page = approval_page(sweep(inventory, dry_run=False, with_dependents=True, exclude=["b"], hourly_prices=prices))
    assert page.split("\n\n") == [
        "3 of 9 resources are to be deleted. That saves 365.00 a month.",
        "1 endpoint, ` selected `:",
        "- ` a `, 720.0 hours old, InService, cost an hour 0.5",
        "1 endpoint configuration, ` needed by nothing that stays `:",
        "- ` a `, 720.0 hours old",
        "1 model, ` needed by nothing that stays `:",
        "- ` a `, 720.0 hours old",
    ]


def test_names_and_reasons_bring_no_markdown_of_their_own() -> None:
    plan = sweep(inventory_of("a"), dry_run=False)
    hostile = {"name": "`[a](http://a.example)`", "reason": "``<b>\n\n# www.a.example ![b](c.png)"}
    going = [item.model_copy(update=hostile) for item in plan.going]
    _, title, line = approval_page(plan.model_copy(update={"resources": tuple(going)})).split("\n\n")
    assert title == "1 endpoint, ``` ``<b> # www.a.example ![b](c.png) ```:"
    assert line.startswith("- `` `[a](http://a.example)` ``, ")


def test_outcomes_name_kind_and_reason() -> None:
    outcome = Outcome(kind="endpoint_config", name="c", outcome="kept", reason="endpoint e uses it by now")
    assert re.split("  +", outcome_table([outcome]).splitlines()[-1]) == [
        "kept",
        "endpoint configuration",
        "c",
        "endpoint e uses it by now",
    ]


def test_a_description_is_one_member_a_line() -> None:
    lines = description_table({"EndpointName": "e", "hourly_cost": None}).splitlines()[2:]
    assert [line.split() for line in lines] == [["EndpointName", "e"], ["hourly_cost", "None"]]
