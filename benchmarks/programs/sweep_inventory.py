"""An embedded service with thousands of endpoints, put there at once: `... programs.sweep_inventory 5000`.

Of every ten endpoints one is protected, one is not the project's, two are called and one has no metrics at all; every
other configuration, and its model, is used by no endpoint. Each tenth endpoint was deployed by the pipeline.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from datetime import datetime, timedelta
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.s3.models import s3_backends
from moto.sagemaker.models import sagemaker_backends

from sagemaker_local.hosting import ENDPOINT, ENDPOINT_CONFIG, Endpoint
from sagemaker_local.resources import Kind, Resource, now
from sagemaker_local.served_models import MODEL
from sagemaker_local.server import Server
from sagemaker_local.settings import Settings

ACCOUNT, REGION = "123456789012", "us-east-1"
BUCKET = f"sagemaker-pca-{REGION}-{ACCOUNT}"
PROTECTED, FOREIGN, CALLED, SILENT = {0}, {1}, {2, 3}, {4}


def fill(count: int) -> None:
    """Put so many endpoints, configurations and models into the service, a month old."""
    backend: Any = sagemaker_backends[ACCOUNT][REGION]
    s3 = s3_backends[ACCOUNT]["aws"]
    s3.create_bucket(BUCKET, REGION)
    created_at = now() - timedelta(days=30)
    metrics: list[dict[str, Any]] = []
    for number in range(count):
        name, role = f"pca-{number:05}", number % 10
        config_name = f"pca-{number // 2 * 2:05}"
        times = {"CreationTime": created_at + timedelta(seconds=number)}
        tags = tags_of(name, role)
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
        backend._models[name] = made(MODEL, name, times, tags)
        backend.endpoint_configs[name] = made(ENDPOINT_CONFIG, name, times | {"ProductionVariants": [variant]}, tags)
        serving = {"VariantName": "AllTraffic", "CurrentInstanceCount": 1}
        state = {"EndpointStatus": "InService", "EndpointConfigName": config_name, "ProductionVariants": [serving]}
        backend.endpoints[name] = Endpoint(made(ENDPOINT, name, times | state, tags), Settings())
        if role not in SILENT:
            metrics.append(invocations(name, 100.0 if role in CALLED else 0.0))
        if role == 0:
            promoted = {"run_name": name, "fingerprint": "", "endpoint_name": name, "model_name": name}
            promoted["endpoint_config_name"] = config_name
            s3.put_object(BUCKET, f"endpoints/{name}/promoted.json", json.dumps(promoted).encode())
    cloudwatch_backends[ACCOUNT][REGION].put_metric_data("AWS/SageMaker", metrics)


def made(kind: Kind, name: str, members: dict[str, Any], tags: list[dict[str, str]]) -> Resource:
    """A resource as the service keeps it."""
    arn = kind.arn(name, ACCOUNT, REGION)
    changed = {"LastModifiedTime": members["CreationTime"]}
    return Resource(kind, name, arn, {kind.name_field: name, kind.arn_field: arn, **members, **changed}, tags)


def tags_of(name: str, role: int) -> list[dict[str, str]]:
    """The pipeline's tags, and protection where it is due."""
    tags = {"run-name": name, "dag-id": "pca_pipeline", "run-id": "manual", "owner": "sagemaker-pca"}
    tags |= {} if role in FOREIGN else {"managed-by": "sagemaker-pca", "deployment-id": "benchmark"}
    tags |= {"protect": "true"} if role in PROTECTED else {}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def invocations(endpoint_name: str, count: float) -> dict[str, Any]:
    """Invocations of yesterday."""
    dimensions = {"EndpointName": endpoint_name, "VariantName": "AllTraffic"}
    return {
        "MetricName": "Invocations",
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Timestamp": datetime.now() - timedelta(days=1),  # moto compares naive times
        "Unit": "None",
        "Value": count,
    }


def main() -> None:
    """Fill the service and serve until told to end."""
    told_to_end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told_to_end.set())
    server = Server("127.0.0.1", 0, Settings())
    fill(int(sys.argv[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"sagemaker_local is listening at {server.url}", flush=True)
    told_to_end.wait()
    server.stop()


if __name__ == "__main__":
    main()
