"""From training data to projections: training jobs, models, endpoints."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from tests.e2e.sagemaker_local.embedded_aws import (
    EmbeddedAws,
    artifact_bytes,
    channel,
    client_of,
    csv_bytes,
    unique_name,
)
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

ROWS = np.random.default_rng(7).normal(size=(400, 4)) * [8.0, 4.0, 2.0, 1.0] + [10.0, -5.0, 0.0, 1.0]
HYPERPARAMETERS = {"feature_dim": "4", "num_components": "3", "mini_batch_size": "100"}


def identity_artifact(scale: float = 1.0) -> bytes:
    return artifact_bytes(np.zeros(2), np.eye(2) * scale, np.ones(2))


def projection_of(aws: EmbeddedAws, endpoint: str, body: str, **request: str) -> list[list[float]]:
    answer = aws.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/csv", **request)
    return [item["projection"] for item in json.loads(answer["Body"].read())["projections"]]


@pytest.mark.parametrize("instance_count", [1, 2])
def test_trained_model_is_served_and_projects_as_numpy_does(aws: EmbeddedAws, instance_count: int) -> None:
    aws.put("train/a.csv", csv_bytes(ROWS[:150]))
    aws.put("train/b.csv", csv_bytes(ROWS[150:]))
    train = channel("train", f"s3://{aws.bucket}/train/", S3DataDistributionType="ShardedByS3Key")
    name = aws.start_training(channels=[train], hyperparameters=HYPERPARAMETERS, instance_count=instance_count)
    job = aws.wait_for_training(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    artifact_uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert artifact_uri == f"s3://{aws.bucket}/models/{name}/output/model.tar.gz"

    endpoint = aws.serve(aws.get(artifact_uri))
    projected = projection_of(aws, endpoint, csv_bytes(ROWS[:5]).decode())
    _, _, directions = np.linalg.svd(ROWS - ROWS.mean(axis=0))
    expected = (ROWS[:5] - ROWS.mean(axis=0)) @ directions[2::-1].T
    np.testing.assert_allclose(np.abs(projected), np.abs(expected), atol=1e-4)


def test_training_tells_its_states_times_and_logs(aws: EmbeddedAws) -> None:
    train = channel("train", aws.put("train.csv", csv_bytes(ROWS)))
    name = aws.start_training(channels=[train], hyperparameters=HYPERPARAMETERS)
    job = aws.wait_for_training(name)
    transitions = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert transitions == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["SecondaryStatus"] == "Completed"
    assert job["BillableTimeInSeconds"] >= 1
    assert job["TrainingStartTime"] <= job["TrainingEndTime"]
    messages = aws.log_messages("/aws/sagemaker/TrainingJobs", name)
    assert any("completed 100 % of epochs" in message for message in messages)


def test_a_description_has_what_clients_of_other_versions_read(aws: EmbeddedAws) -> None:
    aws.put("rows/rows.csv", csv_bytes(np.eye(3)))
    small = {"feature_dim": "3", "num_components": "2", "mini_batch_size": "3"}
    train = channel("train", f"s3://{aws.bucket}/rows/")
    job = aws.wait_for_training(aws.start_training(channels=[train], hyperparameters=small))
    assert job["OutputDataConfig"]["KmsKeyId"] == ""
    assert job["AlgorithmSpecification"]["MetricDefinitions"] == []
    (described,) = job["InputDataConfig"]
    assert (described["CompressionType"], described["RecordWrapperType"]) == ("None", "None")


def test_failure_file_of_the_algorithm_becomes_the_failure_reason(aws: EmbeddedAws) -> None:
    train = channel("train", aws.put("train.csv", "a,b,c,d\n1,2,3,4\n"))
    job = aws.wait_for_training(aws.start_training(channels=[train], hyperparameters=HYPERPARAMETERS))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "Customer Error" not in job["FailureReason"]


def test_update_brings_the_new_configuration_into_service(aws: EmbeddedAws) -> None:
    endpoint = aws.serve(identity_artifact())
    twice = aws.create_endpoint_config(aws.create_model(aws.put("twice/model.tar.gz", identity_artifact(2.0))))
    aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=twice)
    description = aws.wait_for_endpoint(endpoint)
    assert description["EndpointConfigName"] == twice
    assert "FailureReason" not in description
    assert projection_of(aws, endpoint, "1,2") == [[2.0, 4.0]]


def test_failed_update_goes_on_serving_the_old_configuration_and_says_why(aws: EmbeddedAws) -> None:
    endpoint = aws.serve(identity_artifact())
    before = aws.wait_for_endpoint(endpoint)["EndpointConfigName"]
    broken = aws.create_endpoint_config(aws.create_model(aws.put("broken/model.tar.gz", b"no archive")))
    aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=broken)
    description = aws.wait_for_endpoint(endpoint)
    assert description["EndpointStatus"] == "InService"
    assert description["EndpointConfigName"] == before
    assert "not a valid tar.gz" in description["FailureReason"]
    assert projection_of(aws, endpoint, "1,2") == [[1.0, 2.0]]


def test_no_invocation_is_lost_while_an_endpoint_changes(aws: EmbeddedAws) -> None:
    endpoint = aws.serve(identity_artifact())
    model = aws.create_model(aws.put("other/model.tar.gz", identity_artifact(2.0)))
    done = threading.Event()

    def invoke_until_done(_: int) -> int:
        client, count = client_of(aws.url, "sagemaker-runtime"), 0
        while not done.is_set():
            client.invoke_endpoint(EndpointName=endpoint, Body=b"1,2", ContentType="text/csv")
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        counts = pool.map(invoke_until_done, range(4))
        for number in range(6):
            # The names of the variants change each time: v1, then v1 and v2.
            config = aws.create_endpoint_config(*([model] * (1 + number % 2)))
            aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
            aws.wait_for_endpoint(endpoint)
        done.set()
        assert min(counts) > 0


def test_deployment_configuration_is_accepted_and_said_to_be_carried_out_at_once(aws: EmbeddedAws) -> None:
    endpoint = aws.serve(identity_artifact())
    config = aws.create_endpoint_config(aws.create_model(aws.put("m/model.tar.gz", identity_artifact())))
    canary = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 600,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
            }
        }
    }
    aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=canary)
    assert aws.wait_for_endpoint(endpoint)["LastDeploymentConfig"] == canary
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    events = aws.logs.filter_log_events(logGroupName=group, filterPattern="DeploymentConfig")["events"]
    assert "all at once" in events[0]["message"]


def test_time_that_endpoints_take_to_come_up_is_a_setting() -> None:
    with ServiceProcess({"SAGEMAKER_LOCAL_ENDPOINT_CREATING_SECONDS": "1"}) as service:
        aws = EmbeddedAws(service.url)
        model = aws.create_model(aws.put("m/model.tar.gz", identity_artifact()))
        endpoint = aws.create_endpoint(aws.create_endpoint_config(model))
        assert aws.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Creating"
        assert aws.wait_for_endpoint(endpoint)["EndpointStatus"] == "InService"
        aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=aws.create_endpoint_config(model))
        description = aws.sagemaker.describe_endpoint(EndpointName=endpoint)
        assert description["EndpointStatus"] == "Updating"
        assert "EndpointConfigName" in description["PendingDeploymentSummary"]


def test_weights_survive_an_update_that_asks_for_it(aws: EmbeddedAws) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", identity_artifact()))
    first, second, third = (aws.create_endpoint_config(model, model) for _ in range(3))
    endpoint = aws.create_endpoint(first)
    aws.wait_for_endpoint(endpoint)
    weights = [{"VariantName": "v1", "DesiredWeight": 5.0}]
    aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=weights)
    aws.wait_for_endpoint(endpoint)
    for config, retain, expected in ((second, True, 5.0), (third, False, 1.0)):
        aws.sagemaker.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=config, RetainAllVariantProperties=retain
        )
        assert aws.wait_for_endpoint(endpoint)["ProductionVariants"][0]["CurrentWeight"] == expected


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        ([], (10, 5.0)),
        (["DesiredInstanceCount"], (1, 5.0)),
        (["DesiredWeight"], (10, 1.0)),
        (["DesiredInstanceCount", "DesiredWeight"], (1, 1.0)),
    ],
)
def test_what_an_update_excludes_is_not_retained(
    aws: EmbeddedAws, excluded: list[str], expected: tuple[int, float]
) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", identity_artifact()))
    endpoint = aws.create_endpoint(aws.create_endpoint_config(model))
    aws.wait_for_endpoint(endpoint)
    change = [{"VariantName": "v1", "DesiredWeight": 5.0, "DesiredInstanceCount": 10}]
    aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=change)
    aws.wait_for_endpoint(endpoint)
    aws.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=aws.create_endpoint_config(model),
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": name} for name in excluded],
    )
    (variant,) = aws.wait_for_endpoint(endpoint)["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == expected
    assert (variant["DesiredInstanceCount"], variant["DesiredWeight"]) == expected


def test_endpoint_cannot_grow_beyond_the_limit(aws: EmbeddedAws) -> None:
    endpoint = aws.serve(identity_artifact())
    change = [{"VariantName": "v1", "DesiredInstanceCount": 1000}]
    with pytest.raises(ClientError, match="'Number of instances for endpoint usage' is 20 Instances"):
        aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=change)


def test_data_capture_and_key_are_described_and_follow_the_configuration(aws: EmbeddedAws) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", identity_artifact()))
    capture = {
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": f"s3://{aws.bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    plain = aws.create_endpoint_config(model)
    variants = aws.sagemaker.describe_endpoint_config(EndpointConfigName=plain)["ProductionVariants"]
    capturing = unique_name("config")
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName=capturing, ProductionVariants=variants, DataCaptureConfig=capture, KmsKeyId="alias/endpoints"
    )
    described = aws.sagemaker.describe_endpoint_config(EndpointConfigName=capturing)
    assert (described["DataCaptureConfig"], described["KmsKeyId"]) == (capture, "alias/endpoints")

    endpoint = aws.create_endpoint(capturing)
    assert aws.wait_for_endpoint(endpoint)["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 20,
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": "",
    }
    aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=plain, RetainAllVariantProperties=True)
    assert "DataCaptureConfig" not in aws.wait_for_endpoint(endpoint), "no property that the service retains"


def test_endpoint_cannot_be_updated_to_the_configuration_it_has(aws: EmbeddedAws) -> None:
    endpoint = aws.serve(identity_artifact())
    config = aws.wait_for_endpoint(endpoint)["EndpointConfigName"]
    with pytest.raises(ClientError, match="which it is using already"):
        aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)


def test_endpoint_without_its_artifact_fails_and_can_only_be_deleted(aws: EmbeddedAws) -> None:
    config = aws.create_endpoint_config(aws.create_model(aws.put("lost/model.tar.gz", identity_artifact())))
    aws.s3.delete_object(Bucket=aws.bucket, Key="lost/model.tar.gz")
    endpoint = aws.create_endpoint(config)
    description = aws.wait_for_endpoint(endpoint)
    assert description["EndpointStatus"] == "Failed"
    assert "lost/model.tar.gz" in description["FailureReason"]
    with pytest.raises(ClientError, match="Failed"):
        aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    aws.sagemaker.delete_endpoint(EndpointName=endpoint)
    with pytest.raises(ClientError, match='Could not find endpoint "arn:'):
        aws.sagemaker.describe_endpoint(EndpointName=endpoint)


def test_model_without_its_artifact_is_refused(aws: EmbeddedAws) -> None:
    with pytest.raises(ClientError, match=r"Could not find model data at s3://.*/nowhere/model.tar.gz"):
        aws.create_model(f"s3://{aws.bucket}/nowhere/model.tar.gz")


def test_training_without_data_is_refused(aws: EmbeddedAws) -> None:
    with pytest.raises(ClientError, match="No S3 objects found under S3 URL"):
        aws.start_training(channels=[channel("train", f"s3://{aws.bucket}/none/")], hyperparameters=HYPERPARAMETERS)


def test_model_error_reaches_the_client_as_424_with_the_original_status(aws: EmbeddedAws) -> None:
    with pytest.raises(ClientError) as error:
        projection_of(aws, aws.serve(identity_artifact()), "1,two")
    response: Any = error.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 400
    assert response["OriginalMessage"] == "unable to evaluate payload provided"


def test_missing_resources_are_told_in_the_words_that_clients_look_for(aws: EmbeddedAws) -> None:
    name = unique_name("unknown")
    calls: dict[str, Callable[[], Any]] = {
        "Requested resource not found.": lambda: aws.sagemaker.describe_training_job(TrainingJobName=name),
        'Could not find model "arn:': lambda: aws.sagemaker.describe_model(ModelName=name),
        'Could not find endpoint "arn:': lambda: aws.sagemaker.delete_endpoint(EndpointName=name),
        'Could not find endpoint configuration "arn:': lambda: aws.sagemaker.describe_endpoint_config(
            EndpointConfigName=name
        ),
    }
    for prefix, call in calls.items():
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == "ValidationException"
        assert error.value.response["Error"]["Message"].startswith(prefix)


def test_names_that_are_taken_are_told_in_the_words_that_clients_look_for(aws: EmbeddedAws) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", identity_artifact()))
    config = aws.create_endpoint_config(model)
    endpoint = aws.create_endpoint(config)
    variant = {"VariantName": "v", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    calls: dict[str, Callable[[], Any]] = {
        "model": lambda: aws.sagemaker.create_model(
            ModelName=model,
            ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
            PrimaryContainer={"Image": "382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:1"},
        ),
        "endpoint configuration": lambda: aws.sagemaker.create_endpoint_config(
            EndpointConfigName=config, ProductionVariants=[variant]
        ),
        "endpoint": lambda: aws.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config),
    }
    for noun, call in calls.items():
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Message"].startswith(f'Cannot create already existing {noun} "arn:')


def test_tags_are_set_replaced_listed_and_removed(aws: EmbeddedAws) -> None:
    model = aws.create_model(aws.put("m/model.tar.gz", identity_artifact()))
    arn = aws.sagemaker.describe_model(ModelName=model)["ModelArn"]
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}, {"Key": "kept", "Value": "1"}])
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "b"}])
    tags = {tag["Key"]: tag["Value"] for tag in aws.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags == {"team": "b", "kept": "1"}
    aws.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "kept", "Value": "1"}]
    found = aws.client("resourcegroupstaggingapi").get_resources(ResourceARNList=[arn])["ResourceTagMappingList"]
    assert found == [{"ResourceARN": arn, "Tags": [{"Key": "kept", "Value": "1"}]}]
