"""The asset that a finished run updates, for other people's DAGs: `schedule=[MODEL_ASSET]`."""

from __future__ import annotations

from airflow.sdk import Asset

MODEL_ASSET = Asset("sagemaker_pca_model")
