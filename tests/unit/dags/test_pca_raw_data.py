from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

DAGS = Path(__file__).parents[3] / "dags"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/raw-data"
EVERYTHING = {
    "SAGEMAKER_PCA_SCHEDULE": "raw-data or @daily",
    "SAGEMAKER_PCA_RAW_DATA_SCHEDULE": "*/10 * * * *",
    "SAGEMAKER_PCA_EVENTS_QUEUE_URL": QUEUE_URL,
    "SAGEMAKER_PCA_SETTLE_SECONDS": "5",
}


def parsed(dag_id: str) -> Any:
    bag = DagBag(DAGS / "default_dags.py", bundle_name="testing")
    assert bag.import_errors == {}
    return bag.dags[dag_id]


def stored(dag: Any) -> Any:
    """The DAG as the scheduler reads it from the database."""
    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))


@pytest.fixture
def fully_scheduled(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EVERYTHING.items():
        monkeypatch.setenv(name, value)


def test_its_one_task_reads_and_updates_the_asset() -> None:
    (task,) = parsed("pca_raw_data").tasks
    assert [asset.name for asset in task.inlets] == ["pca_pipeline_raw_data"]
    assert [asset.name for asset in task.outlets] == ["pca_pipeline_raw_data"]


def test_a_look_takes_no_worker_slot_while_data_settles(fully_scheduled: None) -> None:
    (task,) = parsed("pca_raw_data").tasks
    assert task.mode == "reschedule"
    assert task.poke_interval == task.settle_seconds == 5


def test_it_looks_once_at_a_time_and_retries_by_the_class_of_the_error() -> None:
    dag = parsed("pca_raw_data")
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    for task in dag.tasks:
        assert task.retries > 0
        assert type(task.retry_policy).__name__ == "SageMakerRetryPolicy"


def test_neither_dag_runs_by_itself_unless_the_environment_says_so() -> None:
    assert parsed("pca_raw_data").schedule is None
    assert parsed("pca_pipeline").schedule is None


def test_the_pipeline_waits_for_the_very_asset_that_is_updated(fully_scheduled: None) -> None:
    (updated,) = parsed("pca_raw_data").tasks[0].outlets
    (awaited,) = parsed("pca_pipeline").schedule.asset_condition.objects
    assert (awaited.name, awaited.uri) == (updated.name, updated.uri)


@pytest.mark.parametrize(
    ("dag_id", "summary", "asset"),
    [
        ("pca_pipeline", "Asset or 0 0 * * *", "pca_pipeline_raw_data"),
        ("pca_raw_data", "Asset or */10 * * * *", "pca_pipeline_s3_events"),
    ],
)
def test_the_scheduler_reads_schedules_by_time_or_asset_from_the_database(
    fully_scheduled: None, dag_id: str, summary: str, asset: str
) -> None:
    timetable = stored(parsed(dag_id)).timetable
    assert timetable.summary == summary
    assert [item.name for _, item in timetable.asset_condition.iter_assets()] == [asset]


def test_the_scheduler_reads_the_watched_queue_from_the_database(fully_scheduled: None) -> None:
    document = json.dumps(DagSerialization.to_dict(parsed("pca_raw_data")))
    assert QUEUE_URL in document
    assert len(document) < 10_000


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("SAGEMAKER_PCA_SCHEDULE", "schedule='@daily or soon' of pca_pipeline"),
        ("SAGEMAKER_PCA_SETTLE_SECONDS", "SAGEMAKER_PCA_SETTLE_SECONDS=@daily or soon"),
    ],
)
def test_a_variable_that_makes_no_sense_shows_as_an_import_error(
    monkeypatch: pytest.MonkeyPatch, name: str, named: str
) -> None:
    monkeypatch.setenv(name, "@daily or soon")
    (error,) = DagBag(DAGS / "default_dags.py", bundle_name="testing").import_errors.values()
    assert named in error
