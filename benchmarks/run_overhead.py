"""What a pipeline run takes beyond its jobs, per task, beside the same graph of tasks that do nothing.

`airflow dags test` runs both, in an Airflow of its own and against an embedded service of its own each time.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.embedded_service import client
from benchmarks.fresh_process import module, run, say
from benchmarks.measurement import Group, Row
from quickstart.airflow_home import ROOT, airflow_environment, create_airflow_home
from quickstart.embedded_service import POLL_SECONDS, start_service, upload_raw_data
from quickstart.sample_ecg import write_recordings

ROUNDS = 2
RECORDED_SECONDS = 60.0
SETTINGS = {"poll_seconds": POLL_SECONDS}


def measure(folder: Path, full: bool) -> Group:
    """Run both DAGs in turns."""
    recordings = write_recordings(folder / "recordings", seconds=RECORDED_SECONDS)
    environment = {**os.environ, "AIRFLOW_HOME": str(folder / "airflow")}
    tasks = int(run(module("benchmarks.dags.empty_pipeline"), environment).reported["tasks"])
    overheads, empty_runs = [], []
    for number in range(1, ROUNDS + 1):
        seconds, in_jobs = run_pipeline(folder / f"round-{number}", recordings)
        overheads.append(seconds - in_jobs)
        empty_runs.append(run_empty_pipeline(folder / f"round-{number}"))
        say(f"  {number}/{ROUNDS}: {seconds:.1f} s, {in_jobs:.1f} s of it jobs; empty tasks {empty_runs[-1]:.1f} s")
    empty = f"the same graph of {tasks} empty tasks"
    return Group(
        rows=(
            Row(
                name="airflow dags test pca_pipeline, jobs apart, per task",
                unit="s",
                ours=median(overheads) / tasks,
                beside=empty,
                theirs=median(empty_runs) / tasks,
            ),
            Row(
                name="airflow dags test pca_pipeline, jobs apart",
                unit="s",
                ours=median(overheads),
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
        command = module("airflow", "dags", "test", "pca_pipeline", "--conf", json.dumps(SETTINGS))
        return run(command, environment).seconds, job_seconds(client(address, "sagemaker"))
    finally:
        service.terminate()
        service.wait()


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
