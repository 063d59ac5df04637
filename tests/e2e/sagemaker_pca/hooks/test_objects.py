"""The runs' bucket has to be the account's own; raw data may lie in anybody's."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, unique_name

pytestmark = pytest.mark.e2e

OTHER_ACCOUNT = "111122223333"


@pytest.fixture
def squatted(aws: EmbeddedAws) -> str:
    """A bucket that somebody in another account made before us, and lets everybody use."""

    def client(service: str, **credentials: Any) -> Any:
        return boto3.client(service, endpoint_url=aws.url, region_name="us-east-1", **credentials)

    mine = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    role = {"RoleArn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/squatter", "RoleSessionName": "squatter"}
    answer = client("sts", **mine).assume_role(**role)["Credentials"]
    theirs = client(
        "s3",
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
    )
    bucket = unique_name("squatted")
    theirs.create_bucket(Bucket=bucket)
    theirs.put_object(Bucket=bucket, Key="raw/a.csv", Body=b"a\n1\n")
    return bucket


@pytest.mark.parametrize(
    "use",
    [
        lambda hook, uri: hook.write_bytes(f"{uri}code.py", b"print()"),
        lambda hook, uri: hook.write_json(f"{uri}report.json", {}),
        lambda hook, uri: hook.find_object(f"{uri}a.csv"),
        lambda hook, uri: hook.read_bytes(f"{uri}a.csv"),
        lambda hook, uri: hook.count_lines(f"{uri}a.csv"),
        lambda hook, uri: list(hook.list_objects(uri)),
        lambda hook, uri: hook.delete_object(f"{uri}a.csv"),
        lambda hook, uri: DeploymentLease(f"{uri}lease.json", "run").acquire(hook),
    ],
    ids=["write", "write json", "find", "read", "count lines", "list", "delete", "lease"],
)
def test_nothing_is_read_from_or_written_to_a_bucket_of_another_account(
    hook: SageMakerPcaHook, squatted: str, use: Any
) -> None:
    with pytest.raises(ClientError, match=f"Bucket {squatted} has to belong to account 123456789012") as refusal:
        use(hook, f"s3://{squatted}/raw/")
    assert refusal.value.response["Error"]["Code"] == "AccessDenied"
    assert [item["Key"] for item in hook.list_raw_objects(f"s3://{squatted}/")] == ["raw/a.csv"]


def test_raw_data_may_lie_in_another_accounts_bucket(hook: SageMakerPcaHook, squatted: str) -> None:
    assert [item["Key"] for item in hook.list_raw_objects(f"s3://{squatted}/raw/")] == ["raw/a.csv"]


@pytest.mark.parametrize(
    "use",
    [lambda hook, uri: hook.write_bytes(uri, b""), lambda hook, uri: list(hook.list_raw_objects(uri))],
    ids=["run", "raw data"],
)
def test_a_bucket_that_is_not_there_is_named_with_the_way_to_make_it(hook: SageMakerPcaHook, use: Any) -> None:
    with pytest.raises(
        ClientError, match="aws s3 mb s3://nobodys-bucket --region us-east-1, or name another one in the settings"
    ):
        use(hook, "s3://nobodys-bucket/raw/")


def test_our_own_bucket_is_used_as_ever(hook: SageMakerPcaHook, aws: EmbeddedAws) -> None:
    uri = f"s3://{aws.bucket}/{unique_name('own')}.json"
    hook.write_json(uri, {"a": 1})
    assert hook.read_json(uri) == {"a": 1}
