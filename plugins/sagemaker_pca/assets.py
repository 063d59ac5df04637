"""The assets that DAGs of this project and of other people follow, a set for each pipeline."""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from sagemaker_pca.variables import AWS_CONN_ID


def model_asset(pipeline: str) -> Asset:
    """Updated by every run that put a verified model in service: ``schedule=[Asset("ecg_weekly_model")]``.

    :param pipeline: the pipeline's DAG id
    """
    return Asset(f"{pipeline}_model")


def raw_data_asset(pipeline: str) -> Asset:
    """Updated by the pipeline's `pca_raw_data` when other files lie at its raw data location and have settled."""
    return Asset(f"{pipeline}_raw_data")


def drift_asset(pipeline: str) -> Asset:
    """Updated by the pipeline's `pca_batch_transform` when more of its scored rows than allowed lie beyond limits."""
    return Asset(f"{pipeline}_drift")


def s3_events_asset(pipeline: str, queue_url: str) -> Asset:
    """The asset that Airflow's triggerer updates when S3 reports something to an SQS queue."""
    # Only where there is a queue: the triggerer's stream takes time to import.
    from sagemaker_pca.triggers.s3_events import S3EventsTrigger

    trigger = S3EventsTrigger(queue_url=queue_url, aws_conn_id=AWS_CONN_ID)
    return Asset(f"{pipeline}_s3_events", watchers=[AssetWatcher(name="sqs", trigger=trigger)])
