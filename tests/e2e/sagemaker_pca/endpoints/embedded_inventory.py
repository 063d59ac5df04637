"""Endpoints, configurations and models that really serve, in the embedded service."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
import numpy as np

from sagemaker_pca.documents import VersionedDocument
from sagemaker_pca.endpoints.records import Promotion
from tests.e2e.sagemaker_local.embedded_aws import PCA, ROLE, EmbeddedAws, artifact_bytes
from tests.run_plans import DEPLOYMENT_ID

BUCKET = "sagemaker-pca-us-east-1-123456789012"
MANAGED = {"managed-by": "sagemaker-pca", "deployment-id": DEPLOYMENT_ID}


class EmbeddedInventory:
    """Puts resources into the service and says what is left of them.

    :param service_url: address of the service
    """

    def __init__(self, service_url: str) -> None:
        self.aws = EmbeddedAws(service_url)
        self.sagemaker = self.aws.sagemaker
        self.aws.s3.create_bucket(Bucket=BUCKET)
        self._artifact = self.aws.put("model.tar.gz", artifact_bytes(np.zeros(2), np.eye(2), np.ones(2)))

    def add_model(self, name: str, tags: Mapping[str, str] | None = None) -> str:
        """Add a model of the project's own."""
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": PCA, "ModelDataUrl": self._artifact},
            Tags=tag_list(tags),
        )
        return name

    def add_config(self, name: str, *model_names: str, tags: Mapping[str, str] | None = None) -> str:
        """Add a configuration with a variant for each model."""
        variants = [
            {
                "VariantName": f"v{number}",
                "ModelName": model_name,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
            for number, model_name in enumerate(model_names, start=1)
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, Tags=tag_list(tags))
        return name

    def add_serverless_config(self, name: str, model_name: str) -> str:
        """Add a configuration of 4 GB and 5 calls at once."""
        size = {"MemorySizeInMB": 4096, "MaxConcurrency": 5}
        variant = {"VariantName": "v1", "ModelName": model_name, "ServerlessConfig": size}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant], Tags=tag_list(None)
        )
        return name

    def add_endpoint(self, name: str, config_name: str, tags: Mapping[str, str] | None = None) -> str:
        """Add an endpoint and wait until it serves."""
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config_name, Tags=tag_list(tags))
        assert self.aws.wait_for_endpoint(name)["EndpointStatus"] == "InService"
        return name

    def serve(self, name: str, tags: Mapping[str, str] | None = None, *, serverless: bool = False) -> str:
        """Add an endpoint with a configuration and a model of the same name; the tags are the endpoint's."""
        model = self.add_model(name)
        config = self.add_serverless_config(name, model) if serverless else self.add_config(name, model)
        return self.add_endpoint(name, config, tags)

    def start_update(self, name: str, config_name: str) -> None:
        """Ask an endpoint to serve another configuration."""
        self.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config_name)

    def update(self, name: str, config_name: str) -> None:
        """Let an endpoint serve another configuration."""
        self.start_update(name, config_name)
        assert self.aws.wait_for_endpoint(name)["EndpointStatus"] == "InService"

    def wait_until_gone(self, name: str) -> None:
        """Wait until a deleted endpoint is gone."""
        gone = self.aws.sagemaker.get_waiter("endpoint_deleted")
        gone.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    def protect(self, endpoint_name: str) -> None:
        """Protect an endpoint as a person does."""
        arn = self.sagemaker.describe_endpoint(EndpointName=endpoint_name)["EndpointArn"]
        self.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "protect", "Value": "true"}])

    def put_invocations(self, name: str, count: float, when: datetime) -> None:
        """Put a count of invocations into CloudWatch, as of any time."""
        dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "v1"}]
        metric = {"MetricName": "Invocations", "Dimensions": dimensions, "Timestamp": when, "Value": count}
        self.aws.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=[metric])

    def plan_fault(self, **fault: Any) -> None:
        """Make the service fail something; `sagemaker_local.faults` says what there is."""
        httpx.post(f"{self.aws.url}/sagemaker-local/faults", json=fault).raise_for_status()

    def put_record(self, endpoint_name: str, file_name: str, document: VersionedDocument) -> None:
        """Put what the pipeline keeps of an endpoint."""
        self.put(f"endpoints/{endpoint_name}/{file_name}", document)

    def put(self, key: str, document: VersionedDocument) -> None:
        """Put a document into the pipeline's bucket."""
        self.aws.s3.put_object(Bucket=BUCKET, Key=key, Body=document.model_dump_json().encode())

    def names(self) -> dict[str, set[str]]:
        """What is there, by kind."""
        found = {
            kind: [
                item[f"{member.removesuffix('s')}Name"]
                for page in self.sagemaker.get_paginator(f"list_{kind}s").paginate()
                for item in page[member]
            ]
            for kind, member in (("endpoint", "Endpoints"), ("endpoint_config", "EndpointConfigs"), ("model", "Models"))
        }
        return {kind: set(names) for kind, names in found.items()}

    def reports(self) -> list[dict[str, Any]]:
        """Reports of deletions, in no order."""
        listing = self.aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="endpoint-deletions/")
        return [json.loads(self.aws.get(f"s3://{BUCKET}/{item['Key']}")) for item in listing.get("Contents", ())]

    def remove_everything(self) -> None:
        """Leave nothing of a test to the next one."""
        httpx.delete(f"{self.aws.url}/sagemaker-local/faults").raise_for_status()
        left = self.names()
        for name in left["endpoint"]:
            self.aws.wait_for_endpoint(name)
            self.sagemaker.delete_endpoint(EndpointName=name)
        for name in left["endpoint_config"]:
            self.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        for name in left["model"]:
            self.sagemaker.delete_model(ModelName=name)
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        for item in itertools.chain.from_iterable(page.get("Contents", ()) for page in pages):
            self.aws.s3.delete_object(Bucket=BUCKET, Key=item["Key"])


def promotion(endpoint_name: str, config_name: str, previous: str | None = None) -> Promotion:
    """What the pipeline keeps of the newest verified deployment."""
    return Promotion(
        run_name=config_name,
        fingerprint="",
        endpoint_name=endpoint_name,
        endpoint_config_name=config_name,
        model_name=config_name,
        previous_endpoint_config_name=previous,
    )


def tag_list(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Tags of the project's own, and these."""
    return [{"Key": key, "Value": value} for key, value in {**MANAGED, **(tags or {})}.items()]
