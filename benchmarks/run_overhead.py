"""What a run takes beyond its jobs, beside the same graph of tasks that do nothing; and the run as its user sees it.

`airflow dags test` runs both graphs, in an Airflow of its own and against an embedded service of its own each time. The
services of `make ui`, with their scheduler and LocalExecutor, run the pipeline in full.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.embedded_service import client
from benchmarks.fresh_process import module, run, say
from benchmarks.measurement import Group, Row
from quickstart.airflow_database import reader
from quickstart.airflow_home import ROOT, airflow_environment, create_airflow_home
from quickstart.embedded_service import POLL_SECONDS, start_service, upload_raw_data
from quickstart.processes import end_programs
from quickstart.sample_ecg import write_recordings
from quickstart.ui import admin_password, start_airflow, ui_settings

ROUNDS = 2
RECORDED_SECONDS = 60.0
SETTINGS = {"poll_seconds": POLL_SECONDS}
DAG_ID = "pca_pipeline"
MAX_OVERHEAD_SECONDS = 5.0
MAX_SCHEDULED_SECONDS = 20.0
RUN_PATIENCE_SECONDS = 300.0


def measure(folder: Path, full: bool) -> Group:
    """Run both DAGs in turns."""
    recordings = write_recordings(folder / "recordings", seconds=RECORDED_SECONDS)
    overheads, empty_runs = [], []
    for number in range(1, ROUNDS + 1):
        seconds, in_jobs = run_pipeline(folder / f"round-{number}", recordings)
        overheads.append(seconds - in_jobs)
        empty_runs.append(run_empty_pipeline(folder / f"round-{number}"))
        say(f"  {number}/{ROUNDS}: {seconds:.1f} s, {in_jobs:.1f} s of it jobs; empty tasks {empty_runs[-1]:.1f} s")
    scheduled = scheduled_runs(folder / "scheduled", recordings)
    return Group(
        rows=(
            Row(
                name="airflow dags test pca_pipeline, jobs apart",
                unit="s",
                ours=median(overheads),
                beside="the same graph of empty tasks",
                theirs=median(empty_runs),
            ),
            Row(
                name="of it, beyond the empty tasks",
                unit="s",
                ours=median(overheads) - median(empty_runs),
                max_ours=MAX_OVERHEAD_SECONDS,
            ),
            Row(
                name="a run under make ui's scheduler and LocalExecutor, jobs included",
                unit="s",
                ours=median(scheduled),
                max_ours=MAX_SCHEDULED_SECONDS,
            ),
        )
    )


def run_pipeline(folder: Path, recordings: list[Path]) -> tuple[float, float]:
    """Return the seconds of a run and those of its jobs."""
    folder.mkdir()
    create_airflow_home(folder / "airflow")
    service, address = start_service(folder)
    try:
        upload_raw_data(address, recordings)
        environment = airflow_environment(folder / "airflow", address, settings={})
        command = module("airflow", "dags", "test", DAG_ID, "--conf", json.dumps(SETTINGS))
        return run(command, environment).seconds, job_seconds(client(address, "sagemaker"))
    finally:
        service.terminate()
        service.wait()


def scheduled_runs(folder: Path, recordings: list[Path]) -> list[float]:
    """Return the seconds of runs one after the other, as Airflow has them, under the services of `make ui`."""
    folder.mkdir()
    home = folder / "airflow"
    create_airflow_home(home)
    admin_password(home / "passwords.json")
    service, address = start_service(folder)
    programs = {"service": service}
    try:
        upload_raw_data(address, recordings)
        port = free_port()
        environment = airflow_environment(home, address, ui_settings(home, port, {"pipelines": ROOT / "dags"}))
        programs |= start_airflow(folder, environment, port, group=service.pid)
        return [scheduled_run(home, environment, number) for number in range(1, ROUNDS + 1)]
    finally:
        end_programs([psutil.Process(program.pid) for program in programs.values()])


def scheduled_run(home: Path, environment: dict[str, str], number: int) -> float:
    """Trigger a run as soon as Airflow has the DAG, and return how long it took."""
    conf = json.dumps({**SETTINGS, "force": True})
    deadline = time.monotonic() + RUN_PATIENCE_SECONDS
    run_id = f"benchmark-{number}"
    query = "SELECT state, (julianday(end_date) - julianday(start_date)) * 86400 FROM dag_run WHERE run_id = ?"
    wait_until(deadline, lambda: dag_is_known(home))
    run(module("airflow", "dags", "trigger", DAG_ID, "--run-id", run_id, "--conf", conf), environment)
    found: list[Any] = []

    def has_ended() -> bool:
        with reader(home) as database:
            found[:] = database.execute(query, (run_id,)).fetchone() or ()
        return bool(found) and found[0] in {"success", "failed"}

    wait_until(deadline, has_ended)
    state, seconds = found
    if state != "success":
        raise RuntimeError(f"The run under the scheduler ended as {state}; see the logs in {home}.")
    say(f"  under the scheduler {number}/{ROUNDS}: {seconds:.1f} s")
    return float(seconds)


def dag_is_known(home: Path) -> bool:
    """Whether the DAG processor has stored the DAG."""
    with reader(home) as database:
        return bool(database.execute("SELECT 1 FROM serialized_dag WHERE dag_id = ?", (DAG_ID,)).fetchall())


def wait_until(deadline: float, is_so: Callable[[], bool]) -> None:
    """Look twice a second; raises TimeoutError at the deadline."""
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("Airflow's services did not do in time what they were asked for.")
        time.sleep(0.5)


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def run_empty_pipeline(folder: Path) -> float:
    """Return the seconds of a run of empty tasks."""
    home = folder / "empty"
    create_airflow_home(home)
    settings = {"CORE__DAGS_FOLDER": str(Path(__file__).parent / "dags")}
    environment = airflow_environment(home, service_address="", settings=settings)
    environment["PYTHONPATH"] = str(ROOT / "dags")
    return run(module("airflow", "dags", "test", "empty_pipeline"), environment).seconds


def job_seconds(sagemaker: Any) -> float:
    """Return how long the jobs of a service ran, together."""
    found = 0.0
    for summary in sagemaker.list_processing_jobs()["ProcessingJobSummaries"]:
        job = sagemaker.describe_processing_job(ProcessingJobName=summary["ProcessingJobName"])
        found += (job["ProcessingEndTime"] - job["ProcessingStartTime"]).total_seconds()
    for summary in sagemaker.list_training_jobs()["TrainingJobSummaries"]:
        job = sagemaker.describe_training_job(TrainingJobName=summary["TrainingJobName"])
        found += (job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds()
    return found
