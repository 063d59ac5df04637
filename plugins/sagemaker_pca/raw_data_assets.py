"""The assets that stand for the raw data: what has changed there, and what S3 has reported about it."""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from sagemaker_pca.pipeline_run import AWS_CONN_ID

RAW_DATA_ASSET = Asset("sagemaker_pca_raw_data")
"""Updated by `pca_raw_data` when other files lie at the raw data location, once they have settled."""


def s3_events_asset(queue_url: str) -> Asset:
    """The asset that Airflow's triggerer updates when S3 reports something to an SQS queue."""
    # Only where there is a queue: the triggerer's stream takes time to import.
    from sagemaker_pca.triggers.s3_events import S3EventsTrigger

    trigger = S3EventsTrigger(queue_url=queue_url, aws_conn_id=AWS_CONN_ID)
    return Asset("sagemaker_pca_s3_events", watchers=[AssetWatcher(name="sqs", trigger=trigger)])
