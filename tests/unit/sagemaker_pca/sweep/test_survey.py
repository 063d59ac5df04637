from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, MODEL
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.deletion_plan import DeletionPlan, plan_deletion
from tests.unit.sagemaker_pca.sweep.in_memory_estate import MANAGED, InMemoryEstate, Made, arn

BUCKET = "bucket"


@pytest.fixture
def estate() -> InMemoryEstate:
    return InMemoryEstate()


def plan(estate: InMemoryEstate, command: str = "sweep", **settings: Any) -> DeletionPlan:
    caps = {"max_delete": 1000, "max_delete_percent": 100}
    made = EndpointCommand.model_validate({"command": command, **caps, **settings})
    return plan_deletion(estate, made, BUCKET, estate.now)


def going(plan: DeletionPlan) -> list[str]:
    return [f"{item.kind} {item.name}" for item in plan.going]


def reasons(plan: DeletionPlan) -> dict[str, str]:
    return {f"{item.kind} {item.name}": f"{item.decision}: {item.reason}" for item in plan.resources}


def chains(plan: DeletionPlan) -> list[list[str]]:
    return [[f"{step.kind} {step.name}" for step in chain.steps] for chain in plan.chains]


def test_a_sweep_without_condition_selects_nothing(estate: InMemoryEstate) -> None:
    estate.serve("a")
    assert reasons(plan(estate)) == {"endpoint a": "keep: not selected: the sweep has no condition"}
    assert reasons(plan(estate, exclude=["b"])) == {"endpoint a": "keep: not selected: the sweep has no condition"}


def test_what_lists_tell_keeps_before_anything_else_is_read(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.serve("young", Made(age=timedelta(days=1)))
    plan(estate, idle_days=7, no_data_is_idle=True, exclude=["a"])
    assert estate.asked == {"list endpoint": 1}


def test_metrics_are_read_of_what_tags_and_records_let_go_and_nothing_else(estate: InMemoryEstate) -> None:
    estate.serve("idle", Made(invocations={"v": 0}))
    estate.serve("protected", Made(tags=MANAGED | {"protect": "true"}))
    estate.serve("leased")
    estate.holders["leased"] = "run-1"
    assert going(plan(estate, idle_days=7)) == ["endpoint idle"]
    read = {fact.split()[0]: fact for fact in estate.asked if "idle" not in fact and fact.split()[0] != "list"}
    assert set(read) == {"tags"}


def test_an_endpoint_goes_with_its_configuration_and_models_in_one_chain(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.serve("b")
    estate.configs["a"].uses = ("a", "second")
    estate.models["second"] = Made()
    found = plan(estate, "delete-endpoint", name="a", with_dependents=True)
    assert chains(found) == [["endpoint a", "endpoint_config a", "model a", "model second"]]
    assert reasons(found)["endpoint_config b"] == "keep: not selected: no endpoint that goes uses it"


def test_an_endpoint_goes_alone_unless_told_otherwise(estate: InMemoryEstate) -> None:
    estate.serve("a")
    assert chains(plan(estate, "delete-endpoint", name="a")) == [["endpoint a"]]
    assert estate.asked["list model"] == 0


def test_endpoints_that_share_a_configuration_are_one_chain(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.endpoints["b"] = Made(uses=("a",))
    found = plan(estate, include=["*"], with_dependents=True)
    assert chains(found) == [["endpoint a", "endpoint b", "endpoint_config a", "model a"]]


def test_endpoints_that_share_nothing_are_chains_of_their_own(estate: InMemoryEstate) -> None:
    for name in "abc":
        estate.serve(name)
    assert len(plan(estate, include=["*"], with_dependents=True).chains) == 3


def test_what_something_that_stays_uses_is_not_taken_along(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.endpoints["b"] = Made(uses=("a",))
    found = plan(estate, "delete-endpoint", name="a", with_dependents=True)
    assert going(found) == ["endpoint a"]
    assert reasons(found)["endpoint_config a"] == "keep: endpoint b uses it"


def test_a_model_that_another_configuration_uses_is_not_taken_along(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.configs["unused"] = Made(uses=("a",))
    found = plan(estate, "delete-endpoint", name="a", with_dependents=True)
    assert going(found) == ["endpoint a", "endpoint_config a"]
    assert reasons(found)["model a"] == "keep: configuration unused uses it"


def test_an_updating_endpoint_uses_both_configurations(estate: InMemoryEstate) -> None:
    estate.endpoints["e"] = Made(status="Updating", uses=("old", "new"))
    for name in ("old", "new", "unused"):
        estate.configs[name] = Made()
    assert going(plan(estate, orphaned=True)) == ["endpoint_config unused"]


def test_an_endpoint_takes_its_own_configuration_along_though_its_records_name_it(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.configs["before"] = Made()
    estate.targets = {"a": ("a",), "before": ("a",)}
    found = plan(estate, "delete-endpoint", name="a", with_dependents=True)
    assert going(found) == ["endpoint a", "endpoint_config a", "model a"]


def test_orphans_are_what_no_endpoint_and_no_remaining_configuration_uses(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.configs["orphan"] = Made(uses=("orphan", "shared"))
    estate.configs["kept"] = Made(uses=("shared",), tags=MANAGED | {"protect": "true"})
    estate.models.update({name: Made() for name in ("orphan", "shared", "alone")})
    found = plan(estate, orphaned=True)
    assert chains(found) == [["endpoint_config orphan", "model orphan"], ["model alone"]]
    assert reasons(found)["model shared"] == "keep: configuration kept uses it"


def test_roll_back_targets_and_their_models_are_no_orphans(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.configs["before"] = Made(uses=("before",))
    estate.models["before"] = Made()
    estate.targets = {"before": ("a",)}
    found = plan(estate, orphaned=True)
    assert going(found) == []
    assert reasons(found)["endpoint_config before"] == "keep: roll-back target of endpoint a"
    assert reasons(found)["model before"] == "keep: configuration before uses it"


def test_young_orphans_may_be_waiting_for_their_deployment(estate: InMemoryEstate) -> None:
    estate.configs["new"] = Made(age=timedelta(hours=47))
    estate.models["new"] = Made(age=timedelta(hours=49))
    assert going(plan(estate, orphaned=True)) == ["model new"]
    assert going(plan(estate, orphaned=True, orphan_grace_hours=0)) == ["endpoint_config new", "model new"]


def test_without_the_records_nothing_goes(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.configs["orphan"] = Made()
    estate.unreadable.add(BUCKET)
    assert going(plan(estate, include=["*"])) == going(plan(estate, orphaned=True)) == []


def test_unreadable_tags_keep_one_resource_and_not_the_others(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.serve("b")
    estate.unreadable.add(arn(ENDPOINT, "a"))
    found = plan(estate, include=["*"])
    assert going(found) == ["endpoint b"]
    assert reasons(found)["endpoint a"] == "skip: its tags cannot be read: AccessDeniedException"


def test_unreadable_metrics_are_no_idleness(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.unreadable.add("metrics a")
    found = plan(estate, idle_days=7, no_data_is_idle=True)
    assert reasons(found)["endpoint a"] == "skip: its metrics cannot be read: AccessDenied"


def test_an_endpoint_that_cannot_be_described_may_use_any_configuration(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.configs["orphan"] = Made()
    estate.unreadable.add("describe endpoint a")
    found = plan(estate, orphaned=True)
    assert reasons(found)["endpoint_config orphan"] == (
        "skip: endpoint a cannot be described (AccessDeniedException): it may use this configuration"
    )


@pytest.mark.parametrize("hidden", ["describe configuration a", "describe endpoint a"])
def test_a_model_stays_when_its_users_cannot_be_told(estate: InMemoryEstate, hidden: str) -> None:
    estate.serve("a")
    estate.models["alone"] = Made()
    estate.unreadable.add(hidden)
    assert "it may use this model" in reasons(plan(estate, "delete-model", name="alone"))["model alone"]


def test_models_stay_while_an_endpoint_names_none_of_its_own(estate: InMemoryEstate) -> None:
    estate.serve("a")
    estate.models["alone"] = Made()
    estate.configs["a"].hosts_components = True
    assert "endpoint a hosts inference components" in reasons(plan(estate, orphaned=True))["model alone"]
    del estate.configs["a"]
    assert "configuration a of endpoint a is gone" in reasons(plan(estate, orphaned=True))["model alone"]


def test_deleting_what_is_in_use_is_refused_with_the_reason(estate: InMemoryEstate) -> None:
    estate.serve("a")
    assert plan(estate, "delete-endpoint-config", name="a").refusal == "delete-endpoint-config a: endpoint a uses it."
    assert plan(estate, "delete-model", name="a").refusal == "delete-model a: configuration a uses it."


def test_deleting_what_is_gone_is_nothing_to_complain_about(estate: InMemoryEstate) -> None:
    for command in ("delete-endpoint", "delete-endpoint-config", "delete-model"):
        found = plan(estate, command, name="a")
        assert (found.refusal, found.chains) == (None, ())


def test_the_cost_is_known_where_the_deployment_names_every_price(estate: InMemoryEstate) -> None:
    for name in "ab":
        estate.serve(name)
    estate.configs["b"].instance_type = "ml.unheard.of"
    found = plan(estate, include=["*"], hourly_prices={"ml.m5.large": 0.5})
    assert [(item.name, item.hourly_cost) for item in found.going] == [("a", 0.5), ("b", None)]
    assert found.monthly_saving == pytest.approx(365)
    assert found.unpriced_endpoints == 1


def test_more_than_the_cap_is_refused_as_a_whole(estate: InMemoryEstate) -> None:
    for name in "abc":
        estate.serve(name)
    found = plan(estate, include=["*"], max_delete=2)
    assert found.refusal == (
        "The sweep would delete 3 resources, more than max_delete=2. Narrow it down, or raise max_delete."
    )
    assert plan(estate, include=["*"], max_delete=3).refusal is None


def test_dependents_count_towards_the_cap(estate: InMemoryEstate) -> None:
    estate.serve("a")
    assert plan(estate, include=["*"], max_delete=2, with_dependents=True).refusal is not None


def test_a_large_part_of_one_kind_is_refused_as_a_whole(estate: InMemoryEstate) -> None:
    for name in "abcd":
        estate.serve(name)
    assert plan(estate, include=["a", "b"], max_delete_percent=50).refusal is None
    assert plan(estate, include=["a", "b", "c"], max_delete_percent=50).refusal == (
        "The sweep would delete 3 of 4 endpoints (75 %), more than max_delete_percent=50. "
        "Narrow it down, or raise max_delete_percent."
    )


def test_caps_are_for_sweeps(estate: InMemoryEstate) -> None:
    estate.serve("a")
    found = plan(estate, "delete-endpoint", name="a", with_dependents=True, max_delete=1, max_delete_percent=1)
    assert found.refusal is None
    assert len(found.going) == 3


def test_kinds_are_named_by_their_operations() -> None:
    assert [kind.operation for kind in (ENDPOINT, ENDPOINT_CONFIG, MODEL)] == ["endpoint", "endpoint_config", "model"]
