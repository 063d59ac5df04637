"""InvokeEndpoint as a client sees it."""

import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from sagemaker_local.pca_algorithm.recordio import decode_projections, encode_features
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, artifact_bytes, unique_name
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

MEAN, COMPONENTS = np.array([1.0, 2.0, 3.0]), np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
ARTIFACT = artifact_bytes(MEAN, COMPONENTS, np.ones(2))
ROWS = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])
EXPECTED = (ROWS - MEAN) @ COMPONENTS
SPARSE = {"data": {"features": {"keys": [0, 2], "shape": [3], "values": [2.0, 6.0]}}}


def invoke(aws: EmbeddedAws, endpoint: str, body: bytes | str, content_type: str, **request: Any) -> Any:
    return aws.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=content_type, **request)


def test_every_request_format_gives_the_same_projections(aws: EmbeddedAws) -> None:
    endpoint = aws.serve(ARTIFACT)
    dense = [{"features": row.tolist()} for row in ROWS]
    nested = [{"data": {"features": {"values": row.tolist()}}} for row in ROWS]
    bodies: list[tuple[bytes | str, str]] = [
        ("1,2,3\n2,4,6\n", "text/csv"),
        ("1,2,3\n2,4,6", "text/csv;label_size=0"),
        (json.dumps({"instances": dense}), "application/json"),
        (json.dumps({"instances": nested}), "application/json"),
        ("\n".join(json.dumps(item) for item in dense), "application/jsonlines"),
        (encode_features(ROWS.astype(np.float32)), "application/x-recordio-protobuf"),
        (encode_features(ROWS), "application/x-recordio-protobuf"),
        (encode_features(ROWS.astype(np.int32)), "application/x-recordio-protobuf"),
    ]
    for body, content_type in bodies:
        answer = invoke(aws, endpoint, body, content_type)
        assert answer["ContentType"] == "application/json"
        found = [item["projection"] for item in json.loads(answer["Body"].read())["projections"]]
        np.testing.assert_allclose(found, EXPECTED, err_msg=content_type)


def test_sparse_instances_leave_the_other_features_zero(aws: EmbeddedAws) -> None:
    answer = invoke(aws, aws.serve(ARTIFACT), json.dumps({"instances": [SPARSE]}), "application/json")
    found = json.loads(answer["Body"].read())["projections"][0]["projection"]
    np.testing.assert_allclose(found, (np.array([2.0, 0.0, 6.0]) - MEAN) @ COMPONENTS)


def test_accept_chooses_the_response_format(aws: EmbeddedAws) -> None:
    endpoint = aws.serve(ARTIFACT)
    lines = invoke(aws, endpoint, "1,2,3\n2,4,6", "text/csv", Accept="application/jsonlines")
    assert lines["ContentType"] == "application/jsonlines"
    assert [json.loads(line)["projection"] for line in lines["Body"].read().splitlines()] == EXPECTED.tolist()
    records = invoke(aws, endpoint, "1,2,3\n2,4,6", "text/csv", Accept="application/x-recordio-protobuf")
    np.testing.assert_allclose(decode_projections(records["Body"].read()), EXPECTED)


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "original_status"),
    [
        ("", "text/csv", None, 400),
        ("1,2", "text/csv", None, 400),
        ("a,b,c", "text/csv", None, 400),
        ("{", "application/json", None, 400),
        ('{"instances": []}', "application/json", None, 400),
        ("not recordio at all", "application/x-recordio-protobuf", None, 400),
        ("1,2,3", "application/x-npy", None, 415),
        ("1,2,3", "text/csv", "text/csv", 406),
    ],
)
def test_what_the_model_refuses_is_a_model_error(
    aws: EmbeddedAws, body: str, content_type: str, accept: str | None, original_status: int
) -> None:
    endpoint = aws.serve(ARTIFACT)
    with pytest.raises(ClientError) as error:
        invoke(aws, endpoint, body, content_type, **({"Accept": accept} if accept else {}))
    response: Any = error.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == original_status
    assert response["Error"]["Message"].startswith(f"Received client error ({original_status}) from primary")
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    streams = aws.logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert streams[0]["logStreamName"].startswith("v1/")


def test_payload_beyond_the_limit_is_413() -> None:
    with ServiceProcess({"SAGEMAKER_LOCAL_INVOCATION_PAYLOAD_BYTES": "1000"}) as service:
        aws = EmbeddedAws(service.url)
        endpoint = aws.serve(ARTIFACT)
        invoke(aws, endpoint, "1,2,3\n" * 100, "text/csv")
        with pytest.raises(ClientError, match="HTTP content length exceeded 1000 bytes") as error:
            invoke(aws, endpoint, "1,2,3\n" * 1000, "text/csv")
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
        invoke(aws, endpoint, "1,2,3", "text/csv")


def test_traffic_follows_the_weights_and_target_variant_overrides_them(aws: EmbeddedAws) -> None:
    models = [aws.create_model(aws.put(f"m{number}/model.tar.gz", ARTIFACT)) for number in (1, 2)]
    endpoint = aws.create_endpoint(aws.create_endpoint_config(*models, v1=3.0, v2=1.0))
    aws.wait_for_endpoint(endpoint)
    answered = Counter(invoke(aws, endpoint, "1,2,3", "text/csv")["InvokedProductionVariant"] for _ in range(400))
    assert 240 < answered["v1"] < 360
    only_second = invoke(aws, endpoint, "1,2,3", "text/csv", TargetVariant="v2")
    assert only_second["InvokedProductionVariant"] == "v2"
    with pytest.raises(ClientError, match="ValidationError"):
        invoke(aws, endpoint, "1,2,3", "text/csv", TargetVariant="v3")

    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "v1", "DesiredWeight": 0.0, "DesiredInstanceCount": 3}],
    )
    variants = {item["VariantName"]: item for item in aws.wait_for_endpoint(endpoint)["ProductionVariants"]}
    assert (variants["v1"]["CurrentWeight"], variants["v1"]["CurrentInstanceCount"]) == (0.0, 3)
    assert (variants["v2"]["CurrentWeight"], variants["v2"]["CurrentInstanceCount"]) == (1.0, 1)
    assert {invoke(aws, endpoint, "1,2,3", "text/csv")["InvokedProductionVariant"] for _ in range(20)} == {"v2"}


def test_unknown_endpoint_is_a_validation_error(aws: EmbeddedAws) -> None:
    name = unique_name("unknown")
    with pytest.raises(ClientError) as error:
        invoke(aws, name, "1", "text/csv")
    assert error.value.response["Error"]["Code"] == "ValidationError"
    assert error.value.response["Error"]["Message"] == f"Endpoint {name} of account 123456789012 not found."


def test_async_invocation_is_refused_in_a_sentence(aws: EmbeddedAws) -> None:
    with pytest.raises(ClientError, match="answers InvokeEndpoint only"):
        aws.runtime.invoke_endpoint_async(EndpointName=aws.serve(ARTIFACT), InputLocation="s3://b/k")


def test_invocations_are_counted_in_cloudwatch_and_an_idle_endpoint_counts_zero(aws: EmbeddedAws) -> None:
    busy, idle = aws.serve(ARTIFACT), aws.serve(ARTIFACT)
    for body in ("1,2,3", "4,5,6", "broken"):
        try:
            invoke(aws, busy, body, "text/csv")
        except ClientError:
            assert body == "broken"
    assert metric(aws, busy, "Invocations") == 3
    assert metric(aws, busy, "Invocation4XXErrors") == 1
    assert metric(aws, busy, "Invocation5XXErrors") == 0
    assert metric(aws, busy, "ModelLatency", "Maximum") > 0
    assert metric(aws, idle, "Invocations") == 0
    invoke(aws, busy, "1,2,3", "text/csv")
    assert metric(aws, busy, "Invocations") == 4


def metric(aws: EmbeddedAws, endpoint: str, name: str, statistic: str = "Sum") -> float:
    now = datetime.now(UTC)
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=name,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "v1"}],
        StartTime=now - timedelta(days=7),
        EndTime=now + timedelta(minutes=1),
        Period=7 * 86400,
        Statistics=[statistic],
    )["Datapoints"]
    return float(sum(point[statistic] for point in points)) if points else float("nan")


def test_model_that_cannot_be_loaded_fails_the_endpoint(aws: EmbeddedAws) -> None:
    buffer = io.BytesIO(ARTIFACT)
    config = aws.create_endpoint_config(aws.create_model(aws.put("cut/model.tar.gz", buffer.read(60))))
    description = aws.wait_for_endpoint(aws.create_endpoint(config))
    assert description["EndpointStatus"] == "Failed"
    assert description["FailureReason"]
