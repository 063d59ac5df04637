"""Whose AWS account a check would use, and whether what the pipeline needs is there; nothing is created."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quickstart.processes import QuickstartError
from sagemaker_pca.run.locations import default_bucket
from sagemaker_pca.settings.pipeline import PcaRunConfig

# Deleting may meet the limits of an account that is busy otherwise.
RETRIES = Config(retries={"mode": "standard", "max_attempts": 6})


@dataclass(frozen=True)
class AwsAccount:
    """The account, region and identity of the environment's credentials."""

    session: boto3.Session
    region: str
    account: str
    identity: str

    def client(self, service: str) -> Any:
        """Make a client of a service."""
        return self.session.client(service, config=RETRIES)

    @property
    def address(self) -> str:
        """Where requests go."""
        return str(self.client("sagemaker").meta.endpoint_url)

    def bucket(self, config: PcaRunConfig) -> str:
        """The bucket of runs with these settings."""
        return config.bucket or default_bucket(self.region, self.account)


def signed_in() -> AwsAccount:
    """Find out whose account it is, as every boto3 program would.

    Raises:
        QuickstartError: without a region, or without credentials that AWS accepts.
    """
    try:
        # The CLI reads both variables, boto3 only the second.
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        if session.region_name is None:
            raise QuickstartError("No AWS region is set: export AWS_REGION=us-east-1, or give your profile one.")
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise QuickstartError(f"AWS accepts no credentials of this environment ({error}). Sign in first.") from None

    return AwsAccount(session, session.region_name, identity["Account"], identity["Arn"])


def check_bucket(account: AwsAccount, bucket: str) -> None:
    """Refuse a bucket that is missing or closed to this identity."""
    try:
        account.client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        reason = "does not exist" if error.response["Error"]["Code"] == "404" else f"cannot be used ({error})"
        raise QuickstartError(f"Bucket {bucket} {reason}. docs/aws.md, step 2, says how to make it.") from None


def check_role(account: AwsAccount, role: str) -> str:
    """Return what can be said of a role, a name or an ARN; refuse one that is missing."""
    name = role.rpartition("/")[2]
    try:
        return str(account.client("iam").get_role(RoleName=name)["Role"]["Arn"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            raise QuickstartError(f"Role {name} does not exist. docs/aws.md, step 2, says how to make it.") from None
        return f"{role} (not looked at: {error.response['Error']['Code']})"
