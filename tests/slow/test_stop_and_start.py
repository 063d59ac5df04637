"""Endpoints that are off at night, under Airflow's own scheduler."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.airflow_api import DagRun
from tests.airflow_services import AirflowServices
from tests.pipeline_process import PipelineClient, raw_csv
from tests.run_plans import DEPLOYMENT_ID

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RUN_SECONDS = 300.0
ROWS = [[0.005, 0.004, 0.003, 0.002], [0.1, 0.2, 0.3, 0.4]]
SITUATIONS = ("nightly", "busy")


class Endpoint:
    """A pipeline's endpoint, and the commands on it."""

    def __init__(self, airflow: AirflowServices, service_url: str, situation: str) -> None:
        self._airflow = airflow
        self.pipeline = PipelineClient(service_url, situation)
        self.pipeline.put_raw("a.csv", raw_csv(rows=3000))
        self.first_run = self.train()

    @property
    def name(self) -> str:
        return self.pipeline.endpoint_name

    def train(self, **settings: Any) -> DagRun:
        return self._airflow.api.trigger("pca_pipeline", _run_id(), self.pipeline.conf(**settings))

    def ask(self, command: str) -> DagRun:
        conf = {"command": command, "name": self.name, "dry_run": False, "poll_seconds": 0.1}
        return self._airflow.api.trigger("sagemaker_endpoints", _run_id(), conf)

    def tag(self, **tags: str) -> None:
        arn = self.pipeline.sagemaker.describe_endpoint(EndpointName=self.name)["EndpointArn"]
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.pipeline.sagemaker.add_tags(ResourceArn=arn, Tags=given)

    def jobs(self) -> int:
        jobs = self.pipeline.sagemaker.list_processing_jobs(MaxResults=100, NameContains="pca-pipeline")
        return len(jobs["ProcessingJobSummaries"])


def _run_id() -> str:
    return f"run-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def endpoints(airflow: AirflowServices, service_url: str) -> dict[str, Endpoint]:
    """Endpoints in service, by what becomes of them; their models are made side by side."""
    made = {situation: Endpoint(airflow, service_url, situation) for situation in SITUATIONS}
    for endpoint in made.values():
        assert endpoint.first_run.wait_until_ended(RUN_SECONDS) == "success"
    return made


def test_the_same_model_answers_after_the_start_as_before_the_stop_and_somebody_elses_is_never_stopped(
    endpoints: dict[str, Endpoint],
) -> None:
    endpoint = endpoints["nightly"]
    before, serving = endpoint.pipeline.project(ROWS), endpoint.pipeline.serving_config()
    endpoint.tag(**{"deployment-id": "theirs"})
    refused = endpoint.ask("stop-endpoint")
    assert refused.wait_until_ended(RUN_SECONDS) == "failed"
    assert "another Airflow's: tagged deployment-id=theirs" in str(refused.note())
    assert endpoint.pipeline.project(ROWS) == before

    endpoint.tag(**{"deployment-id": DEPLOYMENT_ID})
    stops = [endpoint.ask("stop-endpoint") for _ in range(2)]
    assert [run.wait_until_ended(RUN_SECONDS) for run in stops] == ["success", "success"]
    assert endpoint.pipeline.serving_config() is None
    assert sorted(str(run.task_states()["stop"]) for run in stops) == ["skipped", "success"]

    jobs = endpoint.jobs()
    run = endpoint.train()
    assert run.wait_until_ended(RUN_SECONDS) == "failed"
    assert f"endpoint {endpoint.name} is stopped since " in str(run.note())
    assert endpoint.jobs() == jobs

    starts = [endpoint.ask("start-endpoint") for _ in range(2)]
    assert [run.wait_until_ended(RUN_SECONDS) for run in starts] == ["success", "success"]
    assert sorted(str(run.task_states()["start"]) for run in starts) == ["skipped", "success"]
    assert endpoint.pipeline.serving_config() == serving
    assert endpoint.pipeline.project(ROWS) == before


def test_a_stop_waits_for_a_run_and_a_start_that_does_not_serve_leaves_nothing_behind(
    endpoints: dict[str, Endpoint],
) -> None:
    endpoint = endpoints["busy"]
    before = endpoint.pipeline.serving_config()
    endpoint.pipeline.plan_fault(fault="delay_endpoint", seconds=20, name=endpoint.name)
    run = endpoint.train()
    run.wait_for_task("wait_for_endpoint", "deferred", RUN_SECONDS)
    stop = endpoint.ask("stop-endpoint")
    stop.wait_for_task("stop", "deferred", RUN_SECONDS)
    assert run.wait_until_ended(RUN_SECONDS) == "success"
    assert stop.wait_until_ended(RUN_SECONDS) == "success"
    assert stop.xcom("stop")["endpoint_config_name"] != before
    assert endpoint.pipeline.serving_config() is None

    endpoint.pipeline.plan_fault(fault="fail_endpoint", name=endpoint.name, reason="CannotStartContainerError.")
    start = endpoint.ask("start-endpoint")
    assert start.wait_until_ended(RUN_SECONDS) == "failed"
    assert "CannotStartContainerError. It was deleted again, and stays stopped." in str(start.note())
    assert endpoint.pipeline.serving_config() is None

    replaced = endpoint.train(stopped_endpoint="deploy")
    assert replaced.wait_until_ended(RUN_SECONDS) == "success"
    assert "is stopped; this run creates it" in replaced.log("stage_inputs")
    again = endpoint.ask("start-endpoint")
    assert again.wait_until_ended(RUN_SECONDS) == "success"
    assert again.task_states()["start"] == "skipped"
