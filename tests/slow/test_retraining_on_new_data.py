"""New data in the bucket retrains: S3 reports to a queue, Airflow's triggerer hears of it, two DAGs do the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from sagemaker_pca.report import Verdict
from sagemaker_pca.retraining_schedule import DEFAULT_SETTLE_SECONDS
from sagemaker_pca.run_files import run_name
from tests.airflow_api import DagRun, wait_for
from tests.airflow_services import AirflowServices
from tests.events_queue import EventsQueue, report_of
from tests.pipeline_process import BUCKET, PipelineClient, raw_csv
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LOOK, PIPELINE = "pca_raw_data", "pca_pipeline"
REPORTED, CHANGED = "sagemaker_pca_s3_events", "sagemaker_pca_raw_data"
# A machine that other programs use as well is slow; nothing here measures speed.
RUN_SECONDS = 900.0


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    with ServiceProcess() as service:
        yield service.url


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEMAKER_PCA_SCHEDULE", "raw-data or @yearly")
        patch.setenv("SAGEMAKER_PCA_RAW_DATA_SCHEDULE", "@yearly")
        patch.setenv("SAGEMAKER_PCA_EVENTS_QUEUE_URL", queue.url)
        with AirflowServices(service_url, tmp_path_factory.mktemp("airflow")) as services:
            services.api.set_missing_variable("sagemaker_pca", pipeline.conf(force=False))
            yield services


def events_of(airflow: AirflowServices, asset: str) -> list[dict[str, Any]]:
    """All events of an asset, oldest first."""
    found: list[dict[str, Any]] = airflow.api.call("GET", "assets/events", name_pattern=asset, order_by="timestamp")[
        "asset_events"
    ]
    return found


def runs(airflow: AirflowServices, dag_id: str) -> list[DagRun]:
    """All runs of a DAG, oldest first."""
    found = airflow.api.call("GET", f"dags/{dag_id}/dagRuns", order_by="run_after")["dag_runs"]
    assert {run["run_type"] for run in found} <= {"asset_triggered"}
    return [DagRun(airflow.api, dag_id, run["dag_run_id"]) for run in found]


def wait_for_run(airflow: AirflowServices, dag_id: str, number: int) -> DagRun:
    """A DAG's run of that number, ended well."""
    wait_for(lambda: True if len(runs(airflow, dag_id)) >= number else None, RUN_SECONDS)
    run = runs(airflow, dag_id)[number - 1]
    assert run.wait_until_ended(RUN_SECONDS) == "success", run.task_states()
    return run


def test_a_test_event_of_s3_is_deleted_and_starts_nothing(airflow: AirflowServices, queue: EventsQueue) -> None:
    queue.wait_until_empty()  # of what S3 sent when reporting was switched on
    before = events_of(airflow, REPORTED)
    queue.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})
    queue.wait_until_empty()

    # An event would have been stored before its message was deleted.
    assert events_of(airflow, REPORTED) == before


def test_a_new_file_retrains_and_a_report_without_a_change_does_not(
    airflow: AirflowServices, pipeline: PipelineClient, queue: EventsQueue
) -> None:
    pipeline.put_raw("first.csv", raw_csv(1000))
    written_at = pipeline.s3.head_object(Bucket=BUCKET, Key=f"{pipeline.raw_prefix}first.csv")["LastModified"]
    look = wait_for_run(airflow, LOOK, 1)
    promoting = wait_for_run(airflow, PIPELINE, 1)

    assert look.task_states() == {"notice_change": "success"}
    assert pipeline.report(run_name(PIPELINE, promoting.run_id)).run.verdict is Verdict.PROMOTED
    assert pipeline.serving_config() == run_name(PIPELINE, promoting.run_id)
    (event,) = events_of(airflow, CHANGED)
    assert event["extra"] == look.xcom("notice_change")
    assert event["extra"]["files"] == 1
    assert datetime.fromisoformat(event["timestamp"]) - written_at >= timedelta(seconds=DEFAULT_SETTLE_SECONDS)
    queue.wait_until_empty()

    # S3 may report the same object twice.
    queue.send(report_of(f"{pipeline.raw_prefix}first.csv"))
    again = wait_for_run(airflow, LOOK, 2)
    assert again.task_states() == {"notice_change": "skipped"}
    assert "lists the same 1 file(s)" in again.log("notice_change")
    queue.wait_until_empty()
    assert len(runs(airflow, PIPELINE)) == 1
