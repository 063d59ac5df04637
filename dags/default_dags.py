"""The DAGs that come along, scheduled by environment variables of Airflow's processes.

A pipeline of your own takes three lines, in this file or in one beside it; Airflow reads a file only if the words
"airflow" and "dag" occur in it:

    # An Airflow DAG file.
    from sagemaker_pca.dags import pca_pipeline

    pca_pipeline("ecg", schedule="@weekly", settings={"feature_columns": ["i", "ii", "v1"], "endpoint_name": "ecg"})
"""

from __future__ import annotations

from sagemaker_pca import schedule
from sagemaker_pca.dags import (
    pca_batch_transform,
    pca_pipeline,
    pca_raw_data,
    sagemaker_endpoints,
    sagemaker_endpoints_report,
)

pipeline = pca_pipeline(
    "pca_pipeline", schedule=schedule.pipeline_schedule(), max_active_runs=schedule.max_active_runs()
)
pca_raw_data(
    "pca_raw_data",
    pipeline=pipeline,
    schedule=schedule.look_schedule(),
    events_queue_url=schedule.events_queue_url(),
    settle_seconds=schedule.settle_seconds(),
)
pca_batch_transform("pca_batch_transform", pipeline=pipeline)
sagemaker_endpoints("sagemaker_endpoints", schedule=schedule.endpoints_schedule())
sagemaker_endpoints_report("sagemaker_endpoints_report")
