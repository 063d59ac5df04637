"""Fixtures for tests of code that uses SageMaker; pytest finds them where the package is installed."""

from collections.abc import Iterator

import pytest

from sagemaker_local.service_process import ServiceProcess


@pytest.fixture(scope="session")
def sagemaker_local() -> Iterator[ServiceProcess]:
    """An embedded AWS with a SageMaker whose jobs and endpoints really run, for all tests of the session.

    Its `url` is its address, `client("sagemaker")` a boto3 client. Tests share what they leave in it: name things anew,
    as with an account.
    """
    with ServiceProcess() as service:
        yield service


@pytest.fixture
def sagemaker_local_environment(sagemaker_local: ServiceProcess, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment in which every AWS client that the tested code makes leads to `sagemaker_local`."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    for name, value in sagemaker_local.client_environment.items():
        monkeypatch.setenv(name, value)
    return sagemaker_local.client_environment
