"""An estate of its own for each test, on a service of this folder's own: lists and caps look at everything there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quickstart.airflow_home import aws_connection
from sagemaker_pca.estate_hook import SageMakerEstateHook
from tests.e2e.sagemaker_pca.embedded_estate import EmbeddedEstate
from tests.service_process import ServiceProcess


@pytest.fixture(scope="package")
def service_url() -> Iterator[str]:
    with ServiceProcess() as service:
        yield service.url


@pytest.fixture
def estate(service_url: str) -> Iterator[EmbeddedEstate]:
    estate = EmbeddedEstate(service_url)
    yield estate
    estate.remove_everything()


@pytest.fixture
def hook(service_url: str, monkeypatch: pytest.MonkeyPatch) -> SageMakerEstateHook:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws_connection(service_url))
    return SageMakerEstateHook(aws_conn_id="aws_default")
