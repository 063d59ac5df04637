"""What docker-compose.yaml would run in containers, run on this machine against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from quickstart.ui import DAG_ID
from tests.airflow_api import RUNNING_POLL_SECONDS, DagRun, wait_for
from tests.compose_machine import SERVICES, WORKERS, compose_machine, missing_programs
from tests.postgresql_server import MISSING, PostgresqlServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
RUN_SECONDS = 400


@pytest.fixture
def database() -> Iterator[PostgresqlServer]:
    """A database of the test's own: two Airflows in one would take each other for alive."""
    if MISSING:
        pytest.skip(MISSING)
    with PostgresqlServer() as server:
        yield server


def test_every_service_starts_becomes_healthy_and_the_first_click_runs_the_pipeline_on_the_sample(
    database: PostgresqlServer, tmp_path: Path
) -> None:
    skip_without("curl")
    in_docker = {"SAGEMAKER_LOCAL_PRIVATE_MOUNTS": "0"}
    with compose_machine(tmp_path / "opt airflow", database, settings=in_docker) as machine:
        machine.start_all(SERVICES)
        run = machine.ready_api().trigger(DAG_ID, "under_compose", {})
        assert run.wait_until_ended(RUN_SECONDS) == "success"
        link = run.link("start_training", "SageMaker")
        assert link.startswith("http://127.0.0.1:"), "what the browser of this machine can reach"
        assert httpx.get(link).json()["description"]["TrainingJobStatus"] == "Completed"


def test_with_the_profile_celery_a_worker_that_is_told_to_stop_finishes_its_task(
    database: PostgresqlServer, tmp_path: Path
) -> None:
    skip_without("curl", "redis-server", "redis-cli")
    with compose_machine(tmp_path / "opt airflow", database, {"AIRFLOW_EXECUTOR": "CeleryExecutor"}) as machine:
        machine.start_all(("redis", *SERVICES, *WORKERS))
        run = machine.ready_api().trigger(DAG_ID, "under_compose", {"poll_seconds": 1})
        worker, task_id = wait_for(
            lambda: machine.worker_at_work(running(run)), RUN_SECONDS, every=RUNNING_POLL_SECONDS
        )
        assert machine.stop(worker) == 0
        assert run.wait_until_ended(RUN_SECONDS) == "success"
        assert {task["try_number"] for task in run.tasks().values()} <= {0, 1}
        assert "task_runner.py" in run.log(task_id), "the api-server shows what workers wrote"


def skip_without(*programs: str) -> None:
    if missing := missing_programs(*programs):
        pytest.skip(f"needs {missing}")


def running(run: DagRun) -> dict[int, str]:
    """Tasks under way, by their process ids."""
    return {task["pid"]: task_id for task_id, task in run.tasks().items() if task["state"] == "running"}
