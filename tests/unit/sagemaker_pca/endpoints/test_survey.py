from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sagemaker_pca.endpoints.deletion_plan import DeletionPlan, plan_deletion
from sagemaker_pca.resource_kinds import ENDPOINT
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from tests.run_plans import PLACE
from tests.unit.sagemaker_pca.endpoints.in_memory_inventory import MANAGED, InMemoryInventory, Made, arn

BUCKET = PLACE["bucket"]


@pytest.fixture
def inventory() -> InMemoryInventory:
    return InMemoryInventory()


def plan(inventory: InMemoryInventory, command: str = "sweep", **settings: Any) -> DeletionPlan:
    caps = {"max_delete": 1000, "max_delete_percent": 100}
    made = EndpointCommand.model_validate({"command": command, **caps, **settings})
    return plan_deletion(inventory, made, inventory.now, **PLACE)


def going(plan: DeletionPlan) -> list[str]:
    return [f"{item.kind} {item.name}" for item in plan.going]


def reasons(plan: DeletionPlan) -> dict[str, str]:
    return {f"{item.kind} {item.name}": f"{item.action}: {item.explanation}" for item in plan.resources}


def refusal(plan: DeletionPlan) -> str:
    return str(plan.refusal)


def chains(plan: DeletionPlan) -> list[list[str]]:
    return [[f"{one.kind} {one.name}" for one in chain.deletions] for chain in plan.chains]


def test_a_sweep_without_condition_selects_nothing(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    assert reasons(plan(inventory)) == {"endpoint a": "keep: not selected: the sweep has no condition"}
    assert reasons(plan(inventory, exclude=["b"])) == {"endpoint a": "keep: not selected: the sweep has no condition"}


def test_what_lists_tell_keeps_before_anything_else_is_read(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.serve("young", Made(age=timedelta(days=1)))
    plan(inventory, idle_days=7, no_data_is_idle=True, exclude=["a"])
    assert inventory.asked == {"list endpoint": 1}


def test_metrics_are_read_of_what_tags_and_records_let_go_and_nothing_else(inventory: InMemoryInventory) -> None:
    inventory.serve("idle", Made(invocations={"v": 0}))
    inventory.serve("protected", Made(tags=MANAGED | {"protect": "true"}))
    inventory.serve("leased")
    inventory.holders["leased"] = "run-1"
    assert going(plan(inventory, idle_days=7)) == ["endpoint idle"]
    read = {fact.split()[0]: fact for fact in inventory.asked if "idle" not in fact and fact.split()[0] != "list"}
    assert set(read) == {"tags"}


@pytest.mark.parametrize(
    ("settings", "times"), [({}, 0), ({"hourly_prices": {"ml.m5.large": 0.5}}, 1), ({"with_dependents": True}, 1)]
)
def test_configurations_are_described_for_a_price_or_what_goes_with_the_endpoint_and_for_nothing_else(
    inventory: InMemoryInventory, settings: dict[str, Any], times: int
) -> None:
    inventory.serve("a")
    plan(inventory, include=["*"], **settings)
    assert inventory.asked["describe endpoint a"] == 1
    assert inventory.asked["describe endpoint configuration a"] == times


def test_an_endpoint_goes_with_its_configuration_and_models_in_one_chain(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.serve("b")
    inventory.configs["a"].uses = ("a", "second")
    inventory.models["second"] = Made()
    found = plan(inventory, "delete-endpoint", name="a", with_dependents=True)
    assert chains(found) == [["endpoint a", "endpoint_config a", "model a", "model second"]]
    assert reasons(found)["endpoint_config b"] == "keep: not selected: nothing that goes needs it"


def test_an_endpoint_goes_alone_unless_told_otherwise(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    assert chains(plan(inventory, "delete-endpoint", name="a")) == [["endpoint a"]]
    assert inventory.asked["list model"] == 0


def test_endpoints_that_share_a_configuration_are_one_chain(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.endpoints["b"] = Made(uses=("a",))
    found = plan(inventory, include=["*"], with_dependents=True)
    assert chains(found) == [["endpoint a", "endpoint b", "endpoint_config a", "model a"]]


def test_endpoints_that_share_nothing_are_chains_of_their_own(inventory: InMemoryInventory) -> None:
    for name in "abc":
        inventory.serve(name)
    assert len(plan(inventory, include=["*"], with_dependents=True).chains) == 3


def test_what_something_that_stays_uses_is_not_taken_along(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.endpoints["b"] = Made(uses=("a",))
    found = plan(inventory, "delete-endpoint", name="a", with_dependents=True)
    assert going(found) == ["endpoint a"]
    assert reasons(found)["endpoint_config a"] == "keep: endpoint b uses it"


def test_a_model_that_another_configuration_uses_is_not_taken_along(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.configs["unused"] = Made(uses=("a",))
    found = plan(inventory, "delete-endpoint", name="a", with_dependents=True)
    assert going(found) == ["endpoint a", "endpoint_config a"]
    assert reasons(found)["model a"] == "keep: endpoint configuration unused uses it"


def test_an_updating_endpoint_uses_both_configurations(inventory: InMemoryInventory) -> None:
    inventory.endpoints["e"] = Made(status="Updating", uses=("old", "new"))
    for name in ("old", "new", "unused"):
        inventory.configs[name] = Made()
    assert going(plan(inventory, orphaned=True)) == ["endpoint_config unused"]


def test_an_endpoint_takes_its_own_configuration_along_though_its_records_name_it(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.configs["before"] = Made()
    inventory.targets = {"a": ("a",), "before": ("a",)}
    found = plan(inventory, "delete-endpoint", name="a", with_dependents=True)
    assert going(found) == ["endpoint a", "endpoint_config a", "model a"]


def test_orphans_are_what_no_endpoint_and_no_remaining_configuration_uses(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.configs["orphan"] = Made(uses=("orphan", "shared"))
    inventory.configs["kept"] = Made(uses=("shared",), tags=MANAGED | {"protect": "true"})
    inventory.models.update({name: Made() for name in ("orphan", "shared", "alone")})
    found = plan(inventory, orphaned=True)
    assert chains(found) == [["endpoint_config orphan", "model orphan"], ["model alone"]]
    assert reasons(found)["model shared"] == "keep: endpoint configuration kept uses it"


def test_roll_back_targets_and_their_models_are_no_orphans(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.configs["before"] = Made(uses=("before",))
    inventory.models["before"] = Made()
    inventory.targets = {"before": ("a",)}
    found = plan(inventory, orphaned=True)
    assert going(found) == []
    assert reasons(found)["endpoint_config before"] == "keep: roll-back target of endpoint a"
    assert reasons(found)["model before"] == "keep: endpoint configuration before uses it"


def test_young_orphans_may_be_waiting_for_their_deployment(inventory: InMemoryInventory) -> None:
    inventory.configs["new"] = Made(age=timedelta(hours=47))
    inventory.models["new"] = Made(age=timedelta(hours=49))
    assert going(plan(inventory, orphaned=True)) == ["model new"]
    assert going(plan(inventory, orphaned=True, orphan_grace_hours=0)) == ["endpoint_config new", "model new"]


def test_without_the_records_nothing_goes(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.configs["orphan"] = Made()
    inventory.unreadable.add(BUCKET)
    assert going(plan(inventory, include=["*"])) == going(plan(inventory, orphaned=True)) == []


def test_unreadable_tags_keep_one_resource_and_not_the_others(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.serve("b")
    inventory.unreadable.add(arn(ENDPOINT, "a"))
    found = plan(inventory, include=["*"])
    assert going(found) == ["endpoint b"]
    assert reasons(found)["endpoint a"] == "skip: its tags cannot be read: AccessDeniedException"


def test_unreadable_metrics_are_no_idleness(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.unreadable.add("metrics a")
    found = plan(inventory, idle_days=7, no_data_is_idle=True)
    assert reasons(found)["endpoint a"] == "skip: its metrics cannot be read: AccessDenied"


def test_an_endpoint_that_cannot_be_described_may_use_any_configuration(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.configs["orphan"] = Made()
    inventory.unreadable.add("describe endpoint a")
    found = plan(inventory, orphaned=True)
    assert reasons(found)["endpoint_config orphan"] == (
        "skip: endpoint a cannot be described (AccessDeniedException): it may use this endpoint configuration"
    )


@pytest.mark.parametrize("hidden", ["describe endpoint configuration a", "describe endpoint a"])
def test_a_model_stays_when_its_users_cannot_be_told(inventory: InMemoryInventory, hidden: str) -> None:
    inventory.serve("a")
    inventory.models["alone"] = Made()
    inventory.unreadable.add(hidden)
    assert "it may use this model" in reasons(plan(inventory, "delete-model", name="alone"))["model alone"]


def test_models_stay_while_an_endpoint_names_none_of_its_own(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    inventory.models["alone"] = Made()
    inventory.configs["a"].hosts_components = True
    assert "endpoint a hosts inference components" in reasons(plan(inventory, orphaned=True))["model alone"]
    del inventory.configs["a"]
    assert "configuration a of endpoint a is gone" in reasons(plan(inventory, orphaned=True))["model alone"]


def test_deleting_what_is_in_use_is_refused_with_the_reason(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    assert refusal(plan(inventory, "delete-endpoint-config", name="a")) == (
        "delete-endpoint-config a: endpoint a uses it."
    )
    assert refusal(plan(inventory, "delete-model", name="a")) == ("delete-model a: endpoint configuration a uses it.")


def test_deleting_what_is_gone_is_nothing_to_complain_about(inventory: InMemoryInventory) -> None:
    for command in ("delete-endpoint", "delete-endpoint-config", "delete-model"):
        found = plan(inventory, command, name="a")
        assert (found.refusal, found.chains) == (None, ())


def test_the_cost_is_known_where_the_deployment_names_every_price(inventory: InMemoryInventory) -> None:
    for name in "ab":
        inventory.serve(name)
    inventory.configs["b"].instance_type = "ml.unheard.of"
    found = plan(inventory, include=["*"], hourly_prices={"ml.m5.large": 0.5})
    assert [(item.name, item.hourly_cost) for item in found.going] == [("a", 0.5), ("b", None)]
    assert found.monthly_saving == pytest.approx(365)
    assert found.unpriced_endpoints == 1


def test_more_than_the_cap_is_refused_as_a_whole(inventory: InMemoryInventory) -> None:
    for name in "abc":
        inventory.serve(name)
    found = plan(inventory, include=["*"], max_delete=2)
    assert refusal(found) == (
        "The sweep would delete 3 resources, more than max_delete=2. Narrow it down, or raise max_delete."
    )
    assert plan(inventory, include=["*"], max_delete=3).refusal is None


def test_dependents_count_towards_the_cap(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    assert plan(inventory, include=["*"], max_delete=2, with_dependents=True).refusal is not None


def test_a_large_part_of_one_kind_is_refused_as_a_whole(inventory: InMemoryInventory) -> None:
    for name in "abcdefgh":
        inventory.serve(name)
    assert plan(inventory, include=["re:[a-d]"], max_delete_percent=50).refusal is None
    assert refusal(plan(inventory, include=["re:[a-f]"], max_delete_percent=50)) == (
        "The sweep would delete 6 of 8 endpoints (75 %), more than max_delete_percent=50. "
        "Narrow it down, or raise max_delete_percent."
    )


@pytest.mark.parametrize("count", [1, 5])
def test_a_handful_is_too_few_for_percentages(inventory: InMemoryInventory, count: int) -> None:
    for name in "abcde"[:count]:
        inventory.serve(name)
    found = plan(inventory, include=["*"], max_delete_percent=50)
    assert (found.refusal, len(found.going)) == (None, count)


def test_caps_are_for_sweeps(inventory: InMemoryInventory) -> None:
    inventory.serve("a")
    found = plan(inventory, "delete-endpoint", name="a", with_dependents=True, max_delete=1, max_delete_percent=1)
    assert found.refusal is None
    assert len(found.going) == 3
