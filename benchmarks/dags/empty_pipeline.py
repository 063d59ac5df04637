"""The graph of pca_pipeline with tasks that do nothing: what Airflow itself takes for a run.

`python -m benchmarks.dags.empty_pipeline` reports how many tasks there are.
"""

from __future__ import annotations

import importlib
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

from benchmarks.stopwatch import report


def do_nothing() -> None:
    """Do nothing."""


def empty_twin() -> DAG:
    """Return a DAG of the same tasks and edges."""
    # Among this module's names, Airflow would take the pipeline's DAG for one of this file.
    pipeline: Any = importlib.import_module("pca_pipeline").dag
    with DAG(dag_id="empty_pipeline", schedule=None) as twin:
        tasks = {
            task.task_id: PythonOperator(task_id=task.task_id.replace(".", "_"), python_callable=do_nothing)
            for task in pipeline.tasks
        }
    for task in pipeline.tasks:
        for following in task.downstream_task_ids:
            tasks[task.task_id] >> tasks[following]
    return twin


dag = empty_twin()

if __name__ == "__main__":
    report(tasks=len(dag.tasks))
