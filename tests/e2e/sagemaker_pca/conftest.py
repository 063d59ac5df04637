"""Our hook, on an embedded service of this folder's own: planned faults must not hit other tests."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.triggers.base import shared_hook
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws
from tests.run_plans import DEPLOYMENT_VARIABLE
from tests.service_process import ServiceProcess

PlanFault = Callable[..., None]


@pytest.fixture(scope="session")
def service_url() -> Iterator[str]:
    with ServiceProcess() as service:
        yield service.url


@pytest.fixture
def aws(service_url: str, monkeypatch: pytest.MonkeyPatch) -> EmbeddedAws:
    """Plain clients of the service, which Airflow's default connection leads to as well."""
    extra = {"region_name": "us-east-1", "endpoint_url": service_url}
    connection = {"conn_type": "aws", "login": "local", "password": "local", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    for name, deployment_id in DEPLOYMENT_VARIABLE.items():
        monkeypatch.setenv(name, deployment_id)
    shared_hook.cache_clear()  # it may be of another service, under the same name
    return EmbeddedAws(service_url)


@pytest.fixture
def hook(aws: EmbeddedAws) -> SageMakerPcaHook:
    return SageMakerPcaHook(aws_conn_id="aws_default")


@pytest.fixture
def plan_fault(aws: EmbeddedAws) -> Iterator[PlanFault]:
    """Plans a fault of the service; what of it did not happen is forgotten after the test."""

    def control(method: str, body: bytes | None = None) -> None:
        request = urllib.request.Request(f"{aws.url}/sagemaker-local/faults", data=body, method=method)  # noqa: S310
        urllib.request.urlopen(request).close()  # noqa: S310

    def plan(**fault: Any) -> None:
        control("POST", json.dumps(fault).encode())

    yield plan
    control("DELETE")
