"""Fixtures that every level of the tests may use."""

import gc
import os
import tempfile
from collections.abc import Iterator

import hypothesis
import pytest

from tests.service_process import ServiceProcess


def pytest_configure(config: pytest.Config) -> None:
    """Give Airflow a home for the session, which xdist hands on to workers: importing it writes one."""
    gc.set_threshold(50_000)  # what tests import is looked through again and again otherwise, and never garbage
    if "PYTEST_XDIST_WORKER" not in os.environ:
        home = tempfile.TemporaryDirectory(prefix="airflow-home-", ignore_cleanup_errors=True)
        config.add_cleanup(home.cleanup)
        os.environ["AIRFLOW_HOME"] = home.name
        os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


# How long an example takes says something of the machine, not of the code.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.register_profile("few examples", deadline=None, max_examples=10)
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session")
def sagemaker_local_url() -> Iterator[str]:
    """Address of an embedded service that runs in a process of its own until the session ends."""
    with ServiceProcess() as service:
        yield service.url
