"""DAG files as users write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from tests.own_dags import write_dag_file

ECG = {"feature_columns": ["a", "b"], "num_components": 1, "endpoint_name": "ecg", "owner": "team-ecg"}


def bag(folder: Path, *calls: str) -> DagBag:
    return DagBag(write_dag_file(folder, *calls), bundle_name="testing")


def test_a_pipeline_takes_three_lines(tmp_path: Path) -> None:
    found = bag(tmp_path, f'pca_pipeline("ecg_weekly", schedule="@weekly", settings={ECG})')
    assert found.import_errors == {}
    dag: Any = found.dags["ecg_weekly"]
    assert str(dag.schedule) == "@weekly"
    assert dag.params.dump() | ECG == dag.params.dump()
    assert "poll_seconds" not in dag.params
    (outlet,) = dag.get_task("publish_report").outlets
    assert outlet.name == "ecg_weekly_model"


def test_as_many_as_one_likes_each_with_its_own_assets(tmp_path: Path) -> None:
    found = bag(tmp_path, *(f'pca_pipeline("p{number}", schedule="raw-data")' for number in range(3)))
    dags: list[Any] = [found.dags[f"p{number}"] for number in range(3)]
    assets = [dag.schedule[0].name for dag in dags]
    assert assets == ["p0_raw_data", "p1_raw_data", "p2_raw_data"]


def test_arguments_of_the_dag_are_airflows(tmp_path: Path) -> None:
    found = bag(tmp_path, 'pca_pipeline("p", max_active_runs=1, tags=["mine"])')
    assert (found.dags["p"].max_active_runs, set(found.dags["p"].tags)) == (1, {"mine"})


def test_a_batch_transform_and_the_looks_at_raw_data_follow_their_pipeline(tmp_path: Path) -> None:
    found = bag(
        tmp_path,
        f'ecg = pca_pipeline("ecg", schedule="raw-data", settings={ECG | {"raw_data_uri": "s3://b/ecg/"}})',
        'pca_batch_transform("ecg_batch", pipeline=ecg, settings={"max_payload_mb": 2})',
        'pca_raw_data("ecg_raw_data", pipeline=ecg)',
    )
    assert found.import_errors == {}
    transform = found.dags["ecg_batch"].params.dump()
    assert (transform["endpoint_name"], transform["owner"], transform["max_payload_mb"]) == ("ecg", "team-ecg", 2)
    pipeline: Any = found.dags["ecg"]
    look: Any = found.dags["ecg_raw_data"].get_task("notice_change")
    assert look.settings["raw_data_uri"] == "s3://b/ecg/"
    assert [asset.name for asset in look.outlets] == [pipeline.schedule[0].name]
    assert str(found.dags["ecg_raw_data"].schedule) == "@hourly"


@pytest.mark.parametrize(
    ("settings", "refusal"),
    [
        ({"num_component": 2}, "num_component in the DAG file's settings is no setting of this pipeline. Did you mean"),
        ({"num_components": 0}, "num_components=0 (pipeline): "),
        ({"num_components": 5}, "num_components=5 exceeds the 4 feature columns."),
    ],
)
def test_a_setting_that_cannot_work_shows_as_an_import_error(
    tmp_path: Path, settings: dict[str, Any], refusal: str
) -> None:
    (error,) = bag(tmp_path, f'pca_pipeline("p", settings={settings})').import_errors.values()
    assert refusal in error
