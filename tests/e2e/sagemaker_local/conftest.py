"""Fixtures of the tests against the embedded service."""

import pytest

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws


@pytest.fixture
def aws(sagemaker_local_url: str) -> EmbeddedAws:
    """Clients of the running service, with a bucket of the test's own."""
    return EmbeddedAws(sagemaker_local_url)
