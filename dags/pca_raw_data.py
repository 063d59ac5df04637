"""Notices changed raw data: lists the files, and updates an asset when they are others than at its last update."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from sagemaker_pca.notifications import failure_notifier
from sagemaker_pca.retry_policy import SageMakerRetryPolicy
from sagemaker_pca.schedule import look_schedule, settle_seconds
from sagemaker_pca.sensors.raw_data import RawDataChangedSensor
from sagemaker_pca.variables import AWS_CONN_ID

with DAG(
    dag_id="pca_raw_data",
    schedule=look_schedule(),
    catchup=False,
    # One look at a time: two would report the same change twice.
    max_active_runs=1,
    on_failure_callback=failure_notifier(),
    default_args={
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_policy": SageMakerRetryPolicy(),
        "aws_conn_id": AWS_CONN_ID,
    },
    tags=["sagemaker", "pca"],
    doc_md=__doc__,
) as dag:
    RawDataChangedSensor(task_id="notice_change", settle_seconds=settle_seconds())
