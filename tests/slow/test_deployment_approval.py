"""A person's approval of a new model, under Airflow's own scheduler; `airflow dags test` cannot wait for one."""

from __future__ import annotations

import time
import uuid
from typing import Any, NamedTuple

import pytest

from sagemaker_pca.report.document import RunReport, Verdict
from sagemaker_pca.report.wording import reason_text
from sagemaker_pca.run.locations import run_name
from tests.airflow_api import DagRun
from tests.airflow_services import AirflowServices
from tests.pipeline_process import PipelineClient, raw_csv
from tests.run_plans import DEPLOYMENT_ID

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DAG_ID = "pca_pipeline"
RUN_SECONDS = 300.0
REFUSED: dict[str, Any] = {"num_components": 1, "min_explained_variance": 0.999}
SILENT: dict[str, Any] = {"approval_hours": 0.005, "approval_default": "approve"}
RUNS = {"refused": REFUSED, "recommended": {}, "silent-yes": SILENT, "silent-refused": SILENT | REFUSED}


class Asking(NamedTuple):
    """A run that asks a person, and its own data and endpoint."""

    run: DagRun
    pipeline: PipelineClient

    @property
    def report(self) -> RunReport:
        return self.pipeline.report(run_name(DEPLOYMENT_ID, DAG_ID, self.run.run_id))


@pytest.fixture(scope="module")
def asking(airflow: AirflowServices, service_url: str) -> dict[str, Asking]:
    """Runs that go on side by side, by what becomes of them."""
    return {name: start(airflow, PipelineClient(service_url, name), **settings) for name, settings in RUNS.items()}


def start(airflow: AirflowServices, pipeline: PipelineClient, **settings: Any) -> Asking:
    pipeline.put_raw("a.csv", raw_csv(rows=3000))
    conf = pipeline.conf(deployment_approval=True, **settings)
    return Asking(airflow.api.trigger(DAG_ID, f"run-{uuid.uuid4().hex[:8]}", conf), pipeline)


def asked(airflow: AirflowServices, run: DagRun) -> dict[str, Any]:
    """What stands before a person, once the run waits for them."""
    run.wait_for_task("approve", "awaiting_input", RUN_SECONDS)
    found: dict[str, Any] = airflow.api.call("GET", _path(run))
    return found


def answer(airflow: AirflowServices, run: DagRun, option: str) -> None:
    # Airflow asks anew when it is answered before its scheduler has noticed that the task waits, some seconds later.
    time.sleep(15)
    airflow.api.call("PATCH", _path(run), {"chosen_options": [option], "params_input": {}})


def _path(run: DagRun) -> str:
    return f"dags/{DAG_ID}/dagRuns/{run.run_id}/taskInstances/approve/-1/hitlDetails"


def test_a_model_that_the_gate_refuses_is_deployed_where_a_person_approves_it(
    airflow: AirflowServices, asking: dict[str, Asking]
) -> None:
    run, pipeline = asking["refused"]
    question = asked(airflow, run)
    assert question["subject"] == (
        f"Deploy, against the quality gate, the new model of {DAG_ID} to endpoint {pipeline.endpoint_name}?"
    )
    assert "**Refused** by the quality gate: 1 check of " in question["body"]
    assert "✗ explained_variance=" in question["body"]
    assert pipeline.serving_config() is None

    answer(airflow, run, "Approve")
    assert run.wait_until_ended(RUN_SECONDS) == "success"
    report = asking["refused"].report
    assert report.run.verdict is Verdict.PROMOTED
    assert "a person approved the model all the same" in reason_text(report)
    (step,) = (step for step in report.steps if step.task_id == "approve")
    assert step.note == f"by {run.xcom('approve')['by']}"
    assert pipeline.serving_config() == report.run.run_name


def test_a_model_that_a_person_rejects_is_not_deployed_and_the_run_says_who_rejected_it(
    airflow: AirflowServices, asking: dict[str, Asking]
) -> None:
    run, pipeline = asking["recommended"]
    assert "**Recommended**: all " in asked(airflow, run)["body"]
    answer(airflow, run, "Reject")
    assert run.wait_until_ended(RUN_SECONDS) == "failed"
    assert run.task_states()["create_model"] == "upstream_failed"
    report = asking["recommended"].report
    assert report.run.verdict is Verdict.REJECTED
    who = run.xcom("approve", "decision")["by"]
    assert report.run.reason == f"{who} rejected the model."
    assert run.note() == f"rejected: {who} rejected the model."
    assert pipeline.serving_config() is None


def test_silence_may_approve(asking: dict[str, Asking]) -> None:
    run, pipeline = asking["silent-yes"]
    assert run.wait_until_ended(RUN_SECONDS) == "success"
    report = asking["silent-yes"].report
    assert report.run.verdict is Verdict.PROMOTED
    assert pipeline.serving_config() == report.run.run_name


def test_silence_rejects_what_the_gate_refuses_whatever_the_settings_say(asking: dict[str, Asking]) -> None:
    run, pipeline = asking["silent-refused"]
    assert run.wait_until_ended(RUN_SECONDS) == "failed"
    report = asking["silent-refused"].report
    assert report.run.verdict is Verdict.REJECTED
    assert report.run.reason == "Nobody answered within 0.005 hours, which rejected the model."
    assert pipeline.serving_config() is None
