"""The graph of pca_pipeline with tasks that do nothing: what Airflow itself takes for a run."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

from sagemaker_pca.dags import pca_pipeline


def do_nothing() -> None:
    """Do nothing."""


def empty_twin() -> DAG:
    """Return a DAG of the same tasks and edges."""
    pipeline: Any = pca_pipeline("pca_pipeline", auto_register=False)  # else Airflow took it for one of this file
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
