"""The DAGs as functions, for DAG files: ``pca_pipeline("ecg_weekly", schedule="@weekly", settings={…})``.

Their modules lie in this package where it is installed. In a checkout they lie in `dags/` beside `plugins/`, where a
reader looks first: that folder is then a part of this package.
"""

from __future__ import annotations

from pathlib import Path

__path__ = [*__path__, str(Path(__file__).resolve().parents[3] / "dags")]

from sagemaker_pca.dags.pca_batch_transform import pca_batch_transform
from sagemaker_pca.dags.pca_pipeline import pca_pipeline
from sagemaker_pca.dags.pca_raw_data import pca_raw_data
from sagemaker_pca.dags.sagemaker_endpoints import sagemaker_endpoints
from sagemaker_pca.dags.sagemaker_endpoints_report import sagemaker_endpoints_report

__all__ = [
    "pca_batch_transform",
    "pca_pipeline",
    "pca_raw_data",
    "sagemaker_endpoints",
    "sagemaker_endpoints_report",
]
