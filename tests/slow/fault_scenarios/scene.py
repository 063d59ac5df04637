"""Where a scenario takes place: a run of its own, beside others, with an endpoint that serves an earlier model."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quickstart.airflow_home import ROOT
from sagemaker_pca.report.document import RunReport, Verdict
from sagemaker_pca.report.wording import verdict_line
from sagemaker_pca.run.locations import run_name
from tests.airflow_api import RUNNING_POLL_SECONDS, DagRun, wait_for
from tests.airflow_services import AirflowServices
from tests.pipeline_process import BUCKET, PipelineClient, raw_csv
from tests.run_plans import DEPLOYMENT_ID, OWNER_TAGS
from tests.service_process import ServiceProcess

DAG_ID = "pca_pipeline"
SCENARIOS: dict[str, Scenario] = {}
# A machine that other programs use as well is slow; nothing here measures speed.
STEP_SECONDS = 600
RUN_SECONDS = 1800
RAW_ROWS = 1000
ROW = [0.01, 0.02, 0.03, 0.04]


@dataclass(frozen=True)
class Scenario:
    """What is done to a run, and what must come of it.

    :param number: keeps the names of the scenarios' resources apart
    :param alone: whether it disturbs what all others need
    :param earlier_model: whether the endpoint serves an earlier run's model at the beginning
    """

    play: Callable[[Scene], None]
    number: int
    alone: bool
    earlier_model: bool

    def play_on(self, stage: Stage) -> None:
        """Play it with a run, raw data and an endpoint of its own."""
        scene = Scene(stage, self.number)
        if self.earlier_model:
            scene.serve_earlier_model()
        self.play(scene)


def scenario(
    name: str = "", *, alone: bool = False, earlier_model: bool = True
) -> Callable[[Callable[[Scene], None]], None]:
    """Register a scenario, by the name of its function unless it is given one."""

    def register(play: Callable[[Scene], None]) -> None:
        number = len(SCENARIOS) + 1
        SCENARIOS[name or play.__name__] = Scenario(play, number, alone=alone, earlier_model=earlier_model)

    return register


@dataclass(frozen=True)
class Stage:
    """What all scenarios share."""

    airflow: AirflowServices
    service_url: str
    service: subprocess.Popen[str]
    served_config: str


@contextlib.contextmanager
def staged(home: Path, database_url: str) -> Iterator[Stage]:
    """Airflow and the embedded service, and an endpoint that an earlier run has deployed.

    :param database_url: of PostgreSQL. SQLite does not bear five scenarios at once: the scheduler ends when it may not
        write for 5 s
    """
    dag_folders = {"dags-folder": ROOT / "dags", "test-dags": Path(__file__).parents[1] / "dags"}
    bundles = [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(path)},
        }
        for name, path in dag_folders.items()
    ]
    settings = {"DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles)}
    # Delayed jobs hold their places in the service.
    with (
        ServiceProcess({"SAGEMAKER_LOCAL_MAX_CONCURRENT_JOBS": "64"}) as service,
        AirflowServices(service.url, home, settings, database_url) as airflow,
    ):
        earlier = PipelineClient(service.url, "earlier")
        earlier.put_raw("recording.csv", raw_csv(RAW_ROWS, offset=0.01))
        run = airflow.api.trigger(DAG_ID, "earlier", earlier.conf())
        assert run.wait_until_ended(RUN_SECONDS) == "success", run.task_states()
        try:
            yield Stage(airflow, service.url, service.process, run_name(DEPLOYMENT_ID, DAG_ID, "earlier"))
        finally:
            service.process.send_signal(signal.SIGCONT)  # a frozen process would not end


class Scene(PipelineClient):
    """One scenario's raw data, endpoint and run; its mark is in all their names, and in no other scene's."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.mark = f"-s{number:02d}-"
        super().__init__(stage.service_url, f"s{number:02d}-x")
        self.stage = stage
        self.run_id = f"scene{self.mark}run"
        self.run_name = run_name(DEPLOYMENT_ID, DAG_ID, self.run_id)
        self.put_raw("recording.csv", raw_csv(RAW_ROWS))

    # --- before ---------------------------------------------------------------------------------------------------

    def serve_earlier_model(self) -> None:
        """Put an earlier run's model in service at this scene's endpoint."""
        self.sagemaker.create_endpoint(
            EndpointName=self.endpoint_name, EndpointConfigName=self.stage.served_config, Tags=OWNER_TAGS
        )
        wait_for(lambda: self.serving_config() if self.endpoint_status() == "InService" else None, STEP_SECONDS)

    def plan(self, fault: str, target: str = "", **details: Any) -> dict[str, Any]:
        """Plan a fault that strikes this scene alone."""
        return self.plan_fault(fault=fault, target=target, name=self.mark, **details)

    def wait_until_struck(self, planned: dict[str, Any]) -> None:
        """Wait until a planned fault has struck for the first time."""
        wait_for(lambda: None if planned in self.planned_faults() else True, STEP_SECONDS, every=RUNNING_POLL_SECONDS)

    def trigger(self, run_id: str | None = None, **settings: Any) -> DagRun:
        """Start a run of the pipeline."""
        return self.stage.airflow.api.trigger(DAG_ID, run_id or self.run_id, self.conf(**settings))

    # --- meanwhile ------------------------------------------------------------------------------------------------

    def kill_task(self, run: DagRun, task_id: str, *, resumed: bool = False) -> None:
        """SIGKILL the process that works on a task; of a deferred one, the process that goes on with it."""
        self.stage.airflow.kill_task_process(run, task_id, STEP_SECONDS, resumed=resumed)
        self.verify_endpoint_answers()

    def wait_until_deferred(self, run: DagRun, task_id: str) -> None:
        """Wait until a task's trigger runs."""

        def trigger_runs() -> bool | None:
            run.wait_for_task(task_id, "deferred", STEP_SECONDS)
            return run.was_in_triggerer(task_id) or None

        wait_for(trigger_runs, STEP_SECONDS)
        self.verify_endpoint_answers()

    def interrupt_service(self, seconds: float) -> None:
        """Let the embedded service answer nobody for a while."""
        self.stage.service.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.stage.service.send_signal(signal.SIGCONT)

    # --- after ----------------------------------------------------------------------------------------------------

    def jobs(self, kind: str) -> dict[str, str]:
        """Status of every job of a kind (`processing` or `training`) that the run created, by name."""
        paginator = self.sagemaker.get_paginator(f"list_{kind}_jobs")
        stem = f"{kind.capitalize()}Job"
        found = [job for page in paginator.paginate(NameContains=self.mark) for job in page[f"{stem}Summaries"]]
        return {job[f"{stem}Name"]: job[f"{stem}Status"] for job in found}

    def created(self, kind: str) -> list[str]:
        """Names of the models (`model`) or endpoint configurations (`endpoint_config`) that the run created."""
        stem = "".join(map(str.capitalize, kind.split("_")))
        found = getattr(self.sagemaker, f"list_{kind}s")(NameContains=self.mark, MaxResults=100)
        return [resource[f"{stem}Name"] for resource in found[f"{stem}s"]]

    def faults_left(self) -> list[dict[str, Any]]:
        """Faults planned for this scene that have not struck."""
        return [fault for fault in self.planned_faults() if fault["name"] == self.mark]

    def endpoint_status(self) -> str:
        """State of the endpoint."""
        return str(self.sagemaker.describe_endpoint(EndpointName=self.endpoint_name)["EndpointStatus"])

    def lease(self) -> dict[str, Any] | None:
        """The endpoint's deployment lease, None when nobody holds it."""
        try:
            answer = self.s3.get_object(Bucket=BUCKET, Key=self._lease_key)
        except self.s3.exceptions.NoSuchKey:
            return None
        lease: dict[str, Any] = json.load(answer["Body"])
        return lease

    def hold_lease(self, holder: str, expires_at: str) -> None:
        """Let another run hold the endpoint's deployment lease."""
        body = json.dumps({"holder": holder, "expires_at": expires_at}).encode()
        self.s3.put_object(Bucket=BUCKET, Key=self._lease_key, Body=body)

    @property
    def _lease_key(self) -> str:
        return f"endpoints/{self.endpoint_name}/lease.json"

    def verify_promoted(
        self, run: DagRun, *, processing_jobs: int = 1, training_jobs: int = 1, tried_again: Set[str] = frozenset()
    ) -> RunReport:
        """The report of a run that must have ended with its model in service, having created so many jobs.

        :param tried_again: the tasks that needed more than one try
        """
        assert run.wait_until_ended(RUN_SECONDS) == "success", self.story(run)
        again = {task_id for task_id, task in run.tasks().items() if task["try_number"] > 1}
        assert again == tried_again, f"{sorted(again)} were tried again. {self.story(run)}"
        return self.verify_outcome(processing_jobs, training_jobs)

    def verify_outcome(self, processing_jobs: int, training_jobs: int) -> RunReport:
        """The report of a run whose model must be in service, having created so many jobs."""
        self.verify_jobs(processing_jobs, training_jobs)
        report = self.report(self.run_name)
        assert report.run.verdict is Verdict.PROMOTED
        assert str(self.serving_config()).startswith(self.run_name)
        assert self.project([ROW]) != self.earlier_projection()
        assert self.lease() is None
        return report

    def verify_refused(
        self, run: DagRun, verdict: Verdict, message: str, *, processing_jobs: int = 1, training_jobs: int = 1
    ) -> RunReport:
        """The report of a run that must have ended red with a message, the earlier model still in service."""
        assert run.wait_until_ended(RUN_SECONDS) == "failed", self.story(run)
        report = self.report(self.run_name)
        assert (report.run.verdict, message in report.run.reason) == (verdict, True), report.run.reason
        assert verdict_line(report) in run.log("publish_report")
        self.verify_jobs(processing_jobs, training_jobs)
        self.verify_earlier_model_serves()
        return report

    def verify_jobs(self, processing_jobs: int, training_jobs: int) -> None:
        """The scene's runs must have created so many jobs."""
        processing, training = self.jobs("processing"), self.jobs("training")
        assert (len(processing), len(training)) == (processing_jobs, training_jobs), f"{processing} {training}"

    def verify_endpoint_answers(self) -> None:
        """The endpoint must answer, whichever model is behind it; throttling on demand is used up."""
        while any(fault["target"] == "InvokeEndpoint" for fault in self.faults_left()):
            with contextlib.suppress(self.runtime.exceptions.ClientError):
                self.project([ROW])
        assert np.isfinite(self.project([ROW])).all()

    def verify_earlier_model_serves(self) -> None:
        """The endpoint must answer as it did before the run."""
        assert self.serving_config() == self.stage.served_config
        np.testing.assert_allclose(self.project([ROW]), self.earlier_projection(), rtol=1e-6)

    def earlier_projection(self) -> list[list[float]]:
        """What the earlier model makes of a row, asked of the endpoint that no scenario touches."""
        return PipelineClient(self.stage.service_url, "earlier").project([ROW])

    def story(self, run: DagRun) -> str:
        """Task states and the failed tasks' logs, for a scenario that went wrong."""
        states = run.task_states()
        logs = [run.log(task_id)[-3000:] for task_id, state in states.items() if state in {"failed", "up_for_retry"}]
        return f"{run.run_id}: {states}\n" + "\n".join(logs)
