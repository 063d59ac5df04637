"""Serverless endpoints: cold starts, a limit on calls at once, and what they may not be or become."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name
from tests.e2e.sagemaker_local.test_training_to_endpoint import identity_artifact, projection_of
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

COLD_SECONDS, IDLE_SECONDS = 2.0, 1.0
CLIENTS, CONCURRENCY = 50, 5


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service whose containers take their time to start, and go soon."""
    times = {
        "SAGEMAKER_LOCAL_SERVERLESS_COLD_START_SECONDS": str(COLD_SECONDS),
        "SAGEMAKER_LOCAL_SERVERLESS_IDLE_SECONDS": str(IDLE_SECONDS),
    }
    with ServiceProcess(times) as service:
        yield service.url


@pytest.fixture
def aws(url: str) -> EmbeddedAws:
    return EmbeddedAws(url)


def served(aws: EmbeddedAws, scale: float = 1.0, **config: int) -> str:
    """The name of a serverless endpoint in service."""
    endpoint = aws.create_endpoint(aws.create_serverless_config(new_model(aws, scale), **config))
    assert aws.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"
    return endpoint


def new_model(aws: EmbeddedAws, scale: float = 1.0) -> str:
    return aws.create_model(aws.put(f"{unique_name('artifact')}/model.tar.gz", identity_artifact(scale)))


def seconds_of_a_call(aws: EmbeddedAws, endpoint: str) -> float:
    started = time.perf_counter()
    assert projection_of(aws, endpoint, "1,2") == [[1, 2]]
    return time.perf_counter() - started


def sum_of(aws: EmbeddedAws, endpoint: str, metric: str) -> float:
    now = datetime.now(UTC)
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "v1"}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=2),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def test_the_first_call_after_idleness_waits_for_a_container_and_the_next_does_not(aws: EmbeddedAws) -> None:
    endpoint = served(aws)
    for _ in range(2):
        assert seconds_of_a_call(aws, endpoint) >= COLD_SECONDS
        assert seconds_of_a_call(aws, endpoint) < COLD_SECONDS
        time.sleep(IDLE_SECONDS + 0.2)
    assert sum_of(aws, endpoint, "ModelSetupTime") == pytest.approx(2 * COLD_SECONDS * 1e6)
    assert sum_of(aws, endpoint, "Invocations") == 4


def test_it_is_described_by_memory_and_concurrency_and_has_no_instances(aws: EmbeddedAws) -> None:
    endpoint = served(aws, MemorySizeInMB=4096, MaxConcurrency=7, ProvisionedConcurrency=2)
    description = aws.sagemaker.describe_endpoint(EndpointName=endpoint)
    (variant,) = description["ProductionVariants"]
    config = {"MemorySizeInMB": 4096, "MaxConcurrency": 7, "ProvisionedConcurrency": 2}
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == config
    assert variant["CurrentInstanceCount"] == 0
    (kept,) = aws.sagemaker.describe_endpoint_config(EndpointConfigName=description["EndpointConfigName"])[
        "ProductionVariants"
    ]
    assert kept["ServerlessConfig"] == config
    assert not {"InstanceType", "InitialInstanceCount"} & kept.keys()
    assert seconds_of_a_call(aws, endpoint) < COLD_SECONDS, "provisioned containers are warm"


def test_of_many_clients_at_once_as_many_are_answered_as_may_be_and_the_others_are_throttled(aws: EmbeddedAws) -> None:
    endpoint, together = served(aws, MaxConcurrency=CONCURRENCY), threading.Barrier(CLIENTS)
    clients = [aws.client("sagemaker-runtime") for _ in range(CLIENTS)]

    def outcome(client: Any) -> tuple[str, int]:
        together.wait(timeout=60)
        try:
            answer = client.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body="1,2")
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        return "", answer["ResponseMetadata"]["HTTPStatusCode"]

    with ThreadPoolExecutor(CLIENTS) as pool:
        outcomes = Counter(pool.map(outcome, clients))
    # Most come while the first five wait for their containers; on a slow machine some come later.
    answered, throttled = outcomes["", 200], outcomes["ThrottlingException", 429]
    assert answered + throttled == CLIENTS
    assert CONCURRENCY <= answered < CLIENTS
    assert sum_of(aws, endpoint, "ModelSetupTime") <= CONCURRENCY * COLD_SECONDS * 1e6
    assert seconds_of_a_call(aws, endpoint) < COLD_SECONDS
    assert sum_of(aws, endpoint, "Invocation4XXErrors") == throttled
    assert sum_of(aws, endpoint, "Invocations") == CLIENTS + 1


def test_a_client_that_tries_again_is_answered(aws: EmbeddedAws) -> None:
    endpoint = served(aws, MaxConcurrency=1)

    def call(_: int) -> bool:
        for _ in range(100):
            try:
                return projection_of(aws, endpoint, "1,2") == [[1, 2]]
            except ClientError as error:
                assert error.response["Error"]["Code"] == "ThrottlingException"  # noqa: PT017
                time.sleep(0.1)
        return False

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(call, range(8)))


def test_a_call_may_carry_four_megabytes(aws: EmbeddedAws) -> None:
    endpoint = served(aws, ProvisionedConcurrency=1)
    row = b"1,2\n"
    assert len(projection_of(aws, endpoint, (row * (4 * 2**18)).decode())) == 2**20
    with pytest.raises(ClientError, match="exceeded 4194304 bytes") as refused:
        projection_of(aws, endpoint, (row * (4 * 2**18) + row).decode())
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_an_update_brings_another_model_whose_containers_are_new(aws: EmbeddedAws) -> None:
    endpoint = served(aws)
    assert seconds_of_a_call(aws, endpoint) >= COLD_SECONDS
    config = aws.create_serverless_config(new_model(aws, 2.0))
    aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, RetainAllVariantProperties=True)
    assert aws.wait_for_endpoint(endpoint)["EndpointConfigName"] == config
    started = time.perf_counter()
    assert projection_of(aws, endpoint, "1,2") == [[2, 4]]
    assert time.perf_counter() - started >= COLD_SECONDS


def test_instances_become_no_serverless_endpoint_and_none_becomes_instances(aws: EmbeddedAws) -> None:
    model = new_model(aws)
    configs = [aws.create_serverless_config(model), aws.create_endpoint_config(model)]
    for before, after in (configs, reversed(configs)):
        endpoint = aws.create_endpoint(before)
        aws.wait_for_endpoint(endpoint)
        with pytest.raises(ClientError, match="cannot be updated from serverless to instances"):
            aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=after)
        assert aws.wait_for_endpoint(endpoint)["EndpointConfigName"] == before


def test_a_serverless_variant_has_no_instances_to_scale(aws: EmbeddedAws) -> None:
    endpoint = served(aws)
    change = [{"VariantName": "v1", "DesiredInstanceCount": 2}]
    with pytest.raises(ClientError, match='The serverless variant "v1" has no instances'):
        aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=change)


def test_a_model_in_a_vpc_is_not_served_without_instances(aws: EmbeddedAws) -> None:
    name, uri = unique_name("model"), aws.put("vpc/model.tar.gz", identity_artifact())
    described = aws.sagemaker.describe_model(ModelName=new_model(aws))
    aws.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=described["ExecutionRoleArn"],
        PrimaryContainer={"Image": described["PrimaryContainer"]["Image"], "ModelDataUrl": uri},
        VpcConfig={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    )
    with pytest.raises(ClientError, match=r"VpcConfig of model .* is not supported for serverless endpoints"):
        aws.create_serverless_config(name)
