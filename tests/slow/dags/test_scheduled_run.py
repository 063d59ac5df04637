"""A run that Airflow's own services carry out, started through the REST API without a logical date."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from quickstart.sample_ecg import write_recordings
from sagemaker_pca.report.document import Verdict
from sagemaker_pca.report.wording import verdict_line
from sagemaker_pca.run.locations import run_name, split_s3_uri
from tests.airflow_api import DagRun
from tests.airflow_services import AirflowServices
from tests.pipeline_process import PipelineClient
from tests.run_plans import DEPLOYMENT_ID
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RUN_SECONDS = 480
DATE_AND_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")
TASKS_WITH_NOTHING_TO_DO = ["start_profiling", "wait_for_profiling", "roll_back", "wait_for_roll_back"]
TASKS_THAT_RETURN = [
    "preflight",
    "stage_inputs",
    "start_processing",
    "wait_for_processing",
    "start_training",
    "wait_for_training",
    "evaluate_model",
    "approve",
    "create_model",
    "create_endpoint_config",
    "deploy_endpoint",
    "wait_for_endpoint",
    "smoke_test",
    "publish_report",
]


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    """An embedded service whose jobs and endpoints take longer to start than a busy machine's task takes to defer."""
    slow_start = {
        "SAGEMAKER_LOCAL_JOB_STARTING_SECONDS": "15",
        "SAGEMAKER_LOCAL_ENDPOINT_CREATING_SECONDS": "15",
    }
    with ServiceProcess(slow_start) as service:
        yield service.url


@pytest.fixture(scope="module")
def airflow(service_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowServices]:
    """Airflow's services, until the module's tests are done."""
    services = AirflowServices(service_url, tmp_path_factory.mktemp("air flow"))
    with services:
        yield services
    assert services.processes() == []
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", services.port)) != 0, "the api-server's port is still open"


@pytest.fixture(scope="module")
def pipeline(service_url: str, tmp_path_factory: pytest.TempPathFactory) -> PipelineClient:
    """Sample recordings in place."""
    pipeline = PipelineClient(service_url, "scheduled")
    for path in write_recordings(tmp_path_factory.mktemp("recordings"), recordings=2, seconds=10):
        pipeline.upload_raw(path)
    return pipeline


@pytest.fixture(scope="module")
def run(airflow: AirflowServices, pipeline: PipelineClient) -> DagRun:
    """A run without a logical date that has ended."""
    run = airflow.api.trigger("pca_pipeline", "scheduled", pipeline.conf())
    run.wait_until_ended(RUN_SECONDS)
    return run


def test_run_without_a_logical_date_deploys_a_verified_model(run: DagRun, pipeline: PipelineClient) -> None:
    states = run.task_states()
    assert {states.pop(task_id) for task_id in TASKS_WITH_NOTHING_TO_DO} == {"skipped"}
    assert set(states.values()) == {"success"}, states
    assert max(task["try_number"] for task in run.tasks().values()) == 1, "a task was tried again"
    assert run.state() == "success"
    name = run_name(DEPLOYMENT_ID, "pca_pipeline", run.run_id)
    assert pipeline.report(name).run.verdict is Verdict.PROMOTED
    assert pipeline.serving_config() == name
    assert len(pipeline.project([[0.1, 0.2, 0.3, 0.4]])[0]) == 3


@pytest.mark.parametrize(
    ("task_id", "line"),
    [
        ("wait_for_processing", "10,000 rows"),
        ("wait_for_training", "#throughput_metric"),
    ],
)
def test_waits_are_deferred_and_their_logs_show_the_jobs_own_lines(run: DagRun, task_id: str, line: str) -> None:
    assert run.try_states(task_id) == ["success"]
    assert run.was_in_triggerer(task_id)
    assert line in run.log(task_id)


def test_results_are_plain_json_with_iso_dates(run: DagRun) -> None:
    results = {task_id: run.xcom(task_id) for task_id in TASKS_THAT_RETURN}
    text = json.dumps(results)
    assert "datetime" not in text
    assert "__classname__" not in text
    dates = list(dates_in(results))
    assert len(dates) >= 6
    assert all(datetime.fromisoformat(date).tzinfo for date in dates)


def test_other_dags_learn_of_the_model_from_an_asset_event(
    run: DagRun, airflow: AirflowServices, pipeline: PipelineClient
) -> None:
    found = airflow.api.call("GET", "assets/events", name_pattern="pca_pipeline_model")["asset_events"]
    (told,) = (event["extra"] for event in found if event["source_run_id"] == run.run_id)

    assert told["verdict"] == "promoted"
    assert told["rows"] == 10_000
    ratios = told["explained_variance_ratio"]
    assert len(ratios) == 3
    assert sum(ratios) > 0.9
    assert ratios == sorted(ratios, reverse=True)
    assert (told["endpoint_name"], told["endpoint_config_name"]) == (pipeline.endpoint_name, pipeline.serving_config())
    for uri in (told["artifact_uri"], told["report_uri"]):
        bucket, key = split_s3_uri(uri)
        assert pipeline.s3.head_object(Bucket=bucket, Key=key)["ContentLength"] > 0


def test_the_scheduler_notes_how_the_run_ended(run: DagRun, pipeline: PipelineClient) -> None:
    assert run.note() == verdict_line(pipeline.report(run_name(DEPLOYMENT_ID, "pca_pipeline", run.run_id)))


@pytest.fixture(scope="module")
def refused(airflow: AirflowServices, pipeline: PipelineClient) -> DagRun:
    """A run with a setting that preflight refuses."""
    refused = airflow.api.trigger("pca_pipeline", "refused", pipeline.conf(num_components=99))
    assert refused.wait_until_ended(RUN_SECONDS) == "failed"
    return refused


@pytest.fixture(scope="module")
def refused_note(refused: DagRun) -> str | None:
    """What was noted of it, before a person writes something else."""
    return refused.note()


def test_a_refused_setting_is_the_first_line_of_the_tasks_error_and_the_runs_note(
    refused: DagRun, refused_note: str | None
) -> None:
    sentence = "num_components=99 exceeds the 4 feature columns. Lower num_components or add columns."
    errors = [event for event in refused.events("preflight") if event.get("level") == "error"]

    assert [event["event"] for event in errors] == [sentence]
    assert not any("error_detail" in event for event in errors)
    assert refused_note == f"failed: preflight \N{EN DASH} {sentence}"
    assert refused.try_states("preflight") == ["failed"]


@pytest.mark.usefixtures("refused_note")
def test_the_note_that_a_person_wrote_stays_when_the_run_ends_again(refused: DagRun) -> None:
    refused.set_note("Known, see the ticket.")
    refused.clear("publish_report")
    assert refused.wait_until_ended_again(RUN_SECONDS) == "failed"
    assert refused.note() == "Known, see the ticket."


def dates_in(value: Any) -> Iterator[str]:
    """Every text in the value, however deep, that begins like a date and time."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from dates_in(item)
    if isinstance(value, str) and DATE_AND_TIME.match(value):
        yield value
