"""Faults that a test of a client can plan through POST /sagemaker-local/faults."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, artifact_bytes
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

ARTIFACT = artifact_bytes(np.zeros(2), np.eye(2), np.ones(2))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service of this module's own: planned faults must not hit other tests."""
    with ServiceProcess() as service:
        yield service.url


@pytest.fixture
def aws(url: str) -> Iterator[EmbeddedAws]:
    yield EmbeddedAws(url)
    control(url, method="DELETE")


def control(url: str, method: str = "POST", **fault: Any) -> Any:
    body = json.dumps(fault).encode() if fault else None
    request = urllib.request.Request(f"{url}/sagemaker-local/faults", data=body, method=method)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


def test_next_calls_of_an_action_are_throttled_and_no_others(aws: EmbeddedAws) -> None:
    control(aws.url, fault="throttle", target="ListTrainingJobs", times=2)
    aws.sagemaker.list_models()
    for _ in range(2):
        with pytest.raises(ClientError) as error:
            aws.sagemaker.list_training_jobs()
        assert error.value.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    aws.sagemaker.list_training_jobs()


def test_dropped_connection_leaves_the_request_without_effect(aws: EmbeddedAws) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", ARTIFACT))
    control(aws.url, fault="drop_connection", target="DeleteModel")
    with pytest.raises(ConnectionClosedError):
        aws.sagemaker.delete_model(ModelName=model)
    aws.sagemaker.describe_model(ModelName=model)


def test_lost_response_leaves_the_request_with_its_effect(aws: EmbeddedAws) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", ARTIFACT))
    control(aws.url, fault="lose_response", target="DeleteModel")
    with pytest.raises(ConnectionClosedError):
        aws.sagemaker.delete_model(ModelName=model)
    with pytest.raises(ClientError, match="Could not find model"):
        aws.sagemaker.describe_model(ModelName=model)


def test_next_job_of_a_kind_fails_with_the_reason_given(aws: EmbeddedAws) -> None:
    control(aws.url, fault="fail_job", target="ProcessingJob", reason="InternalServerError: no capacity")
    failed = aws.wait_for_processing(aws.start_processing("print(1)"))
    assert (failed["ProcessingJobStatus"], failed["FailureReason"]) == ("Failed", "InternalServerError: no capacity")
    assert aws.wait_for_processing(aws.start_processing("print(1)"))["ProcessingJobStatus"] == "Completed"


def test_delayed_job_can_be_stopped_before_it_starts(aws: EmbeddedAws) -> None:
    control(aws.url, fault="delay_job", target="ProcessingJob", seconds=60)
    name = aws.start_processing("print(1)")
    time.sleep(0.3)
    job = aws.sagemaker.describe_processing_job(ProcessingJobName=name)
    assert job["ProcessingJobStatus"] == "InProgress"
    assert "ProcessingStartTime" not in job
    aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert aws.wait_for_processing(name, seconds=5)["ProcessingJobStatus"] == "Stopped"


def test_endpoint_fails_to_start_and_update_fails_with_the_reasons_given(aws: EmbeddedAws) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", ARTIFACT))
    first, second = aws.create_endpoint_config(model), aws.create_endpoint_config(model)
    control(aws.url, fault="fail_endpoint", reason="The primary container did not pass the ping health check.")
    failed = aws.wait_for_endpoint(aws.create_endpoint(first))
    assert (failed["EndpointStatus"], failed["FailureReason"][:21]) == ("Failed", "The primary container")

    endpoint = aws.create_endpoint(first)
    aws.wait_for_endpoint(endpoint)
    control(aws.url, fault="fail_update", reason="no capacity")
    aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=second)
    description = aws.wait_for_endpoint(endpoint)
    assert description["EndpointStatus"] == "InService"
    assert (description["EndpointConfigName"], description["FailureReason"]) == (first, "no capacity")


def test_endpoint_on_its_way_refuses_every_change(aws: EmbeddedAws) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", ARTIFACT))
    first, second = aws.create_endpoint_config(model), aws.create_endpoint_config(model)
    control(aws.url, fault="delay_endpoint", seconds=1.5)
    endpoint = aws.create_endpoint(first)
    weights = [{"VariantName": "v1", "DesiredWeight": 1.0}]
    changes: list[tuple[Any, dict[str, Any]]] = [
        (aws.sagemaker.delete_endpoint, {}),
        (aws.sagemaker.update_endpoint, {"EndpointConfigName": second}),
        (aws.sagemaker.update_endpoint_weights_and_capacities, {"DesiredWeightsAndCapacities": weights}),
    ]
    for change, request in changes:
        with pytest.raises(ClientError, match='Cannot update in-progress endpoint "arn:'):
            change(EndpointName=endpoint, **request)
    with pytest.raises(ClientError, match="not found"):
        aws.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1,2", ContentType="text/csv")
    assert aws.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"


def test_fault_with_a_name_hits_only_what_has_it(aws: EmbeddedAws) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", ARTIFACT))
    mine, other = aws.create_endpoint_config(model), aws.create_endpoint_config(model)
    control(aws.url, fault="throttle", target="DescribeEndpointConfig", name=mine)
    control(aws.url, fault="fail_endpoint", name="no-such-endpoint")
    control(aws.url, fault="throttle", target="InvokeEndpoint", name="no-such-endpoint")
    control(aws.url, fault="fail_job", target="ProcessingJob", name="no-such-job")
    aws.sagemaker.describe_endpoint_config(EndpointConfigName=other)
    with pytest.raises(ClientError, match="Rate exceeded"):
        aws.sagemaker.describe_endpoint_config(EndpointConfigName=mine)
    endpoint = aws.create_endpoint(mine)
    assert aws.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"
    aws.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1,2", ContentType="text/csv")
    assert aws.wait_for_processing(aws.start_processing("print(1)"))["ProcessingJobStatus"] == "Completed"
    assert len(control(aws.url, method="GET")["faults"]) == 3


def test_invocations_can_be_throttled(aws: EmbeddedAws) -> None:
    endpoint = aws.serve(ARTIFACT)
    control(aws.url, fault="throttle", target="InvokeEndpoint")
    with pytest.raises(ClientError, match="ThrottlingException"):
        aws.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1,2", ContentType="text/csv")
    aws.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1,2", ContentType="text/csv")


def test_credentials_can_run_out(aws: EmbeddedAws) -> None:
    control(aws.url, fault="expire_token", target="ListModels")
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        aws.sagemaker.list_models()
    aws.sagemaker.list_models()


def test_planned_faults_are_listed_and_forgotten(aws: EmbeddedAws) -> None:
    control(aws.url, fault="throttle", target="ListModels", times=3)
    assert [fault["times"] for fault in control(aws.url, method="GET")["faults"]] == [3]
    assert control(aws.url, method="DELETE") == {"faults": []}
    aws.sagemaker.list_models()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"fault": "melt"}, "fault='melt' is unknown. Give one of throttle,"),
        ({"fault": "throttle"}, "needs a target"),
        ({"fault": "fail_job", "target": "Job"}, "Give one of ProcessingJob, TrainingJob, TransformJob."),
        ({"fault": "throttle", "target": "ListModels", "times": 0}, "times=0 must be at least 1"),
        ({"fault": "throttle", "target": "ListModels", "colour": "red"}, "colour"),
    ],
)
def test_wrong_control_calls_are_told_in_a_sentence(aws: EmbeddedAws, fault: dict[str, Any], says: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        control(aws.url, **fault)
    assert error.value.code == 400
    assert says in json.load(error.value)["message"]
