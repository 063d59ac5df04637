"""What is recorded of a call to the embedded service, and what AWS would ask IAM about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, s3_input, s3_output
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

ROLE = "arn:aws:iam::123456789012:role/some-role"
SAGEMAKER = "arn:aws:sagemaker:us-east-1:123456789012"
BUCKET = "arn:aws:s3:::recorded"
PCA_IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:1"
TAGS = [{"Key": "managed-by", "Value": "tests"}, {"Key": "owner", "Value": "me"}]

Asked = list[tuple[str, str]]


class RecordedAws:
    """Clients of a service that records."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._calls = f"{url}/sagemaker-local/calls"
        self.s3, self.sagemaker = self.client("s3"), self.client("sagemaker")

    def client(self, service: str, **credentials: str) -> Any:
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", **credentials}
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", **keys)

    def forget(self) -> None:
        httpx.delete(self._calls).raise_for_status()

    def calls(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = httpx.get(self._calls).raise_for_status().json()["calls"]
        return calls

    def asked(self) -> Asked:
        """Actions and resources of all questions about all calls."""
        return [(item["action"], item["resource"]) for call in self.calls() for item in call["authorizations"]]

    def conditions(self, action: str) -> dict[str, Any]:
        """Condition keys of the one question about an action."""
        (keys,) = (
            item["condition_keys"]
            for call in self.calls()
            for item in call["authorizations"]
            if item["action"] == action
        )
        return dict(keys)


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    """A service of this module's own, since it records everything."""
    with ServiceProcess(recording=True) as service:
        yield service.url


@pytest.fixture
def aws(service_url: str) -> RecordedAws:
    """Clients and a bucket, with nothing recorded yet."""
    aws = RecordedAws(service_url)
    aws.s3.create_bucket(Bucket="recorded")
    aws.s3.put_object(Bucket="recorded", Key="there", Body=b"1")
    aws.forget()
    return aws


def refused(call: Callable[[], Any]) -> None:
    """Make a call that the service answers with an error."""
    with pytest.raises(ClientError):
        call()


def create_model(aws: RecordedAws, name: str) -> None:
    """Create a model with a role and tags."""
    container = {"Image": PCA_IMAGE}
    aws.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE, Tags=TAGS)


def test_a_call_is_recorded_with_time_caller_and_answer(aws: RecordedAws) -> None:
    refused(lambda: aws.sagemaker.describe_model(ModelName="none"))

    (call,) = aws.calls()
    assert call["call"] == "sagemaker:DescribeModel"
    assert call["status"] == 400
    assert call["identity"] == aws.client("sts").get_caller_identity()["Arn"]
    assert call["user_agent"].startswith("Boto3/")
    assert call["time"].endswith("+00:00")


def test_the_caller_is_the_user_or_role_that_the_key_belongs_to(aws: RecordedAws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="airflow")
    key = iam.create_access_key(UserName="airflow")["AccessKey"]
    session = aws.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="me")["Credentials"]
    aws.forget()
    aws.client(
        "sagemaker", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    ).list_models()
    aws.client(
        "sagemaker",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    ).list_models()

    assert [call["identity"] for call in aws.calls()] == [
        "arn:aws:iam::123456789012:user/airflow",
        "arn:aws:sts::123456789012:assumed-role/some-role/me",
    ]


def test_creating_with_tags_and_a_role_asks_for_tagging_and_for_passing_the_role(aws: RecordedAws) -> None:
    create_model(aws, "Tagged")

    model = f"{SAGEMAKER}:model/tagged"
    assert aws.asked() == [("sagemaker:CreateModel", model), ("sagemaker:AddTags", model), ("iam:PassRole", ROLE)]
    assert aws.conditions("sagemaker:CreateModel")["aws:RequestTag/managed-by"] == "tests"
    assert aws.conditions("sagemaker:AddTags")["sagemaker:TaggingAction"] == "CreateModel"
    assert aws.conditions("sagemaker:AddTags")["aws:TagKeys"] == ["managed-by", "owner"]
    assert aws.conditions("iam:PassRole")["iam:PassedToService"] == "sagemaker.amazonaws.com"


def test_tags_of_a_resource_are_those_it_had_before_the_call(aws: RecordedAws) -> None:
    create_model(aws, "deleted")
    aws.forget()
    aws.sagemaker.delete_model(ModelName="deleted")

    assert aws.conditions("sagemaker:DeleteModel")["aws:ResourceTag/managed-by"] == "tests"


def test_deploying_asks_for_the_endpoint_and_its_configuration(aws: RecordedAws) -> None:
    refused(lambda: aws.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c"))
    refused(lambda: aws.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="c"))

    both = (f"{SAGEMAKER}:endpoint/e", f"{SAGEMAKER}:endpoint-config/c")
    assert aws.asked() == [(f"sagemaker:{verb}Endpoint", arn) for verb in ("Create", "Update") for arn in both]


def test_what_a_request_says_of_instances_keys_and_network_is_a_condition_key(aws: RecordedAws) -> None:
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1, "VolumeKmsKeyId": "key"}
    refused(
        lambda: aws.sagemaker.create_processing_job(
            ProcessingJobName="p",
            RoleArn=ROLE,
            AppSpecification={"ImageUri": "nowhere/none:1"},
            ProcessingResources={"ClusterConfig": cluster},
            NetworkConfig={"VpcConfig": {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}},
        )
    )

    keys = aws.conditions("sagemaker:CreateProcessingJob")
    assert keys["sagemaker:InstanceTypes"] == ["ml.m5.large"]
    assert keys["sagemaker:VolumeKmsKey"] == ["key"]
    assert keys["sagemaker:VpcSubnets"] == ["subnet-1", "subnet-2"]
    assert keys["sagemaker:VpcSecurityGroupIds"] == ["sg-1"]


@pytest.mark.parametrize(
    ("method", "arguments", "asked"),
    [
        ("list_objects_v2", {"Prefix": "a/"}, [("s3:ListBucket", BUCKET)]),
        ("head_bucket", {}, [("s3:ListBucket", BUCKET)]),
        ("get_bucket_location", {}, [("s3:GetBucketLocation", BUCKET)]),
        ("get_object", {"Key": "there"}, [("s3:GetObject", f"{BUCKET}/there")]),
        ("head_object", {"Key": "there"}, [("s3:GetObject", f"{BUCKET}/there")]),
        ("put_object", {"Key": "a b/ü", "IfNoneMatch": "*"}, [("s3:PutObject", f"{BUCKET}/a b/ü")]),
        ("delete_object", {"Key": "there"}, [("s3:DeleteObject", f"{BUCKET}/there")]),
        (
            "delete_objects",
            {"Delete": {"Objects": [{"Key": "a"}, {"Key": "b"}]}},
            [("s3:DeleteObject", f"{BUCKET}/a"), ("s3:DeleteObject", f"{BUCKET}/b")],
        ),
        (
            "copy_object",
            {"Key": "copy", "CopySource": "recorded/there"},
            [("s3:PutObject", f"{BUCKET}/copy"), ("s3:GetObject", f"{BUCKET}/there")],
        ),
        ("create_multipart_upload", {"Key": "parts"}, [("s3:PutObject", f"{BUCKET}/parts")]),
        ("get_object_tagging", {"Key": "there"}, [("s3:GetObjectTagging", f"{BUCKET}/there")]),
    ],
)
def test_s3_calls_ask_for_the_actions_of_iam(
    aws: RecordedAws, method: str, arguments: dict[str, Any], asked: Asked
) -> None:
    getattr(aws.s3, method)(Bucket="recorded", **arguments)

    assert aws.asked() == asked


def test_listing_tells_its_prefix(aws: RecordedAws) -> None:
    aws.s3.list_objects_v2(Bucket="recorded", Prefix="raw/")

    assert aws.conditions("s3:ListBucket")["s3:prefix"] == "raw/"


def test_an_object_that_is_not_there_asks_for_listing_too(aws: RecordedAws) -> None:
    refused(lambda: aws.s3.get_object(Bucket="recorded", Key="none"))

    assert aws.asked() == [("s3:GetObject", f"{BUCKET}/none"), ("s3:ListBucket", BUCKET)]


def test_replacing_a_version_asks_for_reading_it_too(aws: RecordedAws) -> None:
    etag = aws.s3.head_object(Bucket="recorded", Key="there")["ETag"]
    aws.forget()
    aws.s3.put_object(Bucket="recorded", Key="there", Body=b"2", IfMatch=etag)

    assert aws.asked() == [("s3:PutObject", f"{BUCKET}/there"), ("s3:GetObject", f"{BUCKET}/there")]


def test_other_services_are_recorded_under_their_iam_prefix(aws: RecordedAws) -> None:
    refused(lambda: aws.client("logs").filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs"))
    aws.client("cloudwatch").put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1.0}])
    aws.client("resourcegroupstaggingapi").get_resources()
    refused(
        lambda: aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="e", ContentType="text/csv", Body=b"1")
    )
    aws.client("sts").get_caller_identity()

    group = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/TrainingJobs:log-stream:"
    assert aws.asked() == [
        ("logs:FilterLogEvents", group),
        ("cloudwatch:PutMetricData", "*"),
        ("tag:GetResources", "*"),
        ("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/e"),
    ]
    assert aws.conditions("cloudwatch:PutMetricData")["cloudwatch:namespace"] == "N"
    assert aws.calls()[-1]["call"] == "sts:GetCallerIdentity"


def test_queue_calls_ask_for_the_queue_and_batches_for_the_action_of_the_single_call(aws: RecordedAws) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}])
    sqs.list_queues()

    queue = "arn:aws:sqs:us-east-1:123456789012:q"
    assert aws.asked() == [
        ("sqs:CreateQueue", queue),
        ("sqs:SendMessage", queue),
        ("sqs:ReceiveMessage", queue),
        ("sqs:DeleteMessage", queue),
        ("sqs:ListQueues", "*"),
    ]


def test_a_call_that_is_dropped_is_recorded_without_a_status(aws: RecordedAws) -> None:
    fault = {"fault": "drop_connection", "target": "ListModels"}
    httpx.post(f"{aws.url}/sagemaker-local/faults", json=fault).raise_for_status()
    aws.sagemaker.list_models()

    assert [call["status"] for call in aws.calls()] == [None, 200]


def test_what_a_job_reads_and_writes_is_recorded_under_its_role(service_url: str) -> None:
    embedded = EmbeddedAws(service_url)
    embedded.put("in/rows.csv", "1,2\n")
    copy = "import shutil; shutil.copytree('/opt/ml/processing/in', '/opt/ml/processing/out', dirs_exist_ok=True)"
    name = embedded.start_processing(
        copy,
        RoleArn=ROLE,
        inputs=[s3_input("in", f"s3://{embedded.bucket}/in/", "/opt/ml/processing/in")],
        outputs=[s3_output("out", f"s3://{embedded.bucket}/out", "/opt/ml/processing/out")],
    )
    assert embedded.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"

    bucket = f"arn:aws:s3:::{embedded.bucket}"
    session = "arn:aws:sts::123456789012:assumed-role/some-role/SageMaker"
    asked = [
        (item["action"], item["resource"], item["condition_keys"])
        for call in RecordedAws(service_url).calls()
        for item in call["authorizations"]
        if call["identity"] == session and item["resource"].startswith(bucket)
    ]
    assert ("s3:ListBucket", bucket, {"s3:prefix": "in/"}) in asked
    assert ("s3:GetObject", f"{bucket}/in/rows.csv", {}) in asked
    assert ("s3:PutObject", f"{bucket}/out/rows.csv", {}) in asked
