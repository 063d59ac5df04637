"""Puts runs with summaries into an Airflow's database and opens their pages: `... programs.open_pages RUNS ROUNDS`.

Through Airflow's whole API server, rights included, without a network; its own list of runs is asked for in turns.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert
from starlette.testclient import TestClient

from benchmarks.stopwatch import report
from sagemaker_pca.links import PAGES_PREFIX
from sagemaker_pca.report.document import JobUse, Verdict
from sagemaker_pca.report.summary import CheckResult, RunSummary
from sagemaker_pca.run.tasks import PUBLISH_REPORT, RUN_SUMMARY_KEY

DAG_ID = "empty_pipeline"


def summary(number: int, started_at: datetime) -> RunSummary:
    """What a run leaves: of every tenth that it was refused."""
    share = 0.9 + 0.05 * (number % 7) / 7
    return RunSummary(
        verdict=Verdict.PROMOTED if number % 10 else Verdict.REFUSED,
        reason="" if number % 10 else f"explained_variance={share:.3f} is below min_explained_variance=0.95.",
        started_at=started_at,
        finished_at=started_at + timedelta(minutes=9),
        run_name=f"{DAG_ID}-{number}",
        rows=100_000 + number,
        skipped_rows=0,
        null_fraction=0.001,
        explained_variance=(share - 0.2, 0.15, 0.05),
        angle_degrees=1.5,
        checks=(CheckResult(name="explained_variance", value=share, limit=0.95, passed=bool(number % 10)),),
        jobs=tuple(
            JobUse(kind=kind, name=f"{DAG_ID}-{number}", seconds=200, billable_seconds=150, instance_count=1)
            for kind in ("processing job", "training job")
        ),
        report_json_uri=f"s3://bucket/runs/{number}/report/report.json",
    )


def insert_runs(count: int) -> None:
    """Insert runs that have ended, a week apart, each with its last task and that one's summary."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    newest = datetime(2026, 11, 22, tzinfo=UTC)
    runs: list[dict[str, Any]] = []
    for number in range(count):
        started_at = newest - timedelta(weeks=number)
        runs.append(
            {
                "id": number + 1,
                "dag_id": DAG_ID,
                "run_id": f"scheduled__{started_at.isoformat()}",
                "run_type": "scheduled",
                "state": "success" if number % 10 else "failed",
                "run_after": started_at,
                "start_date": started_at,
                "end_date": started_at + timedelta(minutes=9),
                "conf": {},
            }
        )
    tasks = [{"dag_id": DAG_ID, "run_id": run["run_id"], "task_id": PUBLISH_REPORT, "map_index": -1} for run in runs]
    with create_session() as session:
        session.execute(insert(DagRun.__table__), runs)
        session.execute(
            insert(TaskInstance.__table__), [task | {"pool": "default_pool", "max_tries": 0} for task in tasks]
        )
        session.execute(
            insert(XComModel.__table__),
            [
                task
                | {
                    "dag_run_id": run["id"],
                    "key": RUN_SUMMARY_KEY,
                    "value": XComModel.serialize_value(summary(run["id"], run["start_date"]).model_dump(mode="json")),
                }
                for task, run in zip(tasks, runs, strict=True)
            ],
        )


def main(count: int, rounds: int) -> None:
    """Insert, open, report the medians."""
    insert_runs(count)
    from airflow.api_fastapi.main import app

    with TestClient(app) as client:
        passwords = json.loads(Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]).read_text())
        login = {"username": "admin", "password": passwords["admin"]}
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        addresses = {
            "page_seconds": f"/{PAGES_PREFIX}/dags/{DAG_ID}/runs",
            "long_page_seconds": f"/{PAGES_PREFIX}/dags/{DAG_ID}/runs?limit={count}",
            "json_seconds": f"/{PAGES_PREFIX}/dags/{DAG_ID}/runs?format=json&limit={count}",
            "airflow_seconds": f"/api/v2/dags/{DAG_ID}/dagRuns?limit=100",
        }
        taken: dict[str, list[float]] = {name: [] for name in addresses}
        for number in range(rounds + 1):
            for name, address in addresses.items():
                started = time.perf_counter()
                client.get(address).raise_for_status()
                if number:  # the first one imports the pages, and fills Airflow's caches
                    taken[name].append(time.perf_counter() - started)
    report(**{name: median(seconds) for name, seconds in taken.items()})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
