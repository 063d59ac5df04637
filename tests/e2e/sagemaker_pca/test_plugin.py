"""The plugin as every process of Airflow loads it."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

HEAVY = ("airflow.api_fastapi", "airflow.providers", "boto3", "botocore", "fastapi", "jinja2", "matplotlib", "numpy")


def test_loading_it_imports_nothing_that_airflow_has_not() -> None:
    program = (
        "import sys, airflow.plugins_manager\n"
        "before = set(sys.modules)\n"
        "import sagemaker_pca.plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    added = done.stdout.split()
    assert "sagemaker_pca.plugin" in added
    assert [name for name in added if name.startswith(HEAVY) or name.startswith("sagemaker_pca.pages")] == []
