"""What `airflow providers list` shows of the installed package; asked before Airflow itself can be imported."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The package in Airflow's terms, with the buttons that its tasks have."""
    return {
        "package-name": "airflow-sagemaker-pca",
        "name": "SageMaker PCA",
        "description": "PCA pipelines on Amazon SageMaker: raw CSV to features, model, endpoint and projections.",
        "extra-links": [
            "sagemaker_pca.links.SageMakerResourceLink",
            "sagemaker_pca.links.SageMakerLogLink",
            "sagemaker_pca.links.RunReportLink",
            "sagemaker_pca.links.EndpointLink",
        ],
    }
