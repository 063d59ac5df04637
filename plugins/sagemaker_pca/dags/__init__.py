"""The DAGs as functions, for DAG files: ``pca_pipeline("ecg_weekly", schedule="@weekly", settings={…})``.

Their modules lie in this package where it is installed. In a checkout they lie in `dags/` beside `plugins/`, where a
reader looks first: that folder is then a part of this package.
"""

from __future__ import annotations

from pathlib import Path

FOLDERS = [Path(__file__).resolve().parent, Path(__file__).resolve().parents[3] / "dags"]
__path__ = [*map(str, FOLDERS)]
if not any((folder / "pca_pipeline.py").is_file() for folder in FOLDERS):
    raise ImportError(f"The DAGs are neither in {FOLDERS[0]} nor in {FOLDERS[1]}. Put dags/ beside plugins/.")

from sagemaker_pca.dags.pca_batch_transform import pca_batch_transform  # noqa: E402
from sagemaker_pca.dags.pca_pipeline import pca_pipeline  # noqa: E402
from sagemaker_pca.dags.pca_raw_data import pca_raw_data  # noqa: E402
from sagemaker_pca.dags.sagemaker_endpoints import sagemaker_endpoints  # noqa: E402
from sagemaker_pca.dags.sagemaker_endpoints_report import sagemaker_endpoints_report  # noqa: E402

__all__ = [
    "pca_batch_transform",
    "pca_pipeline",
    "pca_raw_data",
    "sagemaker_endpoints",
    "sagemaker_endpoints_report",
]
