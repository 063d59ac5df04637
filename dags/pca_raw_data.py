"""Notices changed raw data: lists the files, and updates an asset when they are others than at its last update."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from sagemaker_pca.assets import raw_data_asset, s3_events_asset
from sagemaker_pca.dag_arguments import merged_arguments
from sagemaker_pca.notifications import failure_notifier
from sagemaker_pca.retry_policy import SageMakerRetryPolicy
from sagemaker_pca.schedule import DEFAULT_LOOK_SCHEDULE, DEFAULT_SETTLE_SECONDS, time_or_assets
from sagemaker_pca.sensors.raw_data import RawDataChangedSensor
from sagemaker_pca.task_states import record_failure
from sagemaker_pca.trigger_form import form_settings
from sagemaker_pca.variables import AWS_CONN_ID


def pca_raw_data(
    dag_id: str,
    *,
    pipeline: DAG,
    schedule: str | None = DEFAULT_LOOK_SCHEDULE,
    events_queue_url: str | None = None,
    settle_seconds: float = DEFAULT_SETTLE_SECONDS,
    **dag_arguments: Any,
) -> DAG:
    """Looks where a pipeline reads raw data, for a pipeline whose schedule is ``raw-data``.

    :param dag_id: its name in Airflow
    :param pipeline: whose raw data it looks at, and whose asset it updates
    :param schedule: when it looks by itself: a cron expression
    :param events_queue_url: SQS queue to which S3 reports changes: it then looks within half a minute as well
    :param settle_seconds: for how long nothing must have been written before changed data counts as complete
    :param dag_arguments: further arguments of the DAG
    """
    events = s3_events_asset(pipeline.dag_id, events_queue_url) if events_queue_url else None
    with DAG(
        dag_id,
        schedule=time_or_assets(schedule, [events] if events else []),
        **merged_arguments(
            dag_arguments,
            catchup=False,
            # One look at a time: two would report the same change twice.
            max_active_runs=1,
            on_failure_callback=failure_notifier(),
            default_args={
                "retries": 3,
                "retry_delay": timedelta(minutes=1),
                "retry_policy": SageMakerRetryPolicy(),
                "on_failure_callback": record_failure,
                "aws_conn_id": AWS_CONN_ID,
            },
            tags=["sagemaker", "pca"],
            doc_md=__doc__,
        ),
    ) as dag:
        RawDataChangedSensor(
            task_id="notice_change",
            asset=raw_data_asset(pipeline.dag_id),
            settings=form_settings(pipeline),
            settle_seconds=settle_seconds,
        )
    return dag
