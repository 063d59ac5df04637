"""Every day, which endpoints are idle and which have expired; nothing is deleted. Paused until somebody wants it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from sagemaker_pca.dag_arguments import merged_arguments
from sagemaker_pca.operators.endpoints import SageMakerSweepOperator
from sagemaker_pca.retry_policy import SageMakerRetryPolicy
from sagemaker_pca.settings.endpoint_command import REPORTED_SWEEPS
from sagemaker_pca.task_states import record_failure
from sagemaker_pca.variables import AWS_CONN_ID


def sagemaker_endpoints_report(dag_id: str, *, schedule: Any = "@daily", **dag_arguments: Any) -> DAG:
    """The report.

    :param dag_id: its name in Airflow
    :param schedule: when it runs by itself, as Airflow takes it
    :param dag_arguments: further arguments of the DAG
    """
    with DAG(
        dag_id,
        schedule=schedule,
        **merged_arguments(
            dag_arguments,
            catchup=False,
            is_paused_upon_creation=True,
            default_args={
                "retries": 3,
                "retry_delay": timedelta(minutes=5),
                "retry_policy": SageMakerRetryPolicy(),
                "on_failure_callback": record_failure,
                "aws_conn_id": AWS_CONN_ID,
            },
            tags=["sagemaker", "endpoints"],
            doc_md=__doc__,
        ),
    ) as dag:
        for name, settings in REPORTED_SWEEPS.items():
            SageMakerSweepOperator(task_id=name, settings=settings)
    return dag
