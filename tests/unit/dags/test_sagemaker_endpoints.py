from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

from sagemaker_pca.settings.endpoint_command import EndpointCommand
from sagemaker_pca.settings.form import form_fields
from sagemaker_pca.steps import report_command

DAGS = Path(__file__).parents[3] / "dags"
EDGES = {
    "plan": {"approve", "delete", "stop", "start"},
    "approve": {"delete"},
    "delete": {"report"},
    "stop": {"report"},
    "start": {"report"},
    "report": set(),
}


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(DAGS, bundle_name="testing")


@pytest.fixture(scope="module")
def dag(bag: DagBag) -> Any:
    return bag.dags["sagemaker_endpoints"]


@pytest.fixture(scope="module")
def report_dag(bag: DagBag) -> Any:
    return bag.dags["sagemaker_endpoints_report"]


def test_deletions_wait_for_the_plan_and_its_approval(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == EDGES
    assert dag.get_task("delete").trigger_rule == "none_failed"


def test_deletions_are_mapped_over_the_chains_of_the_plan(dag: Any) -> None:
    delete = dag.get_task("delete")
    assert delete.is_mapped
    assert delete.expand_input.value["chain"].operator.task_id == "plan"


def test_the_report_is_written_whatever_happened_and_decides_the_run(dag: Any) -> None:
    assert dag.get_task("report").trigger_rule == "all_done"
    assert [task.task_id for task in dag.leaves] == ["report"]


def test_the_report_reads_from_tasks_that_exist(dag: Any) -> None:
    read = {report_command.PLAN_TASK, report_command.APPROVE_TASK, report_command.DELETE_TASK}
    read |= set(report_command.SWITCH_TASKS.values())
    assert read < set(dag.task_ids)


def test_every_task_retries_by_the_class_of_the_error(bag: DagBag) -> None:
    for name in ("sagemaker_endpoints", "sagemaker_endpoints_report"):
        for task in bag.dags[name].tasks:
            assert (task.retries or 0) > 0, task.task_id
            assert type(task.retry_policy).__name__ == "SageMakerRetryPolicy", task.task_id


def test_the_form_offers_every_setting_of_a_command(dag: Any) -> None:
    fields = form_fields(EndpointCommand, {})
    assert dag.params.dump() == {name: field["default"] for name, field in fields.items()}
    for name, field in fields.items():
        param = dag.params.get_param(name)
        assert (param.description, param.schema["section"]) == (field["description"], field["section"])


def test_it_runs_only_when_triggered_unless_the_environment_gives_a_schedule(
    dag: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dag.schedule is None
    monkeypatch.setenv("SAGEMAKER_ENDPOINTS_SCHEDULE", "@weekly")
    scheduled = DagBag(DAGS / "default_dags.py", bundle_name="testing").dags["sagemaker_endpoints"]
    assert str(scheduled.schedule) == "@weekly"
    assert scheduled.catchup is False


def test_the_daily_report_waits_paused_and_deletes_nothing(report_dag: Any) -> None:
    assert report_dag.schedule == "@daily"
    assert report_dag.is_paused_upon_creation
    assert report_dag.catchup is False
    assert {type(task).__name__ for task in report_dag.tasks} == {"SageMakerSweepOperator"}
    assert [task.settings["dry_run"] for task in report_dag.tasks] == [True, True]


def test_idle_and_expired_are_reported_apart_since_conditions_combine(report_dag: Any) -> None:
    assert report_dag.get_task("idle").settings["idle_days"] == 7
    assert report_dag.get_task("expired").settings["expired"]
    for task in report_dag.tasks:
        assert not task.downstream_task_ids
        EndpointCommand.model_validate({"command": "sweep", **task.settings})


def test_the_serialized_dags_stay_small(dag: Any, report_dag: Any) -> None:
    for one in (dag, report_dag):
        assert len(json.dumps(DagSerialization.to_dict(one))) < 30_000
