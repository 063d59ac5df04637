"""The trigger form, `airflow dags test` and the scheduler: one run for the same settings, on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from selenium import webdriver

from quickstart.sample_ecg import write_recordings
from quickstart.ui import DAG_ID
from sagemaker_pca.report.document import RunReport, Verdict
from sagemaker_pca.report.wording import verdict_line
from sagemaker_pca.run.locations import run_name
from tests.airflow_api import DagRun, wait_for
from tests.airflow_pages import AirflowPages
from tests.airflow_services import AirflowServices
from tests.own_dags import write_dag_file
from tests.pipeline_process import PipelineClient, PipelineProcess, dags_test, raw_csv
from tests.postgresql_server import PostgresqlServer
from tests.run_plans import DEPLOYMENT_ID, OWNER_TAGS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

WAYS = ("form", "dags-test", "schedule")
SCHEDULED_DAG_ID = "scheduled_pipeline"
RUN_SECONDS = 480
SCHEDULING_SECONDS = 120
# Longer than a task takes to begin waiting: its wait is then deferred to the triggerer.
TRAINING_DELAY_SECONDS = 20
# None at its default, and one for each kind of field that the form has: text, list, menu, number, yes or no.
SETTINGS = {
    "feature_columns": ["Ch5", "Ch6", "Ch8"],
    "missing_values": "drop",
    "scaling": "standardize",
    "num_components": 2,
    "min_explained_variance": 0.4,
    "force": True,
    "poll_seconds": 0.5,
}
TIMES = frozenset(
    {"started_at", "finished_at", "duration_seconds", "seconds", "billable_seconds", "latency_p50_ms", "latency_p95_ms"}
)
# A form and `-c` give settings to a run, the schedule leaves them to the DAG file: by design these do not agree here.
ORIGIN = "origin"


@pytest.fixture(scope="module")
def airflow(
    service_url: str, pipeline: PipelineClient, postgresql: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowServices]:
    """Airflow's services with a pipeline for the form, and one that was due an hour ago; both still paused."""
    due = datetime.now(UTC) - timedelta(hours=1)
    dags = write_dag_file(
        tmp_path_factory.mktemp("dags"),
        # The deployment's, which the form has where it is asked for.
        f'pca_pipeline({DAG_ID!r}, settings={{"poll_seconds": None}})',
        f"pca_pipeline({SCHEDULED_DAG_ID!r}, schedule='{due.minute} {due.hour} * * *', "
        f"settings={settings_of(pipeline, 'schedule')})",
    )
    paused = {"CORE__DAGS_ARE_PAUSED_AT_CREATION": "True"}
    home = tmp_path_factory.mktemp("air flow")
    with AirflowServices(service_url, home, paused, postgresql.url, dags) as services:
        yield services


@pytest.fixture(scope="module")
def earlier_model(service_url: str) -> str:
    """The endpoint configuration of a model that was trained on other data, outside of the Airflow under test."""
    earlier = PipelineProcess(service_url, "earlier")
    earlier.put_raw("recording.csv", raw_csv(rows=2000))
    run = earlier.run(feature_columns=SETTINGS["feature_columns"], num_components=SETTINGS["num_components"])
    assert run.exit_code == 0, run.log[-4000:]
    return run.report.run.run_name


@pytest.fixture(scope="module")
def pipeline(service_url: str, earlier_model: str, tmp_path_factory: pytest.TempPathFactory) -> PipelineClient:
    """Sample recordings in place, and for each way an endpoint of its own that serves the earlier model.

    So each run finds the same state of things, whichever came before it.
    """
    pipeline = PipelineClient(service_url, "ways")
    for path in write_recordings(tmp_path_factory.mktemp("recordings"), recordings=2, seconds=10):
        pipeline.upload_raw(path)
    for way in WAYS:
        pipeline.sagemaker.create_endpoint(
            EndpointName=endpoint_name(way), EndpointConfigName=earlier_model, Tags=OWNER_TAGS
        )
        in_service = pipeline.sagemaker.get_waiter("endpoint_in_service")
        in_service.wait(EndpointName=endpoint_name(way), WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return pipeline


@pytest.fixture(scope="module")
def runs(airflow: AirflowServices, pipeline: PipelineClient, browser: webdriver.Chrome) -> dict[str, DagRun]:
    """A finished run for each way, all on the same raw data."""
    # On a paused DAG, the scheduler leaves the tasks of `dags test` alone.
    by_hand = dags_test(airflow.environment, DAG_ID, settings_of(pipeline, "dags-test"))
    assert by_hand.returncode == 0, by_hand.stdout[-4000:]
    (run_id,) = run_ids(airflow)
    runs = {"dags-test": DagRun(airflow.api, DAG_ID, run_id)}

    pipeline.plan_fault(fault="delay_job", target="TrainingJob", seconds=TRAINING_DELAY_SECONDS, times=2)
    for dag_id in (DAG_ID, SCHEDULED_DAG_ID):
        airflow.api.call("PATCH", f"dags/{dag_id}", {"is_paused": False})
    (run_id,) = wait_for(lambda: run_ids(airflow, SCHEDULED_DAG_ID) or None, SCHEDULING_SECONDS)
    runs["schedule"] = DagRun(airflow.api, SCHEDULED_DAG_ID, run_id)
    assert runs["schedule"].wait_until_ended(RUN_SECONDS) == "success"

    pages = AirflowPages(browser, airflow.address)
    pages.sign_in(airflow.password)
    runs["form"] = DagRun(airflow.api, DAG_ID, pages.trigger(DAG_ID, settings_of(pipeline, "form")))
    assert runs["form"].wait_until_ended(RUN_SECONDS) == "success"
    return runs


@pytest.fixture(scope="module")
def reports(runs: dict[str, DagRun], pipeline: PipelineClient) -> dict[str, RunReport]:
    dag_ids = {"schedule": SCHEDULED_DAG_ID}
    names = {way: run_name(DEPLOYMENT_ID, dag_ids.get(way, DAG_ID), run.run_id) for way, run in runs.items()}
    return {way: pipeline.report(name) for way, name in names.items()}


def endpoint_name(way: str) -> str:
    return f"endpoint-by-{way}"


def settings_of(pipeline: PipelineClient, way: str) -> dict[str, Any]:
    """The same for every way, but for the endpoint."""
    return {**pipeline.conf(**SETTINGS), "endpoint_name": endpoint_name(way)}


def run_ids(airflow: AirflowServices, dag_id: str = DAG_ID, **query: Any) -> list[str]:
    found = airflow.api.call("GET", f"dags/{dag_id}/dagRuns", **query)["dag_runs"]
    return [run["dag_run_id"] for run in found]


def comparable(way: str, report: RunReport) -> Any:
    """The report with its own names replaced by what they name, without times and origins."""
    text = report.to_json()
    for name, meaning in (
        (report.run.run_name, "the run's name"),
        (report.run.run_id, "the run's id"),
        (report.run.dag_id, "the pipeline"),
        (endpoint_name(way), "the run's endpoint"),
    ):
        text = text.replace(name, meaning)
    return without_members(json.loads(text), TIMES | {ORIGIN})


def without_members(value: Any, names: frozenset[str]) -> Any:
    """The document without the members of these names, however deep."""
    if isinstance(value, dict):
        return {name: without_members(item, names) for name, item in value.items() if name not in names}
    return [without_members(item, names) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("way", [way for way in WAYS if way != "dags-test"])
def test_the_report_is_that_of_dags_test_but_for_names_times_and_origins(
    reports: dict[str, RunReport], way: str
) -> None:
    assert comparable(way, reports[way]) == comparable("dags-test", reports["dags-test"])


@pytest.mark.parametrize("way", WAYS)
def test_the_run_used_the_given_settings_and_replaced_the_earlier_model(
    reports: dict[str, RunReport], earlier_model: str, way: str
) -> None:
    report = reports[way]
    used = {setting.name: setting.value for setting in report.settings}

    assert used | SETTINGS == used
    assert report.run.verdict is Verdict.PROMOTED
    assert report.deployment is not None
    assert report.deployment.endpoint_name == endpoint_name(way)
    assert report.deployment.previous_endpoint_config_name == earlier_model
    assert report.comparison is not None
    assert report.model is not None
    assert len(report.model.singular_values) == SETTINGS["num_components"]


@pytest.mark.parametrize(("way", "origin"), [("form", "run"), ("dags-test", "run"), ("schedule", "pipeline")])
def test_the_report_says_which_way_the_settings_came(reports: dict[str, RunReport], way: str, origin: str) -> None:
    given = (*SETTINGS, "raw_data_uri", "endpoint_name")
    origins = {setting.name: setting.origin for setting in reports[way].settings if setting.name in given}

    assert origins == dict.fromkeys(origins, origin)
    assert len(origins) == len(given)


@pytest.mark.parametrize("way", WAYS)
def test_the_note_of_the_run_is_the_reports_verdict(
    runs: dict[str, DagRun], reports: dict[str, RunReport], way: str
) -> None:
    assert runs[way].note() == verdict_line(reports[way])


def test_airflow_knows_all_three_runs_by_how_they_began(runs: dict[str, DagRun], airflow: AirflowServices) -> None:
    assert set(run_ids(airflow, SCHEDULED_DAG_ID, run_type="scheduled")) == {runs["schedule"].run_id}
    assert set(run_ids(airflow, run_type="manual")) == {runs["form"].run_id, runs["dags-test"].run_id}


@pytest.mark.parametrize("way", ["form", "schedule"])
def test_the_services_waited_in_the_triggerer(runs: dict[str, DagRun], way: str) -> None:
    assert runs[way].was_in_triggerer("wait_for_training")
