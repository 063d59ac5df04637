"""Fixtures that every level of the tests may use."""

from collections.abc import Iterator

import pytest

from tests.service_process import ServiceProcess


@pytest.fixture(scope="session")
def sagemaker_local_url() -> Iterator[str]:
    """Address of an embedded service that runs in a process of its own until the session ends."""
    with ServiceProcess() as service:
        yield service.url
