from __future__ import annotations

import json
from pathlib import Path

import pytest

from quickstart.aws_check import environment, time_limit
from quickstart.processes import QuickstartError


def test_airflow_keeps_the_users_aws_and_nothing_of_the_users_airflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "team")
    monkeypatch.delenv("AWS_CONFIG_FILE", raising=False)
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://production/airflow")
    monkeypatch.setenv("AIRFLOW_VAR_SAGEMAKER_PCA", "{}")

    found = environment(tmp_path, "eu-west-1")

    assert found["AWS_PROFILE"] == "team"
    assert "AWS_CONFIG_FILE" not in found
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith(f"sqlite:///{tmp_path}")
    assert "AIRFLOW_VAR_SAGEMAKER_PCA" not in found
    assert json.loads(found["AIRFLOW_CONN_AWS_DEFAULT"]) == {"conn_type": "aws", "extra": {"region_name": "eu-west-1"}}


def test_a_run_beyond_its_time_is_ended() -> None:
    time_limit(60)()
    with pytest.raises(QuickstartError, match="longer than the cost ceiling allows"):
        time_limit(-1)()
