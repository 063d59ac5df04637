"""What holds for every inventory and every command: nothing protected, in use or unselected is ever deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sagemaker_pca.endpoints.chains import Chain
from sagemaker_pca.endpoints.deletion import ChainDeletion, Outcome
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan, plan_deletion
from sagemaker_pca.resource_kinds import ENDPOINT, ResourceKind
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from tests.run_plans import PLACE
from tests.unit.sagemaker_pca.endpoints.in_memory_inventory import KINDS, MANAGED, InMemoryInventory, Made

BUCKET = "bucket"
NAMES = ("a", "b", "c", "d")
RUNS = ("run-1", "run-2")
STATUSES = ("Failed", "OutOfService", "Updating", "Creating", "Deleting")

EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """The usual value in three of four cases: if much were unusual, nothing would ever be deleted."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


def few_of(*names: str, at_least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), min_size=at_least, max_size=2, unique=True).map(tuple)


TAGS = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    mostly(MANAGED, {}, MANAGED | {"deployment-id": "theirs"}, {"managed-by": "sagemaker-pca"}),
    mostly({}, {"protect": "true"}, {"protect": "false"}),
    mostly({}, {"run-name": "run-1"}, {"run-name": "run-2"}),
    mostly({"expires-at": "2020-01-01T00:00:00+00:00"}, {"expires-at": "2999-01-01"}, {}),
    mostly({"owner": "team-a"}, {"owner": "team-b"}, {}),
)
AGES = mostly(timedelta(days=30), timedelta(days=3), timedelta(hours=1))
ENDPOINTS = st.builds(
    Made,
    age=AGES,
    tags=TAGS,
    status=mostly("InService", *STATUSES),
    uses=few_of(*NAMES, at_least=1),
    invocations=st.dictionaries(st.sampled_from("vw"), mostly(0.0, None, 5.0), max_size=2),
)
CONFIGS = st.builds(Made, age=AGES, tags=TAGS, uses=few_of(*NAMES))
MODELS = st.builds(Made, age=AGES, tags=TAGS)


@st.composite
def inventories(draw: st.DrawFn) -> InMemoryInventory:
    inventory = InMemoryInventory()
    for kind, made in zip(KINDS, (ENDPOINTS, CONFIGS, MODELS), strict=True):
        inventory.made[kind] = draw(st.dictionaries(st.sampled_from(NAMES), made, min_size=1))
    inventory.holders = draw(mostly({}, {"a": "run-1"}, {"c": "run-2"}))
    inventory.slow_to_go = set(draw(few_of(*NAMES)))
    inventory.targets = draw(mostly({}, {"a": ("a",)}, {"b": ("c", "d"), "d": ("a",)}))
    return inventory


COMMON = {"dry_run": st.just(False), "max_delete": st.just(1000), "max_delete_percent": st.just(100)}
SAFETY = {"managed_only": mostly(True, False), "with_dependents": st.booleans()}
CONDITIONS = {
    "include": mostly((), ("a*",), ("*",), ("a", "re:[bc]")),
    "exclude": mostly((), ("b",)),
    "min_age_days": mostly(None, 2),
    "tags": mostly(None, {"owner": "team-*"}, {"owner": "team-a"}),
    "expired": st.booleans(),
}
OF_ENDPOINTS = {
    "statuses": mostly((), ("InService",), ("Failed", "Updating")),
    "idle_days": st.sampled_from([None, 7]),
    "no_data_is_idle": st.booleans(),
}
OF_THE_REST = {"orphaned": st.just(True), "orphan_grace_hours": st.sampled_from([0, 48])}
NAMED = {"name": st.sampled_from(NAMES)}


@st.composite
def commands(draw: st.DrawFn) -> EndpointCommand:
    """Sweeps and deletions by name, without caps."""
    command = draw(st.sampled_from(["sweep", "sweep", "delete-endpoint", "delete-endpoint-config", "delete-model"]))
    sweep = CONDITIONS | draw(st.sampled_from([OF_ENDPOINTS, OF_THE_REST]))
    options = COMMON | SAFETY | (sweep if command == "sweep" else NAMED)
    return EndpointCommand.model_validate({"command": command, **draw(st.fixed_dictionaries(options))})


class GuardedInventory:
    """Passes all on to an inventory, and makes a deletion fail that would be wrong at that very moment."""

    def __init__(self, inventory: InMemoryInventory, command: EndpointCommand) -> None:
        self._inventory, self._command = inventory, command

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inventory, name)

    def delete_resource(self, kind: ResourceKind, name: str) -> None:
        reason = self._inventory.must_stay(kind, name, managed_only=self._command.managed_only)
        assert reason is None, f"{kind.noun} {name} is {reason}"
        self._inventory.delete_resource(kind, name)


def planned(inventory: InMemoryInventory, command: EndpointCommand) -> DeletionPlan:
    return plan_deletion(inventory, command, inventory.now, **PLACE)


def deleted(inventory: InMemoryInventory, plan: DeletionPlan) -> list[Outcome]:
    guarded: Any = GuardedInventory(inventory, plan.command)
    return [outcome for chain in plan.chains for outcome in carried_out(guarded, chain)]


def carried_out(inventory: Any, chain: Chain) -> list[Outcome]:
    """What becomes of a chain whose task is another one after each wait, and remembers only what JSON can carry."""
    memory = ChainDeletion(inventory, chain)
    while memory.advance():
        inventory.let_go()
        outcomes = [Outcome.model_validate_json(outcome.model_dump_json()) for outcome in memory.outcomes]
        memory = ChainDeletion(inventory, chain, outcomes, memory.awaited)
    return memory.outcomes


def going(plan: DeletionPlan) -> set[tuple[str, str]]:
    return {(item.kind, item.name) for item in plan.going}


@EXAMPLES
@given(inventories(), commands())
def test_what_is_planned_is_deleted_and_nothing_that_must_stay(
    inventory: InMemoryInventory, command: EndpointCommand
) -> None:
    plan = planned(inventory, command)
    outcomes = deleted(inventory, plan)

    event(f"deletes {len(plan.going)}")
    assert {outcome.outcome for outcome in outcomes} <= {"deleted"}, outcomes
    assert [(kind.operation, name) for kind, name in inventory.deleted] == [(item.kind, item.name) for item in outcomes]
    assert {(item.kind, item.name) for item in outcomes} == going(plan)
    assert len(outcomes) == len(plan.going)


@EXAMPLES
@given(inventories(), commands())
def test_a_second_run_deletes_nothing_more(inventory: InMemoryInventory, command: EndpointCommand) -> None:
    deleted(inventory, planned(inventory, command))
    assert planned(inventory, command).going == []


@EXAMPLES
@given(inventories(), commands())
def test_planning_changes_nothing_and_reads_each_description_and_tag_at_most_once(
    inventory: InMemoryInventory, command: EndpointCommand
) -> None:
    plan = planned(inventory, command)
    assert inventory.deleted == []
    assert plan == planned(inventory, command)
    # Both plans together: each has asked for a fact once, or not at all.
    assert all(count <= 2 for count in inventory.asked.values()), inventory.asked


@EXAMPLES
@given(inventories(), commands())
def test_only_what_meets_every_condition_goes_and_what_it_alone_uses(
    inventory: InMemoryInventory, command: EndpointCommand
) -> None:
    plan = planned(inventory, command)
    for kind in KINDS:
        for name in (item.name for item in plan.going if item.kind == kind.operation):
            if kind in command.selected_kinds:
                assert meets_conditions(inventory, kind, name, command), (kind.noun, name)
            else:
                assert command.with_dependents
                above = KINDS[KINDS.index(kind) - 1]
                users = [user for user, made in inventory.made[above].items() if name in made.uses]
                assert users
                assert {(above.operation, user) for user in users} <= going(plan)


@EXAMPLES
@given(inventories(), commands())
def test_every_resource_of_the_kinds_concerned_gets_a_decision_and_a_reason(
    inventory: InMemoryInventory, command: EndpointCommand
) -> None:
    plan = planned(inventory, command)
    judged = {(item.kind, item.name) for item in plan.resources}
    takes_along = command.with_dependents and ENDPOINT in command.selected_kinds
    concerned = KINDS if takes_along else command.selected_kinds
    if command.command != "sweep" or command.has_condition:
        assert judged == {(kind.operation, name) for kind in concerned for name in inventory.made[kind]}
    assert all(item.reason for item in plan.resources)


@settings(EXAMPLES, max_examples=300)
@given(inventories(), commands(), st.data())
def test_what_changes_after_the_plan_is_respected(
    inventory: InMemoryInventory, command: EndpointCommand, data: st.DataObject
) -> None:
    plan = planned(inventory, command)
    for _ in range(data.draw(st.integers(1, 3))):
        data.draw(st.sampled_from(CHANGES))(inventory, data.draw)
    outcomes = deleted(inventory, plan)
    assert [outcome for outcome in outcomes if outcome.outcome == "failed"] == []
    assert {(kind.operation, name) for kind, name in inventory.deleted} <= going(plan)


def meets_conditions(inventory: InMemoryInventory, kind: ResourceKind, name: str, command: EndpointCommand) -> bool:
    """The conditions once more, as plainly as possible."""
    made = inventory.made[kind][name]
    if command.name is not None:
        return name == command.name
    days = made.age / timedelta(days=1)
    owner = made.tags.get("owner", "")
    held = [
        command.has_condition,
        not command.include or name in {"*": NAMES, "a": ("a", "b", "c"), "a*": ("a",)}[command.include[0]],
        name not in command.exclude,
        not command.statuses or made.status in command.statuses,
        command.min_age_days is None or days >= command.min_age_days,
        not command.tags or owner.startswith(command.tags["owner"].rstrip("*")),
        not command.expired or made.tags.get("expires-at", "2999") < "2999",
        command.idle_days is None or (days >= command.idle_days and is_idle(made, command)),
        not command.orphaned or (kind is not ENDPOINT and days * 24 >= command.orphan_grace_hours),
    ]
    return all(held)


def is_idle(made: Made, command: EndpointCommand) -> bool:
    counts = list(made.invocations.values())
    known = [count for count in counts if count is not None]
    return sum(known) == 0 and (command.no_data_is_idle or (bool(counts) and len(known) == len(counts)))


# --- what others do in the meantime -----------------------------------------------------------------------------------


Draw = Callable[[st.SearchStrategy[Any]], Any]


def any_of(inventory: InMemoryInventory, kind: ResourceKind, draw: Draw) -> Made | None:
    names = list(inventory.made[kind])
    return inventory.made[kind][draw(st.sampled_from(names))] if names else None


def somebody_protects(inventory: InMemoryInventory, draw: Draw) -> None:
    if made := any_of(inventory, draw(st.sampled_from(KINDS)), draw):
        made.tags["protect"] = "true"


def a_run_takes_a_lease(inventory: InMemoryInventory, draw: Draw) -> None:
    inventory.holders[draw(st.sampled_from(NAMES))] = draw(st.sampled_from(RUNS))


def an_endpoint_is_updated(inventory: InMemoryInventory, draw: Draw) -> None:
    if made := any_of(inventory, ENDPOINT, draw):
        made.uses = (draw(st.sampled_from(NAMES)),)
        made.status = draw(st.sampled_from(["Updating", "InService"]))
        made.changed_at = later(inventory)


def an_endpoint_is_made(inventory: InMemoryInventory, draw: Draw) -> None:
    made = Made(uses=(draw(st.sampled_from(NAMES)),), age=-timedelta(seconds=2))
    inventory.endpoints[draw(st.sampled_from(NAMES))] = made


def a_configuration_is_made(inventory: InMemoryInventory, draw: Draw) -> None:
    name, uses = draw(st.sampled_from(NAMES)), (draw(st.sampled_from(NAMES)),)
    inventory.configs[name] = Made(uses=uses, age=-timedelta(seconds=2))


def somebody_deletes(inventory: InMemoryInventory, draw: Draw) -> None:
    kind = draw(st.sampled_from(KINDS))
    inventory.made[kind].pop(draw(st.sampled_from(NAMES)), None)


def later(inventory: InMemoryInventory) -> datetime:
    return inventory.now + timedelta(seconds=2)


CHANGES = [
    somebody_protects,
    a_run_takes_a_lease,
    an_endpoint_is_updated,
    an_endpoint_is_made,
    a_configuration_is_made,
    somebody_deletes,
]
