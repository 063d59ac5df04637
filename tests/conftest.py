"""Fixtures that every level of the tests may use."""

import os
import tempfile
from collections.abc import Iterator

import pytest

from tests.service_process import ServiceProcess


def pytest_configure(config: pytest.Config) -> None:
    """Give Airflow a home for the session, which xdist hands on to workers: importing it writes one."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        home = tempfile.TemporaryDirectory(prefix="airflow-home-", ignore_cleanup_errors=True)
        config.add_cleanup(home.cleanup)
        os.environ["AIRFLOW_HOME"] = home.name
        os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


@pytest.fixture(scope="session")
def sagemaker_local_url() -> Iterator[str]:
    """Address of an embedded service that runs in a process of its own until the session ends."""
    with ServiceProcess() as service:
        yield service.url
