"""The Airflow amazon provider's own operators and sensors against the embedded service."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, csv_bytes, unique_name

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).parents[3]
COPY = "import shutil; shutil.copytree('/opt/ml/processing/in', '/opt/ml/processing/out', dirs_exist_ok=True)"


def test_provider_operators_and_sensors_run_the_whole_chain(aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.put("code/copy.py", COPY)
    aws.put("raw/rows.csv", csv_bytes(np.random.default_rng(2).normal(size=(20, 2))))
    prefix = unique_name("airflow")
    connection = {
        "conn_type": "aws",
        "login": "local",
        "password": "local",
        "extra": {"region_name": "us-east-1", "endpoint_url": aws.url},
    }
    finished = subprocess.run(
        [sys.executable, "-m", "tests.e2e.sagemaker_local.airflow_user", aws.bucket, prefix],
        cwd=PROJECT,
        env={
            **os.environ,
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert json.loads(finished.stdout.splitlines()[-1]) == {
        "training": "Completed",
        "endpoint": "InService",
        "configuration": f"{prefix}-config-2",
        "transform": "Completed",
    }
    assert aws.keys("projections/") == ["projections/rows.csv.out"]
