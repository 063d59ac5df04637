from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sagemaker_pca.endpoints.chains import Chain
from sagemaker_pca.endpoints.deletion import ChainDeletion
from sagemaker_pca.endpoints.deletion_plan import plan_deletion
from sagemaker_pca.exceptions import WaitTimeoutError
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from tests.run_plans import DEPLOYMENT_ID
from tests.unit.sagemaker_pca.endpoints.in_memory_inventory import InMemoryInventory, Made, arn

BUCKET = "bucket"
LATER = timedelta(seconds=5)


@pytest.fixture
def inventory() -> InMemoryInventory:
    inventory = InMemoryInventory()
    inventory.serve("a", Made(invocations={"v": 0.0}))
    return inventory


def chain(inventory: InMemoryInventory, **settings: Any) -> Chain:
    """The one chain of a sweep, as it comes out of XCom."""
    options = {"command": "sweep", "dry_run": False, "max_delete_percent": 100, **settings}
    plan = plan_deletion(
        inventory, EndpointCommand.model_validate(options), inventory.now, bucket=BUCKET, deployment_id=DEPLOYMENT_ID
    )
    (found,) = plan.chains
    return Chain.model_validate_json(found.model_dump_json())


def outcomes(inventory: InMemoryInventory, chain: Chain) -> dict[str, str]:
    deletion = ChainDeletion(inventory, chain)
    assert deletion.advance() == []
    return told(deletion)


def told(deletion: ChainDeletion) -> dict[str, str]:
    return {f"{item.kind} {item.name}": f"{item.outcome}: {item.reason}" for item in deletion.outcomes}


def test_a_chain_is_deleted_in_order(inventory: InMemoryInventory) -> None:
    assert set(outcomes(inventory, chain(inventory, include=["a"], with_dependents=True)).values()) == {"deleted: "}
    assert inventory.deleted == [(ENDPOINT, "a"), (ENDPOINT_CONFIG, "a"), (MODEL, "a")]


def test_what_is_gone_already_is_fine(inventory: InMemoryInventory) -> None:
    planned = chain(inventory, include=["a"], with_dependents=True)
    del inventory.endpoints["a"]
    del inventory.models["a"]
    assert outcomes(inventory, planned) == {
        "endpoint a": "gone: deleted already",
        "endpoint_config a": "deleted: ",
        "model a": "gone: deleted already",
    }


def test_a_failure_keeps_what_depends_on_it_and_is_raised_in_the_end(inventory: InMemoryInventory) -> None:
    inventory.endpoints["b"] = Made(uses=("a",))
    planned = chain(inventory, include=["*"], with_dependents=True)
    inventory.refuses_to_delete.add("b")
    deletion = ChainDeletion(inventory, planned)
    assert deletion.advance() == []
    assert [item.outcome for item in deletion.outcomes] == ["deleted", "failed", "kept", "kept"]
    assert [str(error) for error in deletion.errors] == ["b may not be deleted"]
    assert outcomes(inventory, planned)["endpoint_config a"] == "kept: endpoint b needs it and was not deleted"


@pytest.fixture
def slow(inventory: InMemoryInventory) -> Chain:
    """An endpoint that takes its time to go, with all that depends on it."""
    inventory.slow_to_go = {"a"}
    return chain(inventory, include=["*"], with_dependents=True)


def test_what_an_endpoint_uses_stays_until_the_endpoint_has_gone(inventory: InMemoryInventory, slow: Chain) -> None:
    first = ChainDeletion(inventory, slow)
    assert (first.advance(), first.outcomes) == (["a"], [])
    again = ChainDeletion(inventory, slow, first.outcomes, first.awaited)
    assert again.advance() == ["a"]
    assert inventory.deleted == [(ENDPOINT, "a")]


def test_after_a_wait_the_deletion_goes_on_and_what_was_deleted_is_not_called_gone(
    inventory: InMemoryInventory, slow: Chain
) -> None:
    first = ChainDeletion(inventory, slow)
    first.advance()
    inventory.let_go()
    again = ChainDeletion(inventory, slow, first.outcomes, first.awaited)
    assert again.advance() == []
    assert set(told(again).values()) == {"deleted: "}
    assert inventory.deleted == [(ENDPOINT, "a"), (ENDPOINT_CONFIG, "a"), (MODEL, "a")]


def test_all_endpoints_of_a_chain_are_asked_to_go_before_any_is_waited_for(inventory: InMemoryInventory) -> None:
    inventory.endpoints["b"] = Made(uses=("a",))
    inventory.slow_to_go = {"a", "b"}
    deletion = ChainDeletion(inventory, chain(inventory, include=["*"], with_dependents=True))
    assert deletion.advance() == ["a", "b"]


def test_a_task_that_died_while_it_waited_goes_on_with_the_wait(inventory: InMemoryInventory, slow: Chain) -> None:
    ChainDeletion(inventory, slow).advance()
    retry = ChainDeletion(inventory, slow)
    assert retry.advance() == ["a"]
    inventory.let_go()
    assert retry.advance() == []
    assert set(told(retry).values()) == {"deleted: "}


def test_what_failed_before_a_wait_is_tried_once_more_so_that_its_error_is_known(inventory: InMemoryInventory) -> None:
    inventory.endpoints["b"] = Made(uses=("a",))
    inventory.slow_to_go, inventory.refuses_to_delete = {"a"}, {"b"}
    planned = chain(inventory, include=["*"], with_dependents=True)
    first = ChainDeletion(inventory, planned)
    first.advance()
    inventory.let_go()
    again = ChainDeletion(inventory, planned, first.outcomes, first.awaited)
    again.advance()
    assert [item.outcome for item in again.outcomes] == ["deleted", "failed", "kept", "kept"]
    assert [type(error) for error in again.errors] == [PermissionError]


def test_an_endpoint_that_does_not_go_in_time_has_failed_and_keeps_what_it_uses(
    inventory: InMemoryInventory, slow: Chain
) -> None:
    deletion = ChainDeletion(inventory, slow)
    deletion.advance()
    assert deletion.advance(out_of_time=True) == []
    assert told(deletion)["endpoint a"] == (
        "failed: endpoint a is still Deleting. Look at it in the console; deleting it again does no harm."
    )
    assert [item.outcome for item in deletion.outcomes] == ["failed", "kept", "kept"]
    assert [type(error) for error in deletion.errors] == [WaitTimeoutError]


def test_an_endpoint_that_is_back_after_its_deletion_has_failed_to_go(
    inventory: InMemoryInventory, slow: Chain
) -> None:
    deletion = ChainDeletion(inventory, slow)
    deletion.advance()
    inventory.endpoints["a"].status = "InService"
    assert deletion.advance() == []
    assert told(deletion)["endpoint a"].startswith("failed: endpoint a is InService after it was asked to go.")
    assert inventory.deleted == [(ENDPOINT, "a")]


def a_lease_is_taken(inventory: InMemoryInventory) -> None:
    inventory.holders["a"] = "run-9"


def it_is_updated(inventory: InMemoryInventory) -> None:
    inventory.endpoints["a"].changed_at = inventory.now + LATER


def it_is_updating(inventory: InMemoryInventory) -> None:
    inventory.endpoints["a"].status = "Updating"


def it_is_protected(inventory: InMemoryInventory) -> None:
    inventory.endpoints["a"].tags["protect"] = "true"


def its_tags_are_hidden(inventory: InMemoryInventory) -> None:
    inventory.unreadable.add(arn(ENDPOINT, "a"))


def it_is_called(inventory: InMemoryInventory) -> None:
    inventory.endpoints["a"].invocations["v"] = 1.0


def its_description_is_hidden(inventory: InMemoryInventory) -> None:
    inventory.unreadable.add("describe endpoint a")


def its_owner_changes(inventory: InMemoryInventory) -> None:
    inventory.endpoints["a"].tags["owner"] = "me"


def the_records_are_hidden(inventory: InMemoryInventory) -> None:
    inventory.unreadable.add(BUCKET)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (a_lease_is_taken, "run run-9 is deploying to it"),
        (it_is_updated, "changed since the plan"),
        (it_is_updating, "it is Updating: wait until it has ended"),
        (it_is_protected, "protected: protect=true"),
        (its_tags_are_hidden, "its tags cannot be read: AccessDeniedException"),
        (it_is_called, "not selected: 1 invocation in 7 days"),
        (its_description_is_hidden, "it cannot be described any more"),
        (its_owner_changes, "not selected: tag owner"),
        (the_records_are_hidden, "leases and roll-back targets cannot be read: NoSuchBucket"),
    ],
)
def test_an_endpoint_is_looked_at_again_before_it_goes(
    inventory: InMemoryInventory, change: Callable[[InMemoryInventory], None], reason: str
) -> None:
    inventory.endpoints["a"].tags["owner"] = "them"
    planned = chain(inventory, idle_days=7, tags={"owner": "them"}, with_dependents=True)
    change(inventory)
    assert outcomes(inventory, planned) == {
        "endpoint a": f"kept: {reason}",
        "endpoint_config a": "kept: endpoint a needs it and was not deleted",
        "model a": "kept: endpoint configuration a needs it and was not deleted",
    }
    assert inventory.deleted == []


@pytest.fixture
def orphans(inventory: InMemoryInventory) -> Chain:
    """An unused configuration and its model, about to go."""
    inventory.configs["o"] = Made(uses=("o",))
    inventory.models["o"] = Made()
    return chain(inventory, orphaned=True)


def test_a_configuration_that_an_endpoint_uses_by_now_stays(inventory: InMemoryInventory, orphans: Chain) -> None:
    inventory.endpoints["a"].uses = ("a", "o")
    inventory.endpoints["a"].changed_at = inventory.now + LATER
    assert outcomes(inventory, orphans) == {
        "endpoint_config o": "kept: endpoint a uses it by now",
        "model o": "kept: endpoint configuration o needs it and was not deleted",
    }


def test_a_configuration_stays_when_a_changed_endpoint_cannot_be_described(
    inventory: InMemoryInventory, orphans: Chain
) -> None:
    inventory.endpoints["a"].changed_at = inventory.now + LATER
    inventory.unreadable.add("describe endpoint a")
    assert outcomes(inventory, orphans)["endpoint_config o"] == (
        "kept: endpoint a cannot be described: AccessDeniedException"
    )


def test_the_roll_back_target_of_an_endpoint_that_is_kept_after_all_stays(inventory: InMemoryInventory) -> None:
    inventory.configs["before"] = Made()
    inventory.targets = {"before": ("a", "b")}
    inventory.endpoints["b"] = Made(uses=("before",))
    planned = chain(inventory, include=["*"], with_dependents=True)
    inventory.endpoints["a"].tags["protect"] = "true"
    assert outcomes(inventory, planned)["endpoint_config before"] == "kept: endpoint a needs it and was not deleted"


def test_the_roll_back_target_of_an_endpoint_that_is_back_since_the_plan_stays(
    inventory: InMemoryInventory, orphans: Chain
) -> None:
    inventory.targets = {"o": ("back",)}
    inventory.endpoints["back"] = Made(uses=("a",), age=-LATER)
    assert outcomes(inventory, orphans)["endpoint_config o"] == "kept: roll-back target of endpoint back"


def test_a_model_that_a_new_configuration_uses_stays(inventory: InMemoryInventory, orphans: Chain) -> None:
    inventory.configs["new"] = Made(uses=("o",), age=-LATER)
    assert outcomes(inventory, orphans) == {
        "endpoint_config o": "deleted: ",
        "model o": "kept: endpoint configuration new uses it by now",
    }


def test_a_model_stays_when_a_new_configuration_cannot_be_described(
    inventory: InMemoryInventory, orphans: Chain
) -> None:
    inventory.configs["new"] = Made(age=-LATER)
    inventory.unreadable.add("describe endpoint configuration new")
    assert (
        outcomes(inventory, orphans)["model o"]
        == "kept: endpoint configuration new cannot be described: AccessDeniedException"
    )


def test_what_was_made_again_under_the_same_name_stays(inventory: InMemoryInventory, orphans: Chain) -> None:
    inventory.models["o"] = Made(age=-LATER)
    assert outcomes(inventory, orphans)["model o"] == "kept: changed since the plan"


def test_what_a_deploying_run_made_stays(inventory: InMemoryInventory, orphans: Chain) -> None:
    inventory.configs["o"].tags["run-name"] = "run-9"
    inventory.holders["elsewhere"] = "run-9"
    assert outcomes(inventory, orphans)["endpoint_config o"] == "kept: run run-9, which made it, is deploying"


def test_only_what_changed_is_described_again(inventory: InMemoryInventory, orphans: Chain) -> None:
    inventory.serve("new", Made(age=-LATER))
    inventory.asked.clear()
    outcomes(inventory, orphans)
    described = {fact for fact in inventory.asked if fact.startswith("describe")}
    assert described == {"describe endpoint new", "describe endpoint configuration new"}
