"""What is done at events of Airflow's own; registered by the plugin in all of its processes, hence no heavy import."""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)


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


@hookimpl
def on_dag_run_success(dag_run: Any) -> None:
    """A run has ended well."""
    _note_how_it_ended(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: Any) -> None:
    """A run has failed, or was marked failed."""
    _note_how_it_ended(dag_run)


def _note_how_it_ended(dag_run: Any) -> None:
    """Write the run's note; the scheduler, in whose loop this is, goes on whatever comes of it."""
    try:
        from sagemaker_pca.run_note import write_note

        write_note(dag_run)
    except Exception:
        log.exception("No note for run %s of %s", dag_run.run_id, dag_run.dag_id)
