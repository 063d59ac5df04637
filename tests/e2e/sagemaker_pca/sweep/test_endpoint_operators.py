"""The operators as other people's DAGs use them, against endpoints that really serve."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_pca.estate_hook import SageMakerEstateHook
from sagemaker_pca.exceptions import DeletionRefusedError, InputError, SettingError
from sagemaker_pca.operators.endpoints import (
    SageMakerDeleteChainOperator,
    SageMakerDeleteEndpointConfigOperator,
    SageMakerDeleteEndpointOperator,
    SageMakerDeleteModelOperator,
    SageMakerEndpointCommandOperator,
    SageMakerListEndpointConfigsOperator,
    SageMakerListEndpointsOperator,
    SageMakerListModelsOperator,
    SageMakerSweepOperator,
)
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.deletion_plan import plan_deletion
from tests.e2e.sagemaker_pca.embedded_estate import BUCKET, EmbeddedEstate
from tests.e2e.sagemaker_pca.sweep.counted_calls import refuse

# The hook's fixture sets the connection that the operators use.
pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("hook")]

PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat()
NONE_LEFT: dict[str, set[str]] = {"endpoint": set(), "endpoint_config": set(), "model": set()}
WHOLE_ESTATE = {"max_delete_percent": 100, "poll_seconds": 0.1}


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


def test_lists_are_json_and_narrowed_down_by_name(estate: EmbeddedEstate) -> None:
    estate.serve("one")
    estate.add_config("two", estate.add_model("two"))
    (endpoint,) = execute(SageMakerListEndpointsOperator(task_id="t"))
    assert (endpoint["name"], endpoint["status"]) == ("one", "InService")
    configs = execute(SageMakerListEndpointConfigsOperator(task_id="t", settings={"include": ["t*"]}))
    models = execute(SageMakerListModelsOperator(task_id="t", settings={"exclude": ["t*"]}))
    assert [[item["name"] for item in listed] for listed in (configs, models)] == [["two"], ["one"]]


def test_an_endpoint_goes_with_its_configuration_and_model(estate: EmbeddedEstate) -> None:
    estate.serve("e")
    operator = SageMakerDeleteEndpointOperator(
        task_id="t", resource_name="e", settings={"with_dependents": True, "poll_seconds": 0.1}
    )
    pushed = Pushed()
    assert outcomes(execute(operator, pushed)) == deleted("e") == outcomes(pushed["outcomes"])
    assert estate.names() == NONE_LEFT
    assert execute(operator) == []


def test_configurations_and_models_in_use_are_refused(estate: EmbeddedEstate) -> None:
    estate.serve("e")
    with pytest.raises(DeletionRefusedError, match="delete-endpoint-config e: endpoint e uses it"):
        execute(SageMakerDeleteEndpointConfigOperator(task_id="t", resource_name="e"))
    with pytest.raises(DeletionRefusedError, match="delete-model e: configuration e uses it"):
        execute(SageMakerDeleteModelOperator(task_id="t", resource_name="e"))


def test_configurations_and_models_that_nothing_uses_go(estate: EmbeddedEstate) -> None:
    estate.add_config("c", estate.add_model("m"))
    execute(SageMakerDeleteEndpointConfigOperator(task_id="t", resource_name="c"))
    execute(SageMakerDeleteModelOperator(task_id="t", resource_name="m"))
    assert estate.names() == NONE_LEFT


def test_what_others_made_goes_only_when_asked_for(estate: EmbeddedEstate) -> None:
    estate.add_model("m", tags={"managed-by": "somebody"})
    with pytest.raises(DeletionRefusedError, match="not tagged managed-by=sagemaker-pca"):
        execute(SageMakerDeleteModelOperator(task_id="t", resource_name="m"))
    execute(SageMakerDeleteModelOperator(task_id="t", resource_name="m", settings={"managed_only": False}))
    assert estate.names() == NONE_LEFT


def test_a_sweep_plans_what_the_chains_then_delete(estate: EmbeddedEstate) -> None:
    estate.serve("old", tags={"expires-at": PAST})
    estate.serve("young")
    settings = {"expired": True, "with_dependents": True, "dry_run": False, **WHOLE_ESTATE}
    pushed = Pushed()
    (chain,) = execute(SageMakerSweepOperator(task_id="t", settings=settings), pushed)
    decisions = {(item["kind"], item["name"]): item["decision"] for item in pushed["plan"]["resources"]}
    assert [key for key, decision in decisions.items() if decision == "delete"] == [
        ("endpoint", "old"),
        ("endpoint_config", "old"),
        ("model", "old"),
    ]
    assert len(decisions) == 6
    assert outcomes(execute(SageMakerDeleteChainOperator(task_id="t", chain=chain))) == deleted("old")
    assert estate.names() == {"endpoint": {"young"}, "endpoint_config": {"young"}, "model": {"young"}}


def test_a_sweep_deletes_nothing_unless_told_to(estate: EmbeddedEstate) -> None:
    estate.serve("old", tags={"expires-at": PAST})
    pushed = Pushed()
    assert execute(SageMakerSweepOperator(task_id="t", settings={"expired": True, **WHOLE_ESTATE}), pushed) == []
    assert [item["decision"] for item in pushed["plan"]["resources"]] == ["delete"]


def test_a_sweep_beyond_its_caps_fails_before_anything_is_deleted(estate: EmbeddedEstate) -> None:
    estate.serve("old", tags={"expires-at": PAST})
    estate.serve("young")
    pushed = Pushed()
    operator = SageMakerSweepOperator(
        task_id="t", settings={"expired": True, "dry_run": False, "max_delete_percent": 40}
    )
    with pytest.raises(DeletionRefusedError, match=r"1 of 2 endpoints \(50 %\)"):
        execute(operator, pushed)
    assert pushed["plan"]["refusal"]


def test_idle_is_told_by_the_metrics_of_the_service(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    next_month = datetime.now(UTC) + timedelta(days=30)
    for name, invocations in (("idle", 0), ("called", 2)):
        estate.serve(name)
        estate.put_invocations(name, invocations, next_month - timedelta(days=2))
    estate.serve("silent")
    command = EndpointCommand(command="sweep", idle_days=7)
    plan = plan_deletion(hook, command, BUCKET, next_month)
    assert {item.name: (item.decision, item.reason) for item in plan.resources} == {
        "idle": ("delete", "idle for 7 days"),
        "called": ("keep", "not selected: 2 invocations in 7 days"),
        "silent": ("skip", "no metrics for 7 days: idle or not is unknown (see no_data_is_idle)"),
    }


def test_one_failure_neither_stops_nor_hides_the_other_deletions(
    estate: EmbeddedEstate, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate.serve("a")
    estate.add_endpoint("b", "a")
    settings = {"include": ["*"], "with_dependents": True, "dry_run": False, **WHOLE_ESTATE}
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


def refuse_deletion_of(hook: SageMakerEstateHook, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AWS refuse the deletion of one endpoint."""
    other = SageMakerEstateHook(aws_conn_id="aws_default")
    refuse(other.conn, "DeleteEndpoint")
    delete = {True: other.delete_resource, False: hook.delete_resource}
    monkeypatch.setattr(hook, "delete_resource", lambda kind, one: delete[one == name](kind, one))


def test_a_description_tells_models_tags_and_cost(estate: EmbeddedEstate) -> None:
    estate.serve("e")
    pushed = Pushed()
    settings = {"command": "describe-endpoint", "name": "e", "hourly_prices": {"ml.m5.large": 0.1}}
    assert execute(SageMakerEndpointCommandOperator(task_id="t", settings=settings), pushed) == []
    result = pushed["result"]
    assert (result["EndpointStatus"], result["EndpointConfigName"], result["models"]) == ("InService", "e", ["e"])
    assert (result["hourly_cost"], result["monthly_cost"]) == (0.1, 73.0)
    assert result["tags"] == {"managed-by": "sagemaker-pca"}


def test_describing_what_is_not_there_says_so() -> None:
    settings = {"command": "describe-endpoint", "name": "e"}
    with pytest.raises(InputError, match="endpoint e does not exist"):
        execute(SageMakerEndpointCommandOperator(task_id="t", settings=settings))


def test_the_deployment_sets_prices_and_caps_for_every_operator(
    estate: EmbeddedEstate, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate.serve("e", tags={"expires-at": PAST})
    variable = {"hourly_prices": {"ml.m5.large": 0.2}, "max_delete_percent": 100, "include": ["nothing"]}
    monkeypatch.setenv("AIRFLOW_VAR_SAGEMAKER_ENDPOINTS", json.dumps(variable))
    pushed = Pushed()
    execute(SageMakerSweepOperator(task_id="t", settings={"expired": True}), pushed)
    assert [item["hourly_cost"] for item in pushed["plan"]["resources"]] == [0.2]
    assert pushed["plan"]["refusal"] is None


def test_a_misspelt_setting_is_refused_by_name() -> None:
    with pytest.raises(SettingError, match=r"idle_day in params is no setting.*Did you mean idle_days\?"):
        execute(SageMakerSweepOperator(task_id="t", settings={"idle_day": 7}))
