"""What is done at events of Airflow's own; registered by the plugin in all of its processes, hence no heavy import."""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl


@hookimpl
def on_starting(component: Any) -> None:
    """A process of Airflow starts, that of a task among them."""
    if type(component).__name__ == "TaskRunnerMarker":
        on_task_instance_running()


@hookimpl
def on_task_instance_running() -> None:
    """A task runs; `airflow dags test` starts no process for it."""
    from sagemaker_pca.task_log import write_expected_errors_in_words

    write_expected_errors_in_words()
