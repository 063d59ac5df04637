"""New data in the bucket retrains: S3 reports to a queue, Airflow's triggerer hears of it, two DAGs do the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from sagemaker_pca.report.document import Verdict
from sagemaker_pca.run.locations import run_name
from sagemaker_pca.schedule import DEFAULT_SETTLE_SECONDS
from tests.airflow_api import DagRun, wait_for
from tests.airflow_services import AirflowServices
from tests.events_queue import EventsQueue, report_of
from tests.own_dags import write_dag_file
from tests.pipeline_process import BUCKET, PipelineClient, raw_csv
from tests.run_plans import DEPLOYMENT_ID

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LOOK, PIPELINE = "pca_raw_data", "pca_pipeline"
REPORTED, CHANGED = "pca_pipeline_s3_events", "pca_pipeline_raw_data"
# A machine that other programs use as well is slow; nothing here measures speed.
RUN_SECONDS = 900.0


@dataclass(frozen=True)
class Retrained:
    """The look that noticed the first file, and the run that it started."""

    look: DagRun
    pipeline: DagRun


@pytest.fixture(scope="module")
def pipeline(service_url: str) -> PipelineClient:
    return PipelineClient(service_url, "events")


@pytest.fixture(scope="module")
def queue(service_url: str, pipeline: PipelineClient) -> EventsQueue:
    queue = EventsQueue(service_url, "raw-data-events")
    queue.receive_reports(pipeline.s3, pipeline.raw_prefix)
    return queue


@pytest.fixture(scope="module")
def airflow(
    service_url: str, pipeline: PipelineClient, queue: EventsQueue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowServices]:
    """Airflow whose pipeline waits for raw data, and which looks at it only when S3 reports something."""
    settings = pipeline.conf(force=False)
    dags = write_dag_file(
        tmp_path_factory.mktemp("dags"),
        f'pipeline = pca_pipeline({PIPELINE!r}, schedule="raw-data or @yearly", settings={settings})',
        f'pca_raw_data({LOOK!r}, pipeline=pipeline, schedule="@yearly", events_queue_url={queue.url!r})',
    )
    with AirflowServices(service_url, tmp_path_factory.mktemp("airflow"), dags=dags) as services:
        yield services


@pytest.fixture(scope="module")
def retrained(airflow: AirflowServices, pipeline: PipelineClient) -> Retrained:
    """What came of the first file."""
    pipeline.put_raw("first.csv", raw_csv(1000))
    look = ended(wait_for(lambda: next(iter(runs(airflow, LOOK)), None), RUN_SECONDS))
    promoting = ended(wait_for(lambda: next(iter(runs(airflow, PIPELINE)), None), RUN_SECONDS))
    return Retrained(look, promoting)


def events_of(airflow: AirflowServices, asset: str) -> list[dict[str, Any]]:
    """All events of an asset, oldest first."""
    answer = airflow.api.call("GET", "assets/events", name_pattern=asset, order_by="timestamp")
    events: list[dict[str, Any]] = answer["asset_events"]
    return events


def runs(airflow: AirflowServices, dag_id: str) -> list[DagRun]:
    """All runs of a DAG, oldest first; none may have been started but by an asset."""
    found = airflow.api.call("GET", f"dags/{dag_id}/dagRuns", order_by="run_after")["dag_runs"]
    assert {run["run_type"] for run in found} <= {"asset_triggered"}
    return [DagRun(airflow.api, dag_id, run["dag_run_id"]) for run in found]


def run_after(airflow: AirflowServices, dag_id: str, action: Callable[[], object]) -> DagRun:
    """The run of a DAG that an action starts, ended."""
    known = {run.run_id for run in runs(airflow, dag_id)}
    action()
    new = wait_for(lambda: next((run for run in runs(airflow, dag_id) if run.run_id not in known), None), RUN_SECONDS)
    return ended(new)


def ended(run: DagRun) -> DagRun:
    """A run that must end well."""
    assert run.wait_until_ended(RUN_SECONDS) == "success", run.task_states()
    return run


def test_a_test_event_of_s3_is_deleted_and_starts_nothing(airflow: AirflowServices, queue: EventsQueue) -> None:
    queue.wait_until_empty()  # of what S3 sent when reporting was switched on
    before = events_of(airflow, REPORTED)
    queue.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})
    queue.wait_until_empty()

    # An event would have been stored before its message was deleted.
    assert events_of(airflow, REPORTED) == before


def test_a_new_file_retrains_once_it_has_settled(
    airflow: AirflowServices, pipeline: PipelineClient, queue: EventsQueue, retrained: Retrained
) -> None:
    name = run_name(DEPLOYMENT_ID, PIPELINE, retrained.pipeline.run_id)
    assert pipeline.report(name).run.verdict is Verdict.PROMOTED
    assert pipeline.serving_config() == name

    changed = next(event for event in events_of(airflow, CHANGED) if event["source_run_id"] == retrained.look.run_id)
    assert changed["extra"] == retrained.look.xcom("notice_change")
    assert changed["extra"]["files"] == 1
    written_at = pipeline.s3.head_object(Bucket=BUCKET, Key=f"{pipeline.raw_prefix}first.csv")["LastModified"]
    assert datetime.fromisoformat(changed["timestamp"]) - written_at >= timedelta(seconds=DEFAULT_SETTLE_SECONDS)
    queue.wait_until_empty()


@pytest.mark.usefixtures("retrained")
def test_a_report_without_a_change_costs_a_look_and_no_retraining(
    airflow: AirflowServices, pipeline: PipelineClient, queue: EventsQueue
) -> None:
    before = len(runs(airflow, PIPELINE))
    # S3 may report the same object twice.
    again = run_after(airflow, LOOK, lambda: queue.send(report_of(f"{pipeline.raw_prefix}first.csv")))

    assert again.task_states() == {"notice_change": "skipped"}
    assert "lists the same 1 file as" in again.log("notice_change")
    queue.wait_until_empty()
    assert len(runs(airflow, PIPELINE)) == before


@pytest.mark.usefixtures("retrained")
def test_an_event_that_somebody_makes_by_hand_starts_a_run_that_finds_nothing_to_train(
    airflow: AirflowServices, pipeline: PipelineClient
) -> None:
    jobs = pipeline.sagemaker.list_training_jobs()["TrainingJobSummaries"]
    (asset,) = airflow.api.call("GET", "assets", name_pattern=CHANGED)["assets"]
    run = run_after(airflow, PIPELINE, lambda: airflow.api.call("POST", "assets/events", {"asset_id": asset["id"]}))

    assert pipeline.report(run_name(DEPLOYMENT_ID, PIPELINE, run.run_id)).run.verdict is Verdict.SKIPPED
    assert run.task_states()["start_training"] == "skipped"
    assert pipeline.sagemaker.list_training_jobs()["TrainingJobSummaries"] == jobs
