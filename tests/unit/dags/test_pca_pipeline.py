import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from sagemaker_pca.run_config import PcaRunConfig
from sagemaker_pca.setting_layers import form_fields

PROJECT = Path(__file__).parents[3]
PACKAGE = PROJECT / "plugins" / "sagemaker_pca"

EDGES = {
    "preflight": {"stage_inputs"},
    "stage_inputs": {"features.start_profiling", "features.start_processing"},
    "features.start_profiling": {"features.wait_for_profiling"},
    "features.wait_for_profiling": {"features.start_processing"},
    "features.start_processing": {"features.wait_for_processing"},
    "features.wait_for_processing": {"training.start_training"},
    "training.start_training": {"training.wait_for_training"},
    "training.wait_for_training": {"evaluate_model"},
    "evaluate_model": {"deployment.create_model"},
    "deployment.create_model": {"deployment.create_endpoint_config"},
    "deployment.create_endpoint_config": {"deployment.deploy_endpoint"},
    "deployment.deploy_endpoint": {"deployment.wait_for_endpoint"},
    "deployment.wait_for_endpoint": {"deployment.smoke_test"},
    "deployment.smoke_test": {"deployment.roll_back"},
    "deployment.roll_back": {"publish_results"},
    "publish_results": set(),
}
RUN_WHATEVER_HAPPENED = {"deployment.roll_back", "publish_results"}
# Airflow's own, about how it reads plugins/.airflowignore.
ALLOWED_WARNINGS = ("GitWildMatchPattern",)
FORBIDDEN_IMPORTS = {
    "boto3.session",
    "sagemaker",
    "pandas",
    "matplotlib",
    "moto",
    "sklearn",
    "pyarrow",
    "numpy",
    "scipy",
}


@pytest.fixture(scope="session")
def parses(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two fresh processes report of parsing the DAG files, the order of sets differing between them."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow_home")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.unit.dags.parsing"],
            cwd=PROJECT,
            env={**environment, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    reports = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return [json.loads(report) for report in reports]


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(PROJECT / "dags", bundle_name="testing")


@pytest.fixture(scope="module")
def dag(bag: DagBag) -> Any:
    return bag.dags["pca_pipeline"]


def test_every_dag_file_is_found_by_airflow_under_its_own_name(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == {path.stem for path in (PROJECT / "dags").glob("*.py")}


def test_dag_files_parse_without_warnings(parses: list[dict[str, Any]]) -> None:
    assert [text for text in parses[0]["warnings"] if not any(name in text for name in ALLOWED_WARNINGS)] == []


def test_dag_files_import_nothing_heavy_beyond_the_providers_operators(parses: list[dict[str, Any]]) -> None:
    assert not FORBIDDEN_IMPORTS & set(parses[0]["modules"])


def test_steps_are_imported_by_their_tasks_and_not_by_the_dag_file(parses: list[dict[str, Any]]) -> None:
    assert not [name for name in parses[0]["modules"] if name.startswith("sagemaker_pca.steps.")]


def test_parsing_asks_no_service_and_no_database(parses: list[dict[str, Any]]) -> None:
    assert parses[0]["events"] == []


def test_parsing_looks_up_no_variable_and_no_connection(parses: list[dict[str, Any]]) -> None:
    assert parses[0]["lookups_are_noted"]
    assert parses[0]["lookups"] == []


def test_every_parse_gives_the_same_serialized_dag(parses: list[dict[str, Any]]) -> None:
    one, other = (json.dumps(parse["serialized"], sort_keys=True) for parse in parses)
    assert one == other


def test_the_serialized_dag_stays_small(parses: list[dict[str, Any]]) -> None:
    assert len(json.dumps(parses[0]["serialized"]["pca_pipeline"])) < 50_000


def test_the_tasks_wait_for_each_other_as_designed(dag: Any) -> None:
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == EDGES


def test_only_roll_back_and_report_run_whatever_happened(dag: Any) -> None:
    rules = {task.task_id: task.trigger_rule for task in dag.tasks}
    assert {task_id for task_id, rule in rules.items() if rule == "all_done"} == RUN_WHATEVER_HAPPENED
    assert set(rules.values()) == {"all_done", "all_success", "none_failed_min_one_success"}


def test_a_skipped_profile_stops_nothing_while_skipped_inputs_stop_everything(dag: Any) -> None:
    (tolerant,) = (task for task in dag.tasks if task.trigger_rule == "none_failed_min_one_success")
    assert tolerant.task_id == "features.start_processing"
    assert tolerant.upstream_task_ids == {"features.wait_for_profiling", "stage_inputs"}


def test_the_run_ends_as_its_report_says(dag: Any) -> None:
    assert [task.task_id for task in dag.leaves] == ["publish_results"]


def test_every_task_retries_by_the_class_of_the_error_and_keeps_its_failure(dag: Any) -> None:
    for task in dag.tasks:
        assert task.retries > 0, task.task_id
        assert type(task.retry_policy).__name__ == "SageMakerRetryPolicy", task.task_id
        assert [callback.__name__ for callback in task.on_failure_callback] == ["record_failure"], task.task_id


def test_waits_take_no_worker_slot(dag: Any) -> None:
    assert all(task.deferrable for task in dag.tasks if task.task_id.split(".")[-1].startswith("wait_for_"))


def test_the_form_offers_every_setting_and_sends_none(dag: Any) -> None:
    assert list(dag.params) == list(PcaRunConfig.model_fields)
    assert set(dag.params.dump().values()) == {None}
    schemas = {name: dag.params.get_param(name).schema for name in dag.params}
    assert schemas["num_components"]["minimum"] == 1
    assert {name: schema["section"] for name, schema in schemas.items()} == {
        name: field["section"] for name, field in form_fields(PcaRunConfig).items()
    }


def test_the_schedule_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch, dag: Any) -> None:
    assert dag.schedule is None
    monkeypatch.setenv("SAGEMAKER_PCA_SCHEDULE", "@daily")
    scheduled = DagBag(PROJECT / "dags", bundle_name="testing").dags["pca_pipeline"]
    assert str(scheduled.schedule) == "@daily"
    assert scheduled.catchup is False


def test_every_task_that_another_one_reads_from_exists(dag: Any) -> None:
    text = "".join(path.read_text() for path in [PACKAGE / "pipeline_run.py", *(PACKAGE / "steps").glob("*.py")])
    groups = "|".join(filter(None, dag.task_group.get_task_group_dict()))
    pulled = re.findall(r'\.(?:needed_)?result\("([\w.]+)"', text)
    named = re.findall(rf'"((?:{groups})\.\w+)"', text)
    assert {"preflight", "features.start_profiling", "evaluate_model", "deployment.smoke_test"} <= {*pulled, *named}
    assert {*pulled, *named} <= set(dag.task_ids)
