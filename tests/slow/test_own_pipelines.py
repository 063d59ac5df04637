"""Several pipelines in one Airflow, each a call in a DAG file, started at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from sagemaker_pca.report.document import RunReport, Verdict
from sagemaker_pca.run.locations import run_name
from tests.airflow_api import DagRun, wait_for
from tests.airflow_services import AirflowServices
from tests.own_dags import write_dag_file
from tests.pipeline_process import PipelineClient, raw_csv
from tests.run_plans import DEPLOYMENT_ID

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

NAMES = ("pca_pipeline", "ecg_daily", "ecg_weekly")
ON_A_TAKEN_ENDPOINT = "ecg_monthly"
RUN_SECONDS = 480
STARTING_SECONDS = 120


@pytest.fixture(scope="module")
def pipelines(service_url: str) -> dict[str, PipelineClient]:
    """For each pipeline its own data and endpoint, but for the last: that has the endpoint of the first."""
    clients = {name: PipelineClient(service_url, name.replace("_", "-")) for name in (*NAMES, ON_A_TAKEN_ENDPOINT)}
    for offset, client in enumerate(clients.values()):
        client.put_raw("recording.csv", raw_csv(2000, float(offset)))
    clients[ON_A_TAKEN_ENDPOINT].endpoint_name = clients[NAMES[0]].endpoint_name
    return clients


@pytest.fixture(scope="module")
def airflow(
    service_url: str, pipelines: dict[str, PipelineClient], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowServices]:
    calls = [f"pca_pipeline({name!r}, settings={client.conf(force=False)})" for name, client in pipelines.items()]
    dags = write_dag_file(tmp_path_factory.mktemp("dags"), *calls)
    with AirflowServices(service_url, tmp_path_factory.mktemp("airflow"), dags=dags) as services:
        for name in pipelines:
            wait_for(partial(is_there, services, name), STARTING_SECONDS)
        yield services


@pytest.fixture(scope="module")
def runs(airflow: AirflowServices) -> dict[str, DagRun]:
    """A run of each of the first three pipelines, all started before one has ended."""
    started = {name: airflow.api.trigger(name, "at-once", {}) for name in NAMES}
    for run in started.values():
        assert run.wait_until_ended(RUN_SECONDS) == "success", run.task_states()
    return started


def is_there(airflow: AirflowServices, dag_id: str) -> bool | None:
    return None if airflow.api.unready_part(dag_id) else True


def report_of(pipeline: PipelineClient, name: str, run: DagRun) -> RunReport:
    return pipeline.report(run_name(DEPLOYMENT_ID, name, run.run_id))


@pytest.mark.parametrize("name", NAMES)
def test_each_promotes_a_model_on_its_own_endpoint(
    runs: dict[str, DagRun], pipelines: dict[str, PipelineClient], name: str
) -> None:
    report = report_of(pipelines[name], name, runs[name])
    assert report.run.verdict is Verdict.PROMOTED
    assert report.deployment is not None
    assert report.deployment.endpoint_name == pipelines[name].endpoint_name
    assert pipelines[name].serving_config() == report.run.run_name
    assert pipelines[name].endpoint_tags()["dag-id"] == name


def test_an_endpoint_that_another_pipeline_made_is_refused_by_name_before_a_job_is_paid_for(
    airflow: AirflowServices, runs: dict[str, DagRun], pipelines: dict[str, PipelineClient]
) -> None:
    pipeline = pipelines[ON_A_TAKEN_ENDPOINT]
    served = pipeline.serving_config()
    run = airflow.api.trigger(ON_A_TAKEN_ENDPOINT, "at-once", {})
    assert run.wait_until_ended(RUN_SECONDS) == "failed"

    report = report_of(pipeline, ON_A_TAKEN_ENDPOINT, run)
    assert report.failed_step is not None
    assert report.failed_step.task_id == "stage_inputs"
    assert report.failed_step.failure.reason.startswith(
        f"endpoint {pipeline.endpoint_name} is the pipeline {NAMES[0]}'s of this Airflow, and this is ecg_monthly."
    )
    assert pipeline.serving_config() == served
    jobs = pipeline.sagemaker.list_training_jobs(NameContains="ecg-monthly")["TrainingJobSummaries"]
    assert jobs == []
