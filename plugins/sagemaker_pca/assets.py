"""The assets that DAGs of this project and of other people follow: raw data that changed, models that were verified."""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from sagemaker_pca.variables import AWS_CONN_ID

MODEL_ASSET = Asset("sagemaker_pca_model")
"""Updated by every run that put a verified model in service: `schedule=[MODEL_ASSET]`."""

RAW_DATA_ASSET = Asset("sagemaker_pca_raw_data")
"""Updated by `pca_raw_data` when other files lie at the raw data location, once they have settled."""


def s3_events_asset(queue_url: str) -> Asset:
    """The asset that Airflow's triggerer updates when S3 reports something to an SQS queue."""
    # Only where there is a queue: the triggerer's stream takes time to import.
    from sagemaker_pca.triggers.s3_events import S3EventsTrigger

    trigger = S3EventsTrigger(queue_url=queue_url, aws_conn_id=AWS_CONN_ID)
    return Asset("sagemaker_pca_s3_events", watchers=[AssetWatcher(name="sqs", trigger=trigger)])
