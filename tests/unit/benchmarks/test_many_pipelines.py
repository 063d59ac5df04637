from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.many_pipelines import airflow_calls, is_look


def recorded(service: str, user_agent: str = "Boto3/1 Airflow/3.3", **headers: str) -> str:
    credential = f"AWS4-HMAC-SHA256 Credential=local/20261129/us-east-1/{service}/aws4_request, SignedHeaders=host"
    return json.dumps({"headers": {"Authorization": credential, "User-Agent": user_agent, **headers}, "method": "GET"})


def test_calls_are_counted_by_service_and_operation_those_of_other_clients_left_out(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    looks = recorded("sagemaker", **{"X-Amz-Target": "SageMaker.DescribeTrainingJob"})
    path.write_text("\n".join([looks, looks, recorded("s3"), recorded("s3", user_agent="Boto3/1")]) + "\n")
    assert airflow_calls(path) == {("sagemaker", "DescribeTrainingJob"): 2, ("s3", "GET"): 1}


@pytest.mark.parametrize(
    ("operation", "grows"),
    [
        ("DescribeProcessingJob", True),
        ("DescribeEndpoint", True),
        ("FilterLogEvents", True),
        ("DescribeEndpointConfig", False),
        ("CreateTrainingJob", False),
        ("GET", False),
    ],
)
def test_looks_are_what_a_wait_repeats(operation: str, grows: bool) -> None:
    assert is_look(operation) is grows
