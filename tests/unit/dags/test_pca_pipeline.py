from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from sagemaker_pca.run import tasks
from sagemaker_pca.settings.form import form_fields
from sagemaker_pca.settings.layers import as_json, deployment_names
from sagemaker_pca.settings.pipeline import PcaRunConfig

PROJECT = Path(__file__).parents[3]
PACKAGE = PROJECT / "plugins" / "sagemaker_pca"

EDGES = {
    "preflight": {"stage_inputs"},
    "stage_inputs": {"start_profiling", "start_processing"},
    "start_profiling": {"wait_for_profiling"},
    "wait_for_profiling": {"start_processing"},
    "start_processing": {"wait_for_processing"},
    "wait_for_processing": {"start_training"},
    "start_training": {"wait_for_training"},
    "wait_for_training": {"evaluate_model"},
    "evaluate_model": {"approve"},
    "approve": {"create_model"},
    "create_model": {"create_endpoint_config"},
    "create_endpoint_config": {"deploy_endpoint"},
    "deploy_endpoint": {"wait_for_endpoint"},
    "wait_for_endpoint": {"smoke_test"},
    "smoke_test": {"roll_back"},
    "roll_back": {"wait_for_roll_back"},
    "wait_for_roll_back": {"finish_deployment"},
    "finish_deployment": {"publish_report"},
    "publish_report": set(),
}
RUN_WHATEVER_HAPPENED = {"roll_back", "wait_for_roll_back", "finish_deployment", "publish_report"}


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(PROJECT / "dags", bundle_name="testing")


@pytest.fixture(scope="module")
def dag(bag: DagBag) -> Any:
    return bag.dags["pca_pipeline"]


def test_no_log_shows_the_document_that_a_task_hands_on(bag: DagBag) -> None:
    shown = {
        (dag_id, task.task_id)
        for dag_id, dag in bag.dags.items()
        for task in dag.tasks
        if getattr(task, "show_return_value_in_logs", False)
    }
    assert shown == {("pca_batch_transform", "delete_model")}, "which hands nothing on"


def test_every_dag_comes_along_under_the_name_of_its_file(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == {path.stem for path in (PROJECT / "dags").glob("*.py")} - {"default_dags"}


def test_the_tasks_wait_for_each_other_as_designed(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == EDGES


def test_roll_back_and_report_run_even_when_the_run_is_marked_failed(dag: Any) -> None:
    assert {task.task_id for task in dag.tasks if task.is_teardown} == RUN_WHATEVER_HAPPENED
    others = {task.trigger_rule for task in dag.tasks if not task.is_teardown}
    assert others == {"all_success", "none_failed_min_one_success"}


def test_a_failed_report_fails_the_run(dag: Any) -> None:
    assert [task.task_id for task in dag.tasks if task.on_failure_fail_dagrun] == ["publish_report"]


def test_a_skipped_profile_stops_nothing_while_skipped_inputs_stop_everything(dag: Any) -> None:
    (tolerant,) = (task for task in dag.tasks if task.trigger_rule == "none_failed_min_one_success")
    assert tolerant.task_id == "start_processing"
    assert tolerant.upstream_task_ids == {"wait_for_profiling", "stage_inputs"}


def test_the_run_ends_as_its_report_says(dag: Any) -> None:
    assert [task.task_id for task in dag.leaves] == ["publish_report"]


def test_every_task_retries_by_the_class_of_the_error_and_keeps_its_failure(dag: Any) -> None:
    for task in dag.tasks:
        assert task.retries > 0, task.task_id
        assert type(task.retry_policy).__name__ == "SageMakerRetryPolicy", task.task_id
        assert [callback.__name__ for callback in task.on_failure_callback] == ["record_failure"], task.task_id


def test_waits_take_no_worker_slot(dag: Any) -> None:
    assert all(task.deferrable for task in dag.tasks if task.task_id.split(".")[-1].startswith("wait_for_"))


def test_the_form_offers_every_setting_of_a_pipeline_filled_in(dag: Any) -> None:
    fields = form_fields(PcaRunConfig, {})
    assert set(dag.params) == PcaRunConfig.model_fields.keys() - deployment_names(PcaRunConfig)
    assert dag.params.dump() == {name: as_json(PcaRunConfig.model_fields[name].default) for name in fields}
    schemas = {name: dag.params.get_param(name).schema for name in dag.params}
    assert schemas["num_components"]["minimum"] == 1
    assert {name: schema["section"] for name, schema in schemas.items()} == {
        name: field["section"] for name, field in fields.items()
    }


def test_the_schedule_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch, dag: Any) -> None:
    assert dag.schedule is None
    monkeypatch.setenv("SAGEMAKER_PCA_SCHEDULE", "@daily")
    scheduled = DagBag(PROJECT / "dags", bundle_name="testing").dags["pca_pipeline"]
    assert str(scheduled.schedule) == "@daily"
    assert scheduled.catchup is False


def test_the_tasks_are_those_that_the_rest_of_the_package_names(bag: DagBag) -> None:
    in_dags = {task.task_id for name in ("pca_pipeline", "pca_batch_transform") for task in bag.dags[name].tasks}
    named = {value for name, value in vars(tasks).items() if name.isupper() and value == name.lower()}
    assert in_dags - named == {"delete_model", "check_projections", "tell_drift"}, "nobody reads what these leave"
    assert named <= in_dags
