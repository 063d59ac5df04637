from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, MODEL
from sagemaker_pca.sweep.chains import Chain
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.deletion import ChainDeletion
from sagemaker_pca.sweep.deletion_plan import plan_deletion
from tests.unit.sagemaker_pca.sweep.in_memory_estate import InMemoryEstate, Made, arn

BUCKET = "bucket"
LATER = timedelta(seconds=5)


@pytest.fixture
def estate() -> InMemoryEstate:
    estate = InMemoryEstate()
    estate.serve("a", Made(invocations={"v": 0.0}))
    return estate


def chain(estate: InMemoryEstate, **settings: Any) -> Chain:
    """The one chain of a sweep, as it comes out of XCom."""
    options = {"command": "sweep", "dry_run": False, "max_delete_percent": 100, **settings}
    plan = plan_deletion(estate, EndpointCommand.model_validate(options), BUCKET, estate.now)
    (found,) = plan.chains
    return Chain.model_validate_json(found.model_dump_json())


def outcomes(estate: InMemoryEstate, chain: Chain) -> dict[str, str]:
    return {f"{item.kind} {item.name}": f"{item.outcome}: {item.reason}" for item in ChainDeletion(estate, chain).run()}


def test_a_chain_is_deleted_in_order(estate: InMemoryEstate) -> None:
    assert set(outcomes(estate, chain(estate, include=["a"], with_dependents=True)).values()) == {"deleted: "}
    assert estate.deleted == [(ENDPOINT, "a"), (ENDPOINT_CONFIG, "a"), (MODEL, "a")]


def test_what_is_gone_already_is_fine(estate: InMemoryEstate) -> None:
    planned = chain(estate, include=["a"], with_dependents=True)
    del estate.endpoints["a"]
    del estate.models["a"]
    assert outcomes(estate, planned) == {
        "endpoint a": "gone: deleted already",
        "endpoint_config a": "deleted: ",
        "model a": "gone: deleted already",
    }


def test_a_failure_keeps_what_depends_on_it_and_is_raised_in_the_end(estate: InMemoryEstate) -> None:
    estate.endpoints["b"] = Made(uses=("a",))
    planned = chain(estate, include=["*"], with_dependents=True)
    estate.refuses_to_delete.add("b")
    deletion = ChainDeletion(estate, planned)
    assert [item.outcome for item in deletion.run()] == ["deleted", "failed", "kept", "kept"]
    assert [str(error) for error in deletion.errors] == ["b may not be deleted"]
    assert outcomes(estate, planned)["endpoint_config a"] == "kept: endpoint b uses it and was not deleted"


def a_lease_is_taken(estate: InMemoryEstate) -> None:
    estate.holders["a"] = "run-9"


def it_is_updated(estate: InMemoryEstate) -> None:
    estate.endpoints["a"].changed_at = estate.now + LATER


def it_is_updating(estate: InMemoryEstate) -> None:
    estate.endpoints["a"].status = "Updating"


def it_is_protected(estate: InMemoryEstate) -> None:
    estate.endpoints["a"].tags["protect"] = "true"


def its_tags_are_hidden(estate: InMemoryEstate) -> None:
    estate.unreadable.add(arn(ENDPOINT, "a"))


def it_is_called(estate: InMemoryEstate) -> None:
    estate.endpoints["a"].invocations["v"] = 1.0


def its_description_is_hidden(estate: InMemoryEstate) -> None:
    estate.unreadable.add("describe endpoint a")


def its_owner_changes(estate: InMemoryEstate) -> None:
    estate.endpoints["a"].tags["owner"] = "me"


def the_records_are_hidden(estate: InMemoryEstate) -> None:
    estate.unreadable.add(BUCKET)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (a_lease_is_taken, "run run-9 is deploying to it"),
        (it_is_updated, "changed since the plan"),
        (it_is_updating, "it is Updating: wait until it has ended"),
        (it_is_protected, "protected: protect=true"),
        (its_tags_are_hidden, "its tags cannot be read: AccessDeniedException"),
        (it_is_called, "not selected: 1 invocations in 7 days"),
        (its_description_is_hidden, "it cannot be described any more"),
        (its_owner_changes, "not selected: tag owner"),
        (the_records_are_hidden, "leases and roll-back targets cannot be read: NoSuchBucket"),
    ],
)
def test_an_endpoint_is_looked_at_again_before_it_goes(
    estate: InMemoryEstate, change: Callable[[InMemoryEstate], None], reason: str
) -> None:
    estate.endpoints["a"].tags["owner"] = "them"
    planned = chain(estate, idle_days=7, tags={"owner": "them"}, with_dependents=True)
    change(estate)
    assert outcomes(estate, planned) == {
        "endpoint a": f"kept: {reason}",
        "endpoint_config a": "kept: endpoint a uses it and was not deleted",
        "model a": "kept: endpoint configuration a uses it and was not deleted",
    }
    assert estate.deleted == []


@pytest.fixture
def orphans(estate: InMemoryEstate) -> Chain:
    """An unused configuration and its model, about to go."""
    estate.configs["o"] = Made(uses=("o",))
    estate.models["o"] = Made()
    return chain(estate, orphaned=True)


def test_a_configuration_that_an_endpoint_uses_by_now_stays(estate: InMemoryEstate, orphans: Chain) -> None:
    estate.endpoints["a"].uses = ("a", "o")
    estate.endpoints["a"].changed_at = estate.now + LATER
    assert outcomes(estate, orphans) == {
        "endpoint_config o": "kept: endpoint a uses it by now",
        "model o": "kept: endpoint configuration o uses it and was not deleted",
    }


def test_a_configuration_stays_when_a_changed_endpoint_cannot_be_described(
    estate: InMemoryEstate, orphans: Chain
) -> None:
    estate.endpoints["a"].changed_at = estate.now + LATER
    estate.unreadable.add("describe endpoint a")
    assert outcomes(estate, orphans)["endpoint_config o"] == (
        "kept: endpoint a cannot be described: AccessDeniedException"
    )


def test_a_model_that_a_new_configuration_uses_stays(estate: InMemoryEstate, orphans: Chain) -> None:
    estate.configs["new"] = Made(uses=("o",), age=-LATER)
    assert outcomes(estate, orphans) == {
        "endpoint_config o": "deleted: ",
        "model o": "kept: configuration new uses it by now",
    }


def test_a_model_stays_when_a_new_configuration_cannot_be_described(estate: InMemoryEstate, orphans: Chain) -> None:
    estate.configs["new"] = Made(age=-LATER)
    estate.unreadable.add("describe configuration new")
    assert outcomes(estate, orphans)["model o"] == "kept: configuration new cannot be described: AccessDeniedException"


def test_what_was_made_again_under_the_same_name_stays(estate: InMemoryEstate, orphans: Chain) -> None:
    estate.models["o"] = Made(age=-LATER)
    assert outcomes(estate, orphans)["model o"] == "kept: changed since the plan"


def test_what_a_deploying_run_made_stays(estate: InMemoryEstate, orphans: Chain) -> None:
    estate.configs["o"].tags["run-name"] = "run-9"
    estate.holders["elsewhere"] = "run-9"
    assert outcomes(estate, orphans)["endpoint_config o"] == "kept: run run-9, which made it, is deploying"


def test_only_what_changed_is_described_again(estate: InMemoryEstate, orphans: Chain) -> None:
    estate.serve("new", Made(age=-LATER))
    estate.asked.clear()
    outcomes(estate, orphans)
    described = {fact for fact in estate.asked if fact.startswith("describe")}
    assert described == {"describe endpoint new", "describe configuration new"}
