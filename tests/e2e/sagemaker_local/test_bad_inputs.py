"""Bad requests: each gets AWS's error code and wording, at once, and never a traceback or an HTML page."""

import copy
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from botocore.exceptions import ClientError

from tests.e2e.sagemaker_local.embedded_aws import (
    PCA,
    ROLE,
    SCIKIT_LEARN,
    EmbeddedAws,
    artifact_bytes,
    channel,
    unique_name,
)

pytestmark = pytest.mark.e2e

REMOVED = object()
V, S, U = "ValidationException", "SerializationException", "UnsupportedOperationException"

PROCESSING: dict[str, Any] = {
    "ProcessingJobName": "job",
    "RoleArn": ROLE,
    "AppSpecification": {"ImageUri": SCIKIT_LEARN, "ContainerEntrypoint": ["python3", "-c", "pass"]},
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}},
    "ProcessingInputs": [
        {
            "InputName": "in",
            "S3Input": {
                "S3Uri": "s3://BUCKET/data",
                "LocalPath": "/opt/ml/processing/in",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }
    ],
    "ProcessingOutputConfig": {
        "Outputs": [
            {
                "OutputName": "out",
                "S3Output": {"S3Uri": "s3://BUCKET/o", "LocalPath": "/opt/ml/processing/o", "S3UploadMode": "EndOfJob"},
            }
        ]
    },
}
TRAINING: dict[str, Any] = {
    "TrainingJobName": "job",
    "RoleArn": ROLE,
    "AlgorithmSpecification": {"TrainingImage": PCA, "TrainingInputMode": "File"},
    "HyperParameters": {"feature_dim": "2", "num_components": "1", "mini_batch_size": "10"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "ContentType": "text/csv;label_size=0",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://BUCKET/data"}},
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://BUCKET/models"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
MODEL: dict[str, Any] = {
    "ModelName": "model",
    "ExecutionRoleArn": ROLE,
    "PrimaryContainer": {"Image": PCA, "ModelDataUrl": "s3://BUCKET/data/model.tar.gz"},
}
CONFIG: dict[str, Any] = {
    "EndpointConfigName": "config",
    "ProductionVariants": [
        {"VariantName": "v", "ModelName": "MODEL", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    ],
}
ENDPOINT: dict[str, Any] = {"EndpointName": "endpoint", "EndpointConfigName": "nowhere"}
TRANSFORM: dict[str, Any] = {
    "TransformJobName": "job",
    "ModelName": "MODEL",
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://BUCKET/data"}},
        "ContentType": "text/csv",
    },
    "TransformOutput": {"S3OutputPath": "s3://BUCKET/out"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}
BASES = {
    "CreateProcessingJob": PROCESSING,
    "CreateTrainingJob": TRAINING,
    "CreateModel": MODEL,
    "CreateEndpointConfig": CONFIG,
    "CreateEndpoint": ENDPOINT,
    "CreateTransformJob": TRANSFORM,
}

# Operation, path of the member that is changed, its value, error code, part of the message. These are the service's own
# rules and one constraint of botocore's model; the unit tests of request_validation hold every kind of constraint.
CASES: list[tuple[str, str, Any, str, str]] = [
    ("CreateProcessingJob", "ProcessingJobName", REMOVED, V, "Value null at 'processingJobName' failed"),
    ("CreateProcessingJob", "AppSpecification.ImageUri", "own:1", U, "cannot run the image own:1"),
    ("CreateProcessingJob", "AppSpecification.ContainerEntrypoint", REMOVED, U, "ContainerEntrypoint"),
    ("CreateProcessingJob", "ProcessingResources.ClusterConfig.InstanceCount", "1", S, "expected integer, found str"),
    ("CreateProcessingJob", "ProcessingResources.ClusterConfig.InstanceCount", 50, "ResourceLimitExceeded", "50 Inst"),
    ("CreateProcessingJob", "ProcessingInputs.0.S3Input.S3Uri", "data", V, "processingInputs.1.member.s3Input.s3Uri"),
    ("CreateProcessingJob", "ProcessingInputs.0.S3Input.LocalPath", "/etc", V, "below /opt/ml/processing/"),
    ("CreateProcessingJob", "ProcessingInputs.0.S3Input.LocalPath", "/opt/ml/processing/../x", V, "is not valid"),
    ("CreateProcessingJob", "ProcessingInputs.0.S3Input.S3InputMode", "Pipe", U, "S3InputMode File"),
    ("CreateProcessingJob", "ProcessingInputs.0.S3Input", REMOVED, U, "S3Input only"),
    ("CreateProcessingJob", "ProcessingOutputConfig.Outputs.0.S3Output.LocalPath", "/tmp/o", V, "is not valid"),
    ("CreateProcessingJob", "ProcessingOutputConfig.Outputs.0.S3Output", REMOVED, U, "S3Output only"),
    ("CreateProcessingJob", "Tags", [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}], V, "Duplicate tag keys"),
    ("CreateTrainingJob", "AlgorithmSpecification", REMOVED, V, "Value null at 'algorithmSpecification'"),
    ("CreateTrainingJob", "AlgorithmSpecification.TrainingImage", PCA.replace("pca", "kmeans"), U, "pca:1"),
    ("CreateTrainingJob", "AlgorithmSpecification.TrainingImage", REMOVED, U, "TrainingImage"),
    ("CreateTrainingJob", "InputDataConfig", REMOVED, V, "Value null at 'inputDataConfig'"),
    ("CreateTrainingJob", "InputDataConfig.0.DataSource.S3DataSource.S3Uri", "s3://BUCKET/none", V, "No S3 objects"),
    ("CreateTrainingJob", "InputDataConfig.0.DataSource.S3DataSource.S3Uri", "s3://no-such-b/x", V, "No S3 objects"),
    ("CreateTrainingJob", "InputDataConfig.0.DataSource", {}, U, "S3DataSource"),
    ("CreateTrainingJob", "InputDataConfig.0.RecordWrapperType", "RecordIO", U, "unwrapped"),
    ("CreateTrainingJob", "CheckpointConfig", {"S3Uri": "s3://BUCKET/c"}, U, "CheckpointConfig"),
    ("CreateTrainingJob", "OutputDataConfig.CompressionType", "NONE", U, "tar.gz only"),
    (
        "CreateTrainingJob",
        "AlgorithmSpecification.MetricDefinitions",
        [{"Name": "m", "Regex": "x"}],
        V,
        "You can't override the metric definitions",
    ),
    ("CreateTrainingJob", "ResourceConfig.InstanceCount", REMOVED, V, "Value null at 'resourceConfig.instanceCount'"),
    ("CreateModel", "ExecutionRoleArn", REMOVED, V, "Value null at 'executionRoleArn'"),
    ("CreateModel", "PrimaryContainer", REMOVED, V, "either a PrimaryContainer or Containers"),
    ("CreateModel", "PrimaryContainer.ModelDataUrl", "s3://BUCKET/none.tar.gz", V, "Could not find model data at s3:"),
    ("CreateEndpointConfig", "ProductionVariants.0.ModelName", "nowhere", V, 'Could not find model "arn:'),
    ("CreateEndpointConfig", "ProductionVariants.0.InstanceType", REMOVED, V, "InstanceType"),
    ("CreateEndpointConfig", "ProductionVariants.0.InitialInstanceCount", 99, "ResourceLimitExceeded", "endpoint us"),
    ("CreateEndpointConfig", "ProductionVariants.0.InitialVariantWeight", 0, V, "weight greater than 0"),
    (
        "CreateEndpointConfig",
        "AsyncInferenceConfig",
        {"OutputConfig": {"S3OutputPath": "s3://b/o"}},
        U,
        "AsyncInference",
    ),
    (
        "CreateEndpointConfig",
        "ProductionVariants.0.ServerlessConfig",
        {"MemorySizeInMB": 2048, "MaxConcurrency": 1},
        V,
        "InstanceType and InitialInstanceCount cannot be given for serverless variant",
    ),
    ("CreateEndpoint", "EndpointConfigName", "nowhere", V, 'Could not find endpoint configuration "arn:'),
    ("CreateTransformJob", "ModelName", "nowhere", V, 'Could not find model "arn:'),
    ("CreateTransformJob", "TransformInput.SplitType", "TFRecord", U, "RecordIO"),
    ("CreateTransformJob", "TransformInput.DataSource.S3DataSource.S3Uri", "s3://BUCKET/none", V, "No S3 objects"),
    ("CreateTransformJob", "MaxPayloadInMB", 101, V, "must not exceed 100 MB"),
    ("CreateTransformJob", "DataProcessing", {"JoinSource": "Input"}, U, "DataProcessing"),
    ("ListTrainingJobs", "NextToken", "stolen", V, "NextToken"),
    ("DescribeTrainingJob", "TrainingJobName", "nowhere", V, "Requested resource not found."),
    ("StopTrainingJob", "TrainingJobName", "nowhere", V, "Requested resource not found."),
    ("DeleteTrainingJob", "TrainingJobName", "nowhere", V, "Requested resource not found."),
    ("StopProcessingJob", "ProcessingJobName", "nowhere", V, "Could not find requested job with name: nowhere"),
    ("DeleteProcessingJob", "ProcessingJobName", "nowhere", V, "Could not find requested job with name: nowhere"),
    ("DescribeTransformJob", "TransformJobName", "nowhere", V, "Could not find requested job with name: nowhere"),
    ("DeleteModel", "ModelName", "nowhere", V, 'Could not find model "arn:'),
    ("DeleteEndpointConfig", "EndpointConfigName", "nowhere", V, 'Could not find endpoint configuration "arn:'),
    ("DeleteEndpoint", "EndpointName", "nowhere", V, 'Could not find endpoint "arn:'),
    ("ListTags", "ResourceArn", "arn:aws:sagemaker:us-east-1:123456789012:model/nowhere", V, "Could not find model"),
    ("CreateLabelingJob", "LabelingJobName", "l", V, "Value null at"),
    ("StopHyperParameterTuningJob", "HyperParameterTuningJobName", "t", U, "StopHyperParameterTuningJob"),
]


@pytest.fixture(scope="module")
def shared(sagemaker_local_url: str) -> EmbeddedAws:
    """One bucket with some data, and one model, for every case."""
    aws = EmbeddedAws(sagemaker_local_url)
    aws.put("data/rows.csv", "1,2\n3,4\n")
    aws.put("data/model.tar.gz", artifact_bytes(np.zeros(2), np.eye(2), np.ones(2)))
    aws.model_name = aws.create_model(f"s3://{aws.bucket}/data/model.tar.gz")
    return aws


@pytest.mark.parametrize(
    ("operation", "path", "value", "code", "says"),
    CASES,
    ids=[f"{case[0]}-{case[1]}-{n}" for n, case in enumerate(CASES)],
)
def test_bad_request_gets_the_code_and_the_wording_of_the_service(
    shared: EmbeddedAws, operation: str, path: str, value: Any, code: str, says: str
) -> None:
    request = copy.deepcopy(BASES.get(operation, {}))
    for name in ("ProcessingJobName", "TrainingJobName", "ModelName", "EndpointConfigName", "TransformJobName"):
        if name in request and path != name and operation == f"Create{name.removesuffix('Name')}":
            request[name] = unique_name("bad")
    change(request, path, value)
    body = json.dumps(request).replace("BUCKET", shared.bucket).replace('"MODEL"', f'"{shared.model_name}"')
    status, headers, answer = post(shared.url, f"SageMaker.{operation}", body)
    assert status == 400
    assert headers["x-amzn-errortype"] == code, answer
    assert json.loads(answer)["__type"] == code
    assert says in json.loads(answer)["message"]


def test_unchanged_requests_of_the_table_are_accepted(shared: EmbeddedAws) -> None:
    for operation, base in BASES.items():
        if operation == "CreateEndpoint":
            continue
        body = json.dumps(base).replace("BUCKET", shared.bucket).replace('"MODEL"', f'"{shared.model_name}"')
        name = f"{operation.removeprefix('Create')}Name"
        status, _, answer = post(
            shared.url, f"SageMaker.{operation}", json.dumps(json.loads(body) | {name: unique_name("good")})
        )
        assert status == 200, answer


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("SageMaker.ListModels", "{", S),
        ("SageMaker.ListModels", "[]", S),
        ("SageMaker.ListModels", "\xff\xfe", S),
        ("SageMaker.NoSuchThing", "{}", "UnknownOperationException"),
        ("SageMaker.", "{}", "UnknownOperationException"),
    ],
)
def test_what_is_not_even_a_request_is_answered_in_json(shared: EmbeddedAws, target: str, body: str, code: str) -> None:
    status, headers, answer = post(shared.url, target, body)
    assert (status, headers["x-amzn-errortype"]) == (400, code)
    assert json.loads(answer)["__type"] == code


def test_several_broken_constraints_are_told_together(shared: EmbeddedAws) -> None:
    body = json.dumps({"EndpointName": "bad_name!"})
    _, _, answer = post(shared.url, "SageMaker.CreateEndpoint", body)
    assert json.loads(answer)["message"] == (
        "2 validation errors detected: Value null at 'endpointConfigName' failed to satisfy constraint: Member must "
        "not be null; Value 'bad_name!' at 'endpointName' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    )


def test_other_operations_of_moto_keep_working(shared: EmbeddedAws) -> None:
    name = unique_name("experiment")
    shared.sagemaker.create_experiment(ExperimentName=name)
    assert shared.sagemaker.describe_experiment(ExperimentName=name)["ExperimentName"] == name
    assert shared.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_search_finds_training_jobs_by_tag_name_and_status(shared: EmbeddedAws) -> None:
    owner = unique_name("owner")
    hyperparameters = TRAINING["HyperParameters"]
    rows = channel("train", f"s3://{shared.bucket}/data/rows.csv")
    name = shared.start_training(
        channels=[rows], hyperparameters=hyperparameters, Tags=[{"Key": "owner", "Value": owner}]
    )
    status = shared.wait_for_training(name)["TrainingJobStatus"]
    for property_name, value in (("Tags.owner", owner), ("TrainingJobName", name)):
        filters = [
            {"Name": property_name, "Operator": "Equals", "Value": value},
            {"Name": "TrainingJobStatus", "Operator": "Equals", "Value": status},
        ]
        found = shared.sagemaker.search(Resource="TrainingJob", SearchExpression={"Filters": filters})["Results"]
        assert [item["TrainingJob"]["TrainingJobName"] for item in found] == [name]
    with pytest.raises(ClientError, match="Unknown property name: Nothing"):
        shared.sagemaker.search(Resource="TrainingJob", SearchExpression={"Filters": [{"Name": "Nothing"}]})


def test_operation_that_moto_lacks_is_no_html_page(shared: EmbeddedAws) -> None:
    with pytest.raises(ClientError, match="NotImplemented") as error:
        shared.client("athena").list_engine_versions()
    assert "<html" not in str(error.value).lower()


def change(request: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    target: Any = request
    for part in parents:
        target = target[int(part)] if part.isdigit() else target.setdefault(part, {})
    if value is REMOVED:
        target.pop(last, None)
    else:
        target[last] = value


def post(url: str, target: str, body: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    headers = {
        "X-Amz-Target": target,
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sagemaker/aws4_request, Signature=x",
    }
    connection.request("POST", "/", body.encode("latin-1"), headers)
    response = connection.getresponse()
    try:
        return response.status, response.headers, response.read()
    finally:
        connection.close()
