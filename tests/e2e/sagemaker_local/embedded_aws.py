"""AWS clients of the embedded service, and what the tests put into it."""

import functools
import io
import itertools
import os
import tarfile
import time
from collections.abc import Callable
from typing import Any

import boto3
import numpy as np
from botocore.config import Config

from sagemaker_local.pca_algorithm.ndarray_file import write_arrays

ROLE = "arn:aws:iam::123456789012:role/service-role/pca-execution"
SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
PCA = "382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:1"

_numbers = itertools.count()


class EmbeddedAws:
    """Clients of one address, and the steps that many tests begin with."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bucket = unique_name("bucket")
        self.model_name = ""
        self.model_names: list[str] = []
        self.sagemaker = shared_client_of(url, "sagemaker")
        self.runtime = shared_client_of(url, "sagemaker-runtime")
        self.s3 = shared_client_of(url, "s3")
        self.logs = shared_client_of(url, "logs")
        self.s3.create_bucket(Bucket=self.bucket)

    def client(self, service: str) -> Any:
        return client_of(self.url, service)

    def put(self, key: str, body: bytes | str) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def log_messages(self, group: str, job_name: str) -> list[str]:
        streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job_name}/")["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in self.logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def wait_for_log(self, group: str, job_name: str, message: str, seconds: float = 30) -> None:
        """Wait until a job has logged a message."""

        def messages() -> list[str]:
            try:
                return self.log_messages(group, job_name)
            except self.logs.exceptions.ResourceNotFoundException:
                return []

        wait_until(messages, lambda found: message in found, seconds)

    # -- processing

    def start_processing(self, script: str, **request: Any) -> str:
        """Start a processing job that runs a script; members of the request can be replaced."""
        name = unique_name("processing")
        code = self.put(f"{name}/code/script.py", script)
        arguments = request.pop("arguments", [])
        inputs = [s3_input("code", code, "/opt/ml/processing/input/code"), *request.pop("inputs", [])]
        outputs = request.pop("outputs", [])
        body = {
            "ProcessingJobName": name,
            "RoleArn": ROLE,
            "AppSpecification": {
                "ImageUri": SCIKIT_LEARN,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py"],
                **({"ContainerArguments": arguments} if arguments else {}),
            },
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": request.pop("instance_count", 1),
                    "InstanceType": "ml.m5.large",
                    "VolumeSizeInGB": 10,
                }
            },
            "ProcessingInputs": inputs,
            "ProcessingOutputConfig": {"Outputs": outputs},
        }
        self.sagemaker.create_processing_job(**body | request)
        return name

    def wait_for_processing(self, name: str, seconds: float = 60) -> Any:
        return wait_until(
            lambda: self.sagemaker.describe_processing_job(ProcessingJobName=name),
            lambda job: job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"),
            seconds,
        )

    # -- training and hosting

    def start_training(self, **request: Any) -> str:
        name = unique_name("training")
        channels = request.pop("channels")
        hyperparameters = request.pop("hyperparameters")
        body = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": PCA, "TrainingInputMode": request.pop("mode", "File")},
            "HyperParameters": hyperparameters,
            "InputDataConfig": channels,
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/models"},
            "ResourceConfig": {
                "InstanceCount": request.pop("instance_count", 1),
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 10,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
        self.sagemaker.create_training_job(**body | request)
        return name

    def wait_for_training(self, name: str, seconds: float = 60) -> Any:
        return wait_until(
            lambda: self.sagemaker.describe_training_job(TrainingJobName=name),
            lambda job: job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"),
            seconds,
        )

    def wait_for_transform(self, name: str, seconds: float = 60) -> Any:
        return wait_until(
            lambda: self.sagemaker.describe_transform_job(TransformJobName=name),
            lambda job: job["TransformJobStatus"] in ("Completed", "Failed", "Stopped"),
            seconds,
        )

    def create_model(self, artifact_uri: str, kind: str = "model") -> str:
        name = unique_name(kind)
        self.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": PCA, "ModelDataUrl": artifact_uri}
        )
        return name

    def create_endpoint_config(self, *model_names: str, **weights: float) -> str:
        """Create a configuration with one variant per model, named v1, v2 and so on."""
        name = unique_name("config")
        variants = [
            {
                "VariantName": f"v{number}",
                "ModelName": model_name,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                **({"InitialVariantWeight": weights[f"v{number}"]} if f"v{number}" in weights else {}),
            }
            for number, model_name in enumerate(model_names, start=1)
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        return name

    def create_serverless_config(self, model_name: str, **config: int) -> str:
        """Create a configuration with one variant, v1."""
        name = unique_name("config")
        serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 5} | config
        variant = {"VariantName": "v1", "ModelName": model_name, "ServerlessConfig": serverless}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def create_endpoint(self, config_name: str) -> str:
        name = unique_name("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config_name)
        return name

    def wait_for_endpoint(self, name: str, seconds: float = 60) -> Any:
        return wait_until(
            lambda: self.sagemaker.describe_endpoint(EndpointName=name),
            lambda endpoint: endpoint["EndpointStatus"] in ("InService", "Failed"),
            seconds,
        )

    def serve(self, artifact: bytes) -> str:
        """Return the name of an endpoint in service with a model.tar.gz."""
        artifact_uri = self.put(f"{unique_name('artifact')}/model.tar.gz", artifact)
        name = self.create_endpoint(self.create_endpoint_config(self.create_model(artifact_uri)))
        assert self.wait_for_endpoint(name)["EndpointStatus"] == "InService"
        return name


def client_of(url: str, service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )


@functools.cache
def shared_client_of(url: str, service: str) -> Any:
    """A client that all tests use: making one takes longer than most of its calls."""
    return client_of(url, service)


def unique_name(kind: str) -> str:
    return f"{kind}-{os.getpid()}-{next(_numbers)}"


def wait_until(describe: Callable[[], Any], is_done: Callable[[Any], bool], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        answer = describe()
        if is_done(answer):
            return answer
        assert time.monotonic() < deadline, f"still waiting after {seconds} s: {answer}"
        time.sleep(0.05)


def s3_input(name: str, uri: str, local_path: str, **members: str) -> dict[str, Any]:
    s3 = {"S3Uri": uri, "LocalPath": local_path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": s3 | members}


def s3_output(name: str, uri: str, local_path: str, mode: str = "EndOfJob") -> dict[str, Any]:
    return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": local_path, "S3UploadMode": mode}}


def channel(name: str, uri: str, content_type: str | None = "text/csv;label_size=0", **source: str) -> dict[str, Any]:
    data_source = {"S3DataType": "S3Prefix", "S3Uri": uri} | source
    described = {"ChannelName": name, "DataSource": {"S3DataSource": data_source}}
    return described | ({"ContentType": content_type} if content_type else {})


def csv_bytes(rows: Any) -> bytes:
    return "".join(",".join(repr(float(value)) for value in row) + "\n" for row in rows).encode()


def artifact_bytes(mean: Any, components: Any, singular_values: Any) -> bytes:
    """Return a model.tar.gz as the built-in algorithm writes it."""
    arrays = {"s": singular_values, "v": components, "mean": np.atleast_2d(mean)}
    content = write_arrays({name: np.asarray(array, dtype=np.float32) for name, array in arrays.items()})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("model_algo-1")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
