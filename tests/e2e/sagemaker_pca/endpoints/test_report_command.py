"""The last step of the DAG, with what its tasks can leave behind, good and bad."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sagemaker_pca.endpoints.deletion_plan import plan_deletion
from sagemaker_pca.exceptions import Failure, RunFailedError
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.run.tasks import RUN_NOTE_KEY
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from sagemaker_pca.steps.report_command import report_command
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import EmbeddedInventory
from tests.run_plans import PLACE

pytestmark = pytest.mark.e2e

SUCCESS = {"plan": "success", "approve": "skipped", "delete_0": "success", "delete_1": "success"}


class FinishedTasks:
    """A task instance that sees the states and XComs of the run's other tasks."""

    dag_id, run_id = "sagemaker_endpoints", "run-1"

    def __init__(self, states: dict[str, str], xcoms: dict[tuple[str, str], Any]) -> None:
        self._states, self._xcoms = states, xcoms
        self.note = ""

    def xcom_push(self, key: str, value: str) -> None:
        assert key == RUN_NOTE_KEY
        self.note = value

    def xcom_pull(self, task_ids: str | list[str], key: str = "return_value") -> Any:
        single = isinstance(task_ids, str)
        found = self._xcoms.get((task_ids if isinstance(task_ids, str) else task_ids[0], key))
        return found if single else found or [None]

    def get_task_states(self, dag_id: str, run_ids: list[str]) -> dict[str, dict[str, str]]:
        return {self.run_id: self._states}


@pytest.fixture
def plan(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> dict[str, Any]:
    for name in ("a", "b"):
        inventory.serve(name)
    command = EndpointCommand(command="sweep", include=("*",), dry_run=False, max_delete_percent=100)
    found = plan_deletion(hook, command, datetime.now(UTC), **PLACE)
    return found.model_dump(mode="json")


def report(hook: SageMakerInventoryHook, states: dict[str, str], xcoms: dict[tuple[str, str], Any]) -> Any:
    context: Any = {"ti": FinishedTasks(states, xcoms), "params": {"command": "list-endpoints"}}
    result = report_command(context, hook)
    assert context["ti"].note == f"list-endpoints: {len(result)} found"
    return result


def outcome(name: str, outcome: str = "deleted", reason: str = "") -> dict[str, str]:
    return {"kind": "endpoint", "name": name, "outcome": outcome, "reason": reason}


def test_a_failed_deletion_fails_the_run_and_hides_no_other(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory, plan: dict[str, Any]
) -> None:
    pushed = [[outcome("a", "failed", "AccessDenied")], [outcome("b")]]
    with pytest.raises(RunFailedError, match="incomplete: endpoint a failed: AccessDenied"):
        report(hook, SUCCESS | {"delete_0": "failed"}, {("plan", "plan"): plan, ("delete", "outcomes"): pushed})
    (kept,) = inventory.reports()
    assert kept["verdict"] == "incomplete"
    assert [item["outcome"] for item in kept["outcomes"]] == ["failed", "deleted"]


def test_a_task_that_was_killed_is_a_failure_too(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory, plan: dict[str, Any]
) -> None:
    with pytest.raises(RunFailedError, match="endpoint b failed: its task ended without a word"):
        report(
            hook,
            SUCCESS | {"delete_1": "failed"},
            {("plan", "plan"): plan, ("delete", "outcomes"): [[outcome("a")]]},
        )
    assert len(inventory.reports()) == 1


def test_a_question_that_nobody_answered_is_a_failure(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory, plan: dict[str, Any]
) -> None:
    states = {"plan": "success", "approve": "failed", "delete": "upstream_failed"}
    with pytest.raises(RunFailedError, match="the plan was not approved"):
        report(hook, states, {("plan", "plan"): plan})


def test_a_plan_that_failed_is_named_with_its_error(hook: SageMakerInventoryHook) -> None:
    states = {"plan": "failed", "approve": "upstream_failed", "delete": "upstream_failed"}
    failure = Failure(reason="idle_day in params is no setting.", hint="Correct it.").model_dump(mode="json")
    with pytest.raises(RunFailedError, match=r"failed: plan . idle_day in params is no setting\. Correct it\."):
        report(hook, states, {("plan", "failure"): failure})


def test_what_was_listed_is_the_result_of_the_run(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    states = {"plan": "success", "approve": "skipped", "delete": "skipped"}
    assert report(hook, states, {("plan", "result"): [{"name": "e"}]}) == [{"name": "e"}]
    assert inventory.reports() == []
