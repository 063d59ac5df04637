"""The plugin as Airflow loads it in every one of its processes: it imports nothing heavy."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class SageMakerPcaPlugin(AirflowPlugin):
    """Puts the package's name on Airflow's list of plugins."""

    name = "sagemaker_pca"
