"""An inventory of its own for each test, on a service of this folder alone: lists and caps look at all there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quickstart.airflow_home import aws_connection
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.triggers.base import shared_hook
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import EmbeddedInventory
from tests.run_plans import DEPLOYMENT_VARIABLE
from tests.service_process import ServiceProcess


@pytest.fixture(scope="session")
def service_url() -> Iterator[str]:
    with ServiceProcess() as service:
        yield service.url


@pytest.fixture
def inventory(service_url: str) -> Iterator[EmbeddedInventory]:
    inventory = EmbeddedInventory(service_url)
    yield inventory
    inventory.remove_everything()


@pytest.fixture
def hook(service_url: str, monkeypatch: pytest.MonkeyPatch) -> SageMakerInventoryHook:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws_connection(service_url))
    for name, deployment_id in DEPLOYMENT_VARIABLE.items():
        monkeypatch.setenv(name, deployment_id)
    shared_hook.cache_clear()  # it may be of another service, under the same name
    return SageMakerInventoryHook(aws_conn_id="aws_default")
