"""Many runs at once on the profile celery of docker-compose.yaml, while one part after the other goes away."""

from __future__ import annotations

import logging
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from quickstart.ui import DAG_ID
from sagemaker_pca.report.document import Verdict
from sagemaker_pca.run.locations import run_name
from tests.airflow_api import ENDED_RUN_STATES, RUNNING_POLL_SECONDS, DagRun, RunsApi, wait_for
from tests.compose_machine import SERVICES, WORKERS, Machine, compose_machine, missing_programs
from tests.pipeline_process import BUCKET, PipelineClient, raw_csv
from tests.postgresql_server import PostgresqlServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
log = logging.getLogger(__name__)

RUNS = 10  # 20 take two idle processors five minutes, and other slow tests run beside
RAW_ROWS = 500
ROW = [0.01, 0.02, 0.03, 0.04]
OUTAGE_SECONDS = 20
STEP_SECONDS = 600
KILLED_TASK = "start_processing"  # it may have created a job, which its next try must find
ALL_RUNS_SECONDS = 900
SETTINGS = {
    # Jobs and endpoints take their time to start, as on AWS: these runs wait in the triggerer.
    "SAGEMAKER_LOCAL_JOB_STARTING_SECONDS": "15",
    "SAGEMAKER_LOCAL_ENDPOINT_CREATING_SECONDS": "15",
    "SAGEMAKER_LOCAL_MAX_CONCURRENT_JOBS": str(RUNS),
    "SAGEMAKER_PCA_MAX_ACTIVE_RUNS": str(RUNS),
    # What was handed to a worker that died is handed out anew; Airflow would wait for ten minutes.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
}


@pytest.fixture
def machine(postgresql: PostgresqlServer, tmp_path: Path) -> Iterator[Machine]:
    if missing := missing_programs("curl", "redis-server", "redis-cli"):
        pytest.skip(f"needs {missing}")
    variables = {"AIRFLOW_EXECUTOR": "CeleryExecutor"}
    with compose_machine(tmp_path / "opt airflow", postgresql, variables, SETTINGS) as machine:
        machine.start_all(("redis", *SERVICES, *WORKERS))
        yield machine


def test_every_run_ends_right_while_worker_scheduler_triggerer_and_service_go_away(machine: Machine) -> None:
    api = machine.ready_api()
    clients = [PipelineClient(machine.sagemaker_address, f"team-{number:02d}") for number in range(RUNS)]
    for number, client in enumerate(clients):
        client.put_raw("recording.csv", raw_csv(RAW_ROWS, offset=0.001 * number))
    begun = time.monotonic()
    runs = [api.trigger(DAG_ID, client.endpoint_name, client.conf(poll_seconds=2)) for client in clients]
    log.info("%d runs triggered in %.0f s", RUNS, time.monotonic() - begun)

    disturb(machine, api)
    states = wait_for(lambda: ended_states(api), ALL_RUNS_SECONDS, lambda: str(task_states(runs)))
    log.info("%d runs ended %.0f s after the first was triggered", RUNS, time.monotonic() - begun)

    assert states == {run.run_id: "success" for run in runs}, task_states(runs)
    log.info("tasks that needed several tries: %s", retried(runs))
    deployment = deployment_id(clients)
    verify_jobs(clients[0], runs, deployment)
    verify_endpoints(clients, runs, deployment)
    assert keys(clients[0], "endpoints/", "lease.json") == []


def disturb(machine: Machine, api: RunsApi) -> None:
    """Let one part after the other go away while the runs go on."""
    worker, task_id = wait_for(
        lambda: machine.worker_at_work(running(api, KILLED_TASK)), STEP_SECONDS, every=RUNNING_POLL_SECONDS
    )
    machine.kill(worker)
    machine.start(worker)  # as Docker does
    log.info("%s was killed while it worked on %s", worker, task_id)

    machine.stop("scheduler")
    machine.start("scheduler")
    machine.wait_until_healthy("scheduler")

    wait_until_some_wait(api)
    machine.stop("triggerer")
    machine.start("triggerer")
    machine.wait_until_healthy("triggerer")

    service = machine.programs["sagemaker-local"]
    service.send_signal(signal.SIGSTOP)
    time.sleep(OUTAGE_SECONDS)
    service.send_signal(signal.SIGCONT)
    unended = [run_id for run_id, state in run_states(api).items() if state not in ENDED_RUN_STATES]
    log.info("%d runs went on after the last outage", len(unended))
    assert unended, "else the service was away when nobody needed it"


def running(api: RunsApi, task_id: str) -> dict[int, str]:
    """A task's instances under way in any run, by their process ids."""
    path = f"dags/{DAG_ID}/dagRuns/~/taskInstances"
    found = api.call("GET", path, state="running", limit=100)["task_instances"]
    return {task["pid"]: task_id for task in found if task["task_id"] == task_id}


def wait_until_some_wait(api: RunsApi) -> None:
    """Wait until tasks of the runs are with the triggerer."""

    def look() -> int | None:
        time.sleep(1)
        deferred: int = api.call("GET", f"dags/{DAG_ID}/dagRuns/~/taskInstances", state="deferred", limit=1)[
            "total_entries"
        ]
        return deferred or None

    wait_for(look, STEP_SECONDS)


def run_states(api: RunsApi) -> dict[str, str]:
    return {run["dag_run_id"]: run["state"] for run in api.call("GET", f"dags/{DAG_ID}/dagRuns", limit=100)["dag_runs"]}


def ended_states(api: RunsApi) -> dict[str, str] | None:
    """How all runs ended, once all have."""
    time.sleep(2)  # to ask more often would take processors from the runs
    states = run_states(api)
    return states if set(states.values()) <= ENDED_RUN_STATES else None


def task_states(runs: Sequence[DagRun]) -> dict[str, dict[str, str | None]]:
    return {run.run_id: run.task_states() for run in runs if run.state() != "success"}


def retried(runs: Sequence[DagRun]) -> dict[str, int]:
    """How often each task was tried again, over all runs."""
    tries: Counter[str] = Counter()
    for run in runs:
        tries.update({name: task["try_number"] - 1 for name, task in run.tasks().items() if task["try_number"] > 1})
    return dict(tries)


def deployment_id(clients: Sequence[PipelineClient]) -> str:
    """The id that the first runs, which had none, made at the same moment on several workers: it must be one."""
    ids = {client.endpoint_tags()["deployment-id"] for client in clients}
    assert len(ids) == 1, ids
    return ids.pop()


def verify_jobs(client: PipelineClient, runs: Sequence[DagRun], deployment: str) -> None:
    """Each run must have created one processing and one training job, under its own name, at its first attempt."""
    expected = sorted(run_name(deployment, DAG_ID, run.run_id) for run in runs)
    for kind in ("Processing", "Training"):
        pages = client.sagemaker.get_paginator(f"list_{kind.lower()}_jobs").paginate()
        jobs = [job for page in pages for job in page[f"{kind}JobSummaries"]]
        assert sorted(job[f"{kind}JobName"] for job in jobs) == expected
        assert {job[f"{kind}JobStatus"] for job in jobs} == {"Completed"}


def verify_endpoints(clients: Sequence[PipelineClient], runs: Sequence[DagRun], deployment: str) -> None:
    """Each endpoint must serve the model that its own run has verified, and the run's report must say so."""
    answers = set()
    for client, run in zip(clients, runs, strict=True):
        name = run_name(deployment, DAG_ID, run.run_id)
        assert client.report(name).run.verdict is Verdict.PROMOTED
        assert client.serving_config() == name
        answers.add(str(client.project([ROW])))
    assert len(answers) == len(runs), "runs on different data make different models"
    assert len(keys(clients[0], "runs/", "/report/report.json")) == len(runs)


def keys(client: PipelineClient, prefix: str, ending: str) -> list[str]:
    pages = client.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    found = [item["Key"] for page in pages for item in page.get("Contents", ())]
    return [key for key in found if key.endswith(ending)]
