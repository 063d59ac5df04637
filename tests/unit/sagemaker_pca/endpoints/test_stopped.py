from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sagemaker_pca.endpoints.chains import Chain
from sagemaker_pca.endpoints.deletion import ChainDeletion
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan, plan_deletion
from sagemaker_pca.endpoints.listing import cost_document, list_matching
from sagemaker_pca.endpoints.records import Promotion, StoppedEndpoint
from sagemaker_pca.endpoints.stopped import InventoryWithStopped, refuse_stopped, stop_of
from sagemaker_pca.exceptions import DeletionRefusedError, DeploymentError
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from tests.run_plans import DEPLOYMENT_ID, PLACE
from tests.unit.sagemaker_pca.endpoints.in_memory_inventory import MANAGED, InMemoryInventory, Made, arn


class Records:
    """What is remembered, in memory: a `StopRecords`."""

    def __init__(self) -> None:
        self.stopped: dict[str, StoppedEndpoint] = {}

    def read(self) -> list[StoppedEndpoint]:
        return list(self.stopped.values())

    def find(self, endpoint_name: str) -> StoppedEndpoint | None:
        return self.stopped.get(endpoint_name)

    def forget(self, endpoint_name: str) -> None:
        self.stopped.pop(endpoint_name, None)


class Account:
    """An account with endpoints in service and stopped ones."""

    def __init__(self) -> None:
        self.aws, self.records = InMemoryInventory(), Records()
        self.inventory = InventoryWithStopped(self.aws, self.records)

    def stop(self, name: str, tags: dict[str, str] | None = None) -> None:
        """Serve something, and stop it."""
        self.aws.serve(name)
        del self.aws.endpoints[name]
        self.records.stopped[name] = StoppedEndpoint(
            endpoint_name=name,
            endpoint_arn=arn(ENDPOINT, name),
            endpoint_config_name=name,
            model_name=name,
            tags=MANAGED | (tags or {}),
            created_at=self.aws.now - timedelta(days=30),
            stopped_at=self.aws.now - timedelta(days=3),
            stopped_by="run-1",
        )

    def plan(self, command: str = "sweep", **settings: Any) -> DeletionPlan:
        caps = {"max_delete": 1000, "max_delete_percent": 100}
        made = EndpointCommand.model_validate({"command": command, **caps, **settings})
        return plan_deletion(self.inventory, made, self.aws.now, **PLACE)

    def carry_out(self, plan: DeletionPlan) -> dict[str, str]:
        found: dict[str, str] = {}
        for chain in plan.chains:
            deletion = ChainDeletion(self.inventory, Chain.model_validate(chain.model_dump()))
            assert deletion.advance() == []
            found |= {f"{one.kind} {one.name}": one.outcome for one in deletion.outcomes}
        return found


@pytest.fixture
def account() -> Account:
    return Account()


def decisions(plan: DeletionPlan) -> dict[str, str]:
    return {f"{item.kind} {item.name}": f"{item.action}: {item.explanation}" for item in plan.resources}


def test_lists_show_it_beside_the_others(account: Account) -> None:
    account.aws.serve("here")
    account.stop("away")
    listed = list_matching(account.inventory, ENDPOINT, EndpointCommand(), account.aws.now)
    assert {item.name: item.status for item in listed} == {"here": "InService", "away": "Stopped"}
    only = list_matching(account.inventory, ENDPOINT, EndpointCommand(statuses=("Stopped",)), account.aws.now)
    assert [item.name for item in only] == ["away"]


def test_one_that_aws_has_again_is_as_aws_says(account: Account) -> None:
    account.stop("a")
    assert account.inventory.find_resource(ENDPOINT, "a") is not None
    account.aws.endpoints["a"] = Made(tags=MANAGED | {"owner": "new"}, uses=("a",))
    (listed,) = account.inventory.list_resources(ENDPOINT)
    assert listed.status == "InService"
    assert account.inventory.read_current_tags(listed.arn) == MANAGED | {"owner": "new"}
    account.inventory.delete_resource(ENDPOINT, "a")
    assert account.aws.deleted == [(ENDPOINT, "a")]
    assert account.records.stopped == {}  # or the deleted endpoint would be a stopped one


def test_a_configuration_of_the_same_name_is_another_thing(account: Account) -> None:
    account.stop("a")
    (listed,) = account.inventory.list_resources(ENDPOINT)
    assert account.inventory.find_resource(ENDPOINT_CONFIG, "a") is not None
    assert account.inventory.read_current_tags(listed.arn) == MANAGED
    account.inventory.delete_resource(ENDPOINT_CONFIG, "a")
    assert account.records.stopped


def test_its_configuration_and_model_are_no_orphans(account: Account) -> None:
    account.stop("a")
    plan = account.plan(orphaned=True)
    assert decisions(plan) == {
        "endpoint_config a": "keep: endpoint a uses it",
        "model a": "keep: endpoint configuration a uses it",
    }
    assert "endpoint a uses it" in str(account.plan("delete-endpoint-config", name="a").refusal)


def test_a_stop_since_the_plan_keeps_the_configuration(account: Account) -> None:
    account.aws.serve("other")
    account.aws.configs["a"] = Made(uses=("a",))
    account.aws.models["a"] = Made()
    plan = account.plan(orphaned=True)
    assert [item.name for item in plan.going] == ["a", "a"]
    account.stop("a")
    stopped = account.records.stopped["a"]
    account.records.stopped["a"] = stopped.model_copy(update={"stopped_at": account.aws.now + timedelta(seconds=1)})
    assert account.carry_out(plan) == {"endpoint_config a": "kept", "model a": "kept"}


@pytest.mark.parametrize("conditions", [{"idle_days": 7, "no_data_is_idle": True}, {"include": ["*"]}])
def test_a_sweep_leaves_it_alone(account: Account, conditions: dict[str, Any]) -> None:
    account.stop("a")
    assert decisions(account.plan(**conditions)) == {"endpoint a": "keep: not selected: stopped, which costs nothing"}


@pytest.mark.parametrize("conditions", [{"expired": True}, {"statuses": ["Stopped"]}])
def test_a_sweep_that_means_it_forgets_it_and_takes_what_it_needed(
    account: Account, conditions: dict[str, Any]
) -> None:
    account.stop("a", {"expires-at": "2001-01-01"})
    account.stop("kept", {"expires-at": "2001-01-01", "protect": "true"})
    plan = account.plan(with_dependents=True, **conditions)
    assert account.carry_out(plan) == {"endpoint a": "deleted", "endpoint_config a": "deleted", "model a": "deleted"}
    assert set(account.records.stopped) == set(account.aws.configs) == {"kept"}


def test_deleting_it_by_name_is_forgetting_it(account: Account) -> None:
    account.stop("a")
    assert account.carry_out(account.plan("delete-endpoint", name="a")) == {"endpoint a": "deleted"}
    assert account.records.stopped == {}
    assert set(account.aws.configs) == {"a"}


def test_one_that_is_being_started_is_not_forgotten(account: Account) -> None:
    account.stop("a")
    account.aws.holders["a"] = "run-2"
    assert "run run-2 is deploying to it" in str(account.plan("delete-endpoint", name="a").refusal)


def test_its_description_says_what_it_will_be_started_with(account: Account) -> None:
    account.stop("a", {"owner": "team-a"})
    (listed,) = account.inventory.list_resources(ENDPOINT)
    document = cost_document(account.inventory, listed, {}, account.aws.now)
    assert document["models"] == ["a"]
    assert document["tags"] == MANAGED | {"owner": "team-a"}


ENDPOINT_NOW = {
    "EndpointName": "a",
    "EndpointArn": "arn",
    "EndpointConfigName": "c",
    "EndpointStatus": "InService",
    "CreationTime": "2026-01-01T00:00:00+00:00",
}
PROMOTED = Promotion(run_name="r", fingerprint="", endpoint_name="a", endpoint_config_name="c", model_name="m")


def stop_with(account: Account, **changes: Any) -> StoppedEndpoint:
    facts: dict[str, Any] = {"endpoint": ENDPOINT_NOW, "config": {}, "tags": MANAGED, "promotion": PROMOTED, **changes}
    return stop_of(
        **facts, deployment_id=DEPLOYMENT_ID, bucket=PLACE["bucket"], stopped_by="run-2", now=account.aws.now
    )


def test_what_it_served_is_remembered(account: Account) -> None:
    stopped = stop_with(account)
    assert (stopped.endpoint_config_name, stopped.model_name, stopped.tags) == ("c", "m", MANAGED)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"endpoint": {**ENDPOINT_NOW, "EndpointStatus": "Failed"}}, "it is Failed. Delete it"),
        ({"promotion": None}, "it serves c, and nothing is what"),
        ({"config": None}, "configuration c is gone"),
        ({"tags": {}}, "not tagged managed-by=sagemaker-pca."),
        ({"tags": {**MANAGED, "protect-until": "2999-01-01"}}, "protected: protect-until=2999-01-01."),
    ],
)
def test_what_could_not_come_back_or_must_stay_is_refused(
    account: Account, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(DeletionRefusedError) as refusal:
        stop_with(account, **changes)
    assert str(refusal.value).startswith(f"stop-endpoint a: {words}")


def test_a_deployment_to_a_stopped_one_says_since_when_and_how_to_go_on(account: Account) -> None:
    refuse_stopped(None)
    with pytest.raises(DeploymentError, match=r"endpoint a is stopped since .* UTC\. Start it with"):
        refuse_stopped(stop_with(account))
