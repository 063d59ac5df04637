"""The one file of this folder that Airflow scans.

Where the package is installed too, its entry point registers the plugin: Airflow reports a second one as an error.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from sagemaker_pca.plugin import SageMakerPcaPlugin

if entry_points(group="airflow.plugins", name=SageMakerPcaPlugin.name):
    del SageMakerPcaPlugin
