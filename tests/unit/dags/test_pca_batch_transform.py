from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

DAG_FILE = Path(__file__).parents[3] / "dags" / "default_dags.py"
EDGES = {
    "preflight": {"stage_inputs"},
    "stage_inputs": {"start_processing"},
    "start_processing": {"wait_for_processing"},
    "wait_for_processing": {"create_model", "check_scores"},
    "create_model": {"start_transform", "delete_model"},
    "start_transform": {"wait_for_transform"},
    "wait_for_transform": {"delete_model", "check_projections"},
    "delete_model": set(),
    "check_projections": set(),
    "check_scores": {"tell_drift"},
    "tell_drift": set(),
}


@pytest.fixture(scope="module")
def dag() -> Any:
    return DagBag(DAG_FILE, bundle_name="testing").dags["pca_batch_transform"]


def test_the_tasks_wait_for_each_other_as_designed(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == EDGES


def test_the_model_is_deleted_however_the_transform_ends(dag: Any) -> None:
    rules = {task.task_id: task.trigger_rule for task in dag.tasks if task.trigger_rule != "all_success"}
    assert rules == {"delete_model": "all_done_setup_success"}


def test_clearing_the_transform_makes_its_model_again(dag: Any) -> None:
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    cleared = stored.partial_subset("start_transform", include_downstream=True, include_upstream=False)
    assert {"create_model", "delete_model"} <= set(cleared.task_dict)


def test_every_task_retries_by_the_class_of_the_error_and_keeps_its_failure(dag: Any) -> None:
    for task in dag.tasks:
        assert task.retries > 0, task.task_id
        assert type(task.retry_policy).__name__ == "SageMakerRetryPolicy", task.task_id
        assert [callback.__name__ for callback in task.on_failure_callback] == ["record_failure"], task.task_id
