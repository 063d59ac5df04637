"""An SQS queue that S3 reports new raw files to, as an account has it."""

from __future__ import annotations

import json
from typing import Any

import boto3

from tests.airflow_api import wait_for
from tests.pipeline_process import BUCKET

COUNTS = [f"ApproximateNumberOfMessages{suffix}" for suffix in ("", "NotVisible", "Delayed")]


class EventsQueue:
    """A queue of the embedded service.

    :param service_url: address of the service
    :param name: name of the queue
    """

    def __init__(self, service_url: str, name: str) -> None:
        self._sqs = boto3.client(
            "sqs",
            endpoint_url=service_url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        self.url = str(self._sqs.create_queue(QueueName=name)["QueueUrl"])

    def receive_reports(self, s3: Any, prefix: str) -> None:
        """Let S3 report new objects under a prefix; it says at once that it will, by a test event."""
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        configuration = {
            "QueueArn": found["Attributes"]["QueueArn"],
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
        }
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [configuration]}
        )

    def send(self, document: Any) -> None:
        """Send a message in S3's place."""
        self._sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps(document))

    def messages(self) -> int:
        """Messages that nobody has deleted, those that somebody is working on included."""
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=COUNTS)
        return sum(map(int, found["Attributes"].values()))

    def wait_until_empty(self) -> None:
        """Wait until every message has been deleted."""
        wait_for(lambda: True if self.messages() == 0 else None, 180, lambda: f"{self.messages()} messages are left.")


def report_of(key: str) -> dict[str, Any]:
    """What S3 writes about an object of the bucket, as far as anybody reads it."""
    return {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": BUCKET}, "object": {"key": key}}}]}
