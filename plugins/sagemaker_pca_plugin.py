"""The one file of this folder that Airflow scans, in every process: it imports nothing heavy."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class SageMakerPcaPlugin(AirflowPlugin):
    """Puts the package's name on Airflow's list of plugins."""

    name = "sagemaker_pca"
