"""The template deployed to a mocked account, once with and once without what is optional."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deployed_stack import DeployedStack, deploy

OPTIONAL = {
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/ab-1",
    "RawDataEvents": "true",
    "VpcId": "vpc-0a1b",
    "RollBackAlarms": "pca-*",
    "AutoScaling": "true",
}


@pytest.fixture(scope="session")
def stack() -> DeployedStack:
    """The template with its defaults."""
    return deploy_to_mocked_account()


@pytest.fixture(scope="session")
def full_stack() -> DeployedStack:
    """The template with all that is optional, so with every policy it has."""
    return deploy_to_mocked_account(**OPTIONAL)


def deploy_to_mocked_account(**parameters: str) -> DeployedStack:
    """Deploy into an account that exists in this process only."""
    import boto3
    from moto import mock_aws

    def client(service: str) -> Any:
        return boto3.client(service, region_name="us-east-1")

    with mock_aws():
        return deploy(client, **parameters)


@pytest.fixture
def every_statement(full_stack: DeployedStack) -> Iterator[tuple[str, dict[str, Any]]]:
    """All statements, each with the name of its policy."""
    return ((name, statement) for name, statements in full_stack.policies.items() for statement in statements)
