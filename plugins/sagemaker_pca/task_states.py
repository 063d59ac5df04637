"""States, durations and failures of a run's tasks, asked of Airflow's execution API."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context

from sagemaker_pca.exceptions import Failure
from sagemaker_pca.run.tasks import FAILURE_KEY


def task_states(context: Context) -> dict[str, str]:
    """State of every task of the run, by task id."""
    ti = context["ti"]
    states: dict[str, str] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    return states


def task_durations(context: Context) -> dict[str, float | None]:
    """Seconds that each ended task of the run took, by task id."""
    ti: Any = context["ti"]
    return {row["task_id"]: row["duration"] for row in ti.get_task_breadcrumbs(dag_id=ti.dag_id, run_id=ti.run_id)}


def record_failure(context: Any) -> None:
    """Keep why a task failed for the run report: an `on_failure_callback`."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        context["ti"].xcom_push(key=FAILURE_KEY, value=Failure.of(error).model_dump(mode="json"))
