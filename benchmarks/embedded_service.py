"""The embedded service for measurements: its clients, and an endpoint in service with a model."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import boto3
import numpy as np
from botocore.config import Config
from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.ndarray_file import write_arrays

BUCKET = "benchmarks"
ROLE = "arn:aws:iam::123456789012:role/sagemaker-pca-serving"
PCA_IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:1"


def client(address: str, service: str) -> Any:
    """Return a client that reads no profile, goes through no proxy and tries each call once."""
    return boto3.client(
        service,
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the embedded service takes any
        config=Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def serve_model(address: str, name: str, components: NDArray[np.float64]) -> None:
    """Put an endpoint into service that projects on components (d, k)."""
    client(address, "s3").create_bucket(Bucket=BUCKET)
    client(address, "s3").put_object(Bucket=BUCKET, Key="model.tar.gz", Body=artifact(components))
    sagemaker = client(address, "sagemaker")
    container = {"Image": PCA_IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def artifact(components: NDArray[np.float64]) -> bytes:
    """Return a model.tar.gz as the built-in algorithm writes it."""
    columns, count = components.shape
    arrays = {"s": np.ones(count), "v": components, "mean": np.zeros((1, columns))}
    content = write_arrays({name: array.astype(np.float32) for name, array in arrays.items()})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("model_algo-1")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
