"""What CloudWatch answers of several metrics at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name

pytestmark = pytest.mark.e2e


def test_each_query_is_answered_by_its_own_metric(aws: EmbeddedAws) -> None:
    cloudwatch, name = aws.client("cloudwatch"), unique_name("endpoint")
    dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "v1"}]
    others = [dimensions[0], {"Name": "VariantName", "Value": "v2"}]
    for namespace, metric, of, value in (
        ("Own", "Invocations", dimensions, 1.0),
        ("Own", "Invocations", dimensions, 2.0),
        ("Own", "Invocations", others, 10.0),
        ("Own", "Errors", dimensions, 100.0),
        ("Another", "Invocations", dimensions, 1000.0),
    ):
        cloudwatch.put_metric_data(
            Namespace=namespace, MetricData=[{"MetricName": metric, "Dimensions": of, "Value": value}]
        )

    queries = [query("both", dimensions), query("other", others), query("none", dimensions[:1])]
    assert sums(cloudwatch, queries) == {"both": [3.0], "other": [10.0], "none": []}


def test_an_expression_is_answered_from_other_queries(aws: EmbeddedAws) -> None:
    cloudwatch, dimensions = aws.client("cloudwatch"), [{"Name": "EndpointName", "Value": unique_name("endpoint")}]
    cloudwatch.put_metric_data(
        Namespace="Own", MetricData=[{"MetricName": "Invocations", "Dimensions": dimensions, "Value": 4.0}]
    )
    found = sums(cloudwatch, [query("a", dimensions), {"Id": "e", "Expression": "a"}])
    assert found == {"a": [4.0], "e": [4.0]}


def query(query_id: str, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    metric = {"Namespace": "Own", "MetricName": "Invocations", "Dimensions": dimensions}
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": 86_400, "Stat": "Sum"}}


def sums(cloudwatch: Any, queries: list[dict[str, Any]]) -> dict[str, list[float]]:
    now = datetime.now(UTC)
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1)
    )
    return {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
