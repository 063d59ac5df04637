"""A run's page where there is no report: what a run left that goes on again, and what another DAG's tasks left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import insert, select

from sagemaker_pca.dags import pca_pipeline
from sagemaker_pca.exceptions import Failure
from sagemaker_pca.pages import report_page
from sagemaker_pca.pages.app import SECURITY_HEADERS
from sagemaker_pca.report.document import Verdict
from sagemaker_pca.report.summary import RunSummary
from sagemaker_pca.run import tasks
from tests.e2e.sagemaker_pca.pages.conftest import SignIn, add_dag

pytestmark = pytest.mark.e2e

MOMENT = datetime(2026, 11, 22, tzinfo=UTC)
SUMMARY = RunSummary(verdict=Verdict.REFUSED, reason="Too few rows.", started_at=MOMENT, finished_at=MOMENT)


def add_run(dag_id: str, state: str, task_state: str | None, **left: Any) -> None:
    """Put a run of one task into Airflow's database, with what that task left in XCom."""
    task = {"dag_id": dag_id, "run_id": "r", "task_id": tasks.PUBLISH_REPORT, "map_index": -1}
    run = {"dag_id": dag_id, "run_id": "r", "run_type": "manual", "state": state, "run_after": MOMENT, "conf": {}}
    with create_session() as session:
        session.execute(insert(DagRun.__table__).values(run))
        run_number = session.scalars(select(DagRun.id).where(DagRun.dag_id == dag_id)).one()
        about_task = {"state": task_state, "start_date": MOMENT, "pool": "default_pool", "max_tries": 0}
        session.execute(insert(TaskInstance.__table__).values(task | about_task))
        for key, value in left.items():
            found = task | {"dag_run_id": run_number, "key": key, "value": value}
            session.execute(insert(XComModel.__table__).values(found))


def test_a_run_that_somebody_cleared_goes_on_without_its_last_verdict(airflow_database: None, sign_in: SignIn) -> None:
    add_dag(pca_pipeline("cleared"))
    failure = Failure(reason="Too few rows.").model_dump(mode="json")
    add_run("cleared", "running", None, run_summary=SUMMARY.model_dump(mode="json"), failure=failure)
    reader = sign_in("GET cleared")
    page = reader.get("/dags/cleared/runs/r/report").text
    assert "The run goes on" in page
    assert '<p class="word">running</p>' in page
    assert "Too few rows." not in page
    (run,) = reader.get("/dags/cleared/runs", params={"format": "json"}).json()
    assert (run["state"], run["verdict"]) == ("running", None)


@pytest.mark.parametrize("value", ["s3://xcoms/1.json", {"code": 3}, [1]], ids=["kept elsewhere", "foreign", "list"])
def test_an_xcom_of_another_form_is_no_failure_of_the_page(
    value: Any, airflow_database: None, sign_in: SignIn, request: pytest.FixtureRequest
) -> None:
    dag_id = request.node.callspec.id.replace(" ", "_")
    add_dag(pca_pipeline(dag_id))
    add_run(dag_id, "failed", "failed", run_summary=value, failure=value)
    answer = sign_in(f"GET {dag_id}").get(f"/dags/{dag_id}/runs/r/report")
    assert answer.status_code == 200
    assert "The run ended without a report" in answer.text


def test_an_error_that_nobody_expected_has_the_headers_too(
    airflow_database: None, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run("broken", "failed", "failed")
    monkeypatch.delattr(report_page, "read_report")
    answer = sign_in("GET broken").get("/dags/broken/runs/r/report")
    assert answer.status_code == 500
    assert "This page could not be made" in answer.text
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_a_form_that_a_page_does_not_have_is_refused_in_words(airflow_database: None, sign_in: SignIn) -> None:
    add_run("formless", "failed", "failed")
    answer = sign_in("GET formless").get("/dags/formless/runs/r/report", params={"format": "csv"})
    assert answer.status_code == 422
    assert "format: Input should be &#39;html&#39; or &#39;json&#39;" in answer.text
