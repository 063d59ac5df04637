"""The operators as other people's DAGs use them, against endpoints that really serve."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from botocore.exceptions import ClientError

from sagemaker_pca.endpoints.deletion_plan import plan_deletion
from sagemaker_pca.exceptions import DeletionRefusedError, InputError, SettingError, WaitTimeoutError
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.operators.endpoints import (
    SageMakerDeleteChainOperator,
    SageMakerEndpointCommandOperator,
    SageMakerSweepOperator,
)
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from tests.e2e.sagemaker_pca.endpoints.counted_calls import never_end_deletions, refuse
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import BUCKET, MANAGED, EmbeddedInventory
from tests.e2e.sagemaker_pca.running import first_event_now
from tests.run_plans import DEPLOYMENT_ID

# The hook's fixture sets the connection that the operators use.
pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("hook")]

PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat()
NONE_LEFT: dict[str, set[str]] = {"endpoint": set(), "endpoint_config": set(), "model": set()}
WHOLE_INVENTORY = {"max_delete_percent": 100, "poll_seconds": 0.1}


class Pushed(dict[str, Any]):
    """The part of a task instance that operators push to."""

    def xcom_push(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))


def execute(operator: Any, pushed: Pushed | None = None) -> Any:
    return operator.execute({"ti": Pushed() if pushed is None else pushed})


def outcomes(documents: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(item["kind"], item["name"], item["outcome"]) for item in documents]


def deleted(name: str) -> list[tuple[str, str, str]]:
    return [(kind, name, "deleted") for kind in ("endpoint", "endpoint_config", "model")]


def command(what: str, pushed: Pushed | None = None, **settings: Any) -> list[dict[str, Any]]:
    """Give a command; the chains that it plans."""
    settings = {"command": what, "poll_seconds": 0.1, **settings}
    chains: list[dict[str, Any]] = execute(SageMakerEndpointCommandOperator(task_id="t", settings=settings), pushed)
    return chains


def deletion(chain: dict[str, Any]) -> SageMakerDeleteChainOperator:
    return SageMakerDeleteChainOperator(task_id="t", chain=chain)


def test_lists_are_json_and_narrowed_down_by_name(inventory: EmbeddedInventory) -> None:
    inventory.serve("one")
    inventory.add_config("two", inventory.add_model("two"))

    def listed(what: str, **settings: Any) -> list[dict[str, Any]]:
        pushed = Pushed()
        assert command(what, pushed, **settings) == []
        found: list[dict[str, Any]] = pushed["result"]
        return found

    (endpoint,) = listed("list-endpoints")
    assert (endpoint["name"], endpoint["status"]) == ("one", "InService")
    assert [item["name"] for item in listed("list-endpoint-configs", include=["t*"])] == ["two"]
    assert [item["name"] for item in listed("list-models", exclude=["t*"])] == ["one"]


def test_an_endpoint_goes_with_its_configuration_and_model(inventory: EmbeddedInventory) -> None:
    inventory.serve("e")
    settings: dict[str, Any] = {"name": "e", "with_dependents": True, "dry_run": False}
    (chain,) = command("delete-endpoint", **settings)
    pushed = Pushed()
    assert outcomes(execute(deletion(chain), pushed)) == deleted("e") == outcomes(pushed["outcomes"])
    assert inventory.names() == NONE_LEFT
    assert command("delete-endpoint", **settings) == []


def slow_deletion(inventory: EmbeddedInventory) -> tuple[SageMakerDeleteChainOperator, TaskDeferred]:
    """A task whose endpoint is Deleting for as long as it looks itself, and how it waits."""
    inventory.serve("e")
    (chain,) = command("delete-endpoint", name="e", with_dependents=True, dry_run=False)
    operator = deletion(chain)
    never_end_deletions(operator.hook.conn)
    with pytest.raises(TaskDeferred) as caught:
        execute(operator)
    return operator, caught.value


def resume(operator: Any, deferral: TaskDeferred, event: Any, pushed: Pushed) -> Any:
    kwargs = json.loads(json.dumps(deferral.kwargs))
    return getattr(operator, deferral.method_name)({"ti": pushed}, event=event, **kwargs)


def test_while_an_endpoint_goes_its_task_waits_in_the_triggerer_and_then_deletes_the_rest(
    inventory: EmbeddedInventory,
) -> None:
    operator, deferral = slow_deletion(inventory)
    assert inventory.names()["endpoint_config"] == {"e"}
    inventory.sagemaker.delete_endpoint(EndpointName="e")
    event = first_event_now(deferral.trigger)
    assert outcomes(resume(deletion(operator.chain), deferral, event.payload, Pushed())) == deleted("e")
    assert inventory.names() == NONE_LEFT


def test_an_endpoint_that_does_not_go_in_time_fails_the_task_and_keeps_what_it_uses(
    inventory: EmbeddedInventory,
) -> None:
    operator, deferral = slow_deletion(inventory)
    pushed = Pushed()
    with pytest.raises(WaitTimeoutError, match=r"endpoint e is still Deleting\. Look at it in the console"):
        resume(operator, deferral, {"status": "timeout"}, pushed)
    assert [item["outcome"] for item in pushed["outcomes"]] == ["failed", "kept", "kept"]


def test_configurations_and_models_in_use_are_refused(inventory: EmbeddedInventory) -> None:
    inventory.serve("e")
    with pytest.raises(DeletionRefusedError, match="delete-endpoint-config e: endpoint e uses it"):
        command("delete-endpoint-config", name="e", dry_run=False)
    with pytest.raises(DeletionRefusedError, match="delete-model e: endpoint configuration e uses it"):
        command("delete-model", name="e", dry_run=False)


def test_configurations_and_models_that_nothing_uses_go(inventory: EmbeddedInventory) -> None:
    inventory.add_config("c", inventory.add_model("m"))
    for what, name in (("delete-endpoint-config", "c"), ("delete-model", "m")):
        (chain,) = command(what, name=name, dry_run=False)
        execute(deletion(chain))
    assert inventory.names() == NONE_LEFT


def test_what_others_made_goes_only_when_asked_for(inventory: EmbeddedInventory) -> None:
    inventory.add_model("m", tags={"managed-by": "somebody"})
    with pytest.raises(DeletionRefusedError, match="not tagged managed-by=sagemaker-pca"):
        command("delete-model", name="m", dry_run=False)
    (chain,) = command("delete-model", name="m", dry_run=False, managed_only=False)
    execute(deletion(chain))
    assert inventory.names() == NONE_LEFT


def test_what_was_asked_for_by_name_and_is_kept_in_the_end_fails_the_task(inventory: EmbeddedInventory) -> None:
    inventory.serve("e")
    (chain,) = command("delete-endpoint", name="e", dry_run=False)
    inventory.protect("e")
    with pytest.raises(DeletionRefusedError, match="delete-endpoint e: protected: protect=true"):
        execute(deletion(chain))
    assert inventory.names()["endpoint"] == {"e"}


def test_a_sweep_plans_what_the_chains_then_delete(inventory: EmbeddedInventory) -> None:
    inventory.serve("old", tags={"expires-at": PAST})
    inventory.serve("young")
    settings = {"expired": True, "with_dependents": True, "dry_run": False, **WHOLE_INVENTORY}
    pushed = Pushed()
    (chain,) = execute(SageMakerSweepOperator(task_id="t", settings=settings), pushed)
    actions = {(item["kind"], item["name"]): item["action"] for item in pushed["plan"]["resources"]}
    assert [key for key, action in actions.items() if action == "delete"] == [
        ("endpoint", "old"),
        ("endpoint_config", "old"),
        ("model", "old"),
    ]
    assert len(actions) == 6
    assert outcomes(execute(SageMakerDeleteChainOperator(task_id="t", chain=chain))) == deleted("old")
    assert inventory.names() == {"endpoint": {"young"}, "endpoint_config": {"young"}, "model": {"young"}}


def test_a_sweep_deletes_nothing_unless_told_to(inventory: EmbeddedInventory) -> None:
    inventory.serve("old", tags={"expires-at": PAST})
    pushed = Pushed()
    assert execute(SageMakerSweepOperator(task_id="t", settings={"expired": True, **WHOLE_INVENTORY}), pushed) == []
    assert [item["action"] for item in pushed["plan"]["resources"]] == ["delete"]


def test_a_sweep_beyond_its_caps_fails_before_anything_is_deleted(inventory: EmbeddedInventory) -> None:
    inventory.serve("old", tags={"expires-at": PAST})
    inventory.serve("older", tags={"expires-at": PAST})
    pushed = Pushed()
    operator = SageMakerSweepOperator(task_id="t", settings={"expired": True, "dry_run": False, "max_delete": 1})
    with pytest.raises(DeletionRefusedError, match="would delete 2 resources, more than max_delete=1"):
        execute(operator, pushed)
    assert pushed["plan"]["refusal"]


def test_idle_is_told_by_the_metrics_of_the_service(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    next_month = datetime.now(UTC) + timedelta(days=30)
    for name, invocations in (("idle", 0), ("called", 2)):
        inventory.serve(name)
        inventory.put_invocations(name, invocations, next_month - timedelta(days=2))
    inventory.serve("silent")
    plan = plan_deletion(
        hook, EndpointCommand(command="sweep", idle_days=7), next_month, bucket=BUCKET, deployment_id=DEPLOYMENT_ID
    )
    assert {item.name: (item.action, item.explanation) for item in plan.resources} == {
        "idle": ("delete", "idle for 7 days"),
        "called": ("keep", "not selected: 2 invocations in 7 days"),
        "silent": ("skip", "no metrics for 7 days: idle or not is unknown (see no_data_is_idle)"),
    }


def test_one_failure_neither_stops_nor_hides_the_other_deletions(
    inventory: EmbeddedInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory.serve("a")
    inventory.add_endpoint("b", "a")
    settings = {"include": ["*"], "with_dependents": True, "dry_run": False, **WHOLE_INVENTORY}
    (chain,) = execute(SageMakerSweepOperator(task_id="t", settings=settings))
    operator = SageMakerDeleteChainOperator(task_id="t", chain=chain)
    refuse_deletion_of(operator.hook, "a", monkeypatch)
    pushed = Pushed()
    with pytest.raises(ClientError, match="You may not"):
        execute(operator, pushed)
    assert outcomes(pushed["outcomes"]) == [
        ("endpoint", "a", "failed"),
        ("endpoint", "b", "deleted"),
        ("endpoint_config", "a", "kept"),
        ("model", "a", "kept"),
    ]


def refuse_deletion_of(hook: SageMakerInventoryHook, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AWS refuse the deletion of one endpoint."""
    other = SageMakerInventoryHook(aws_conn_id="aws_default")
    refuse(other.conn, "DeleteEndpoint")
    delete = {True: other.delete_resource, False: hook.delete_resource}
    monkeypatch.setattr(hook, "delete_resource", lambda kind, one: delete[one == name](kind, one))


def test_a_description_tells_models_tags_and_cost(inventory: EmbeddedInventory) -> None:
    inventory.serve("e")
    pushed = Pushed()
    assert command("describe-endpoint", pushed, name="e", hourly_prices={"ml.m5.large": 0.1}) == []
    result = pushed["result"]
    assert (result["EndpointStatus"], result["EndpointConfigName"], result["models"]) == ("InService", "e", ["e"])
    assert (result["hourly_cost"], result["monthly_cost"]) == (0.1, 73.0)
    assert result["tags"] == MANAGED


def test_describing_what_is_not_there_says_so() -> None:
    with pytest.raises(InputError, match="endpoint e does not exist"):
        command("describe-endpoint", name="e")


def test_the_deployment_sets_prices_and_caps_for_every_operator(
    inventory: EmbeddedInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory.serve("e", tags={"expires-at": PAST})
    variable = {"hourly_prices": {"ml.m5.large": 0.2}, "max_delete_percent": 100}
    monkeypatch.setenv("AIRFLOW_VAR_SAGEMAKER_PCA", json.dumps(variable))
    pushed = Pushed()
    execute(SageMakerSweepOperator(task_id="t", settings={"expired": True}), pushed)
    assert [item["hourly_cost"] for item in pushed["plan"]["resources"]] == [0.2]
    assert pushed["plan"]["refusal"] is None


def test_a_misspelt_setting_is_refused_by_name() -> None:
    with pytest.raises(SettingError, match=r"idle_day in params is no setting.*Did you mean idle_days\?"):
        execute(SageMakerSweepOperator(task_id="t", settings={"idle_day": 7}))
