from __future__ import annotations

import json
from typing import Any

import pytest

from sagemaker_pca.run.s3_events import changed_objects, is_test_event

# As in the S3 user guide, shortened.
REPORT: dict[str, Any] = {
    "Records": [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": {"name": "amzn-s3-demo-bucket", "arn": "arn:aws:s3:::amzn-s3-demo-bucket"},
                "object": {"key": "raw/red+flower%2B1.csv", "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e"},
            },
        }
    ]
}
TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2014-10-13T15:57:02.089Z",
    "Bucket": "amzn-s3-demo-bucket",
}


def test_a_report_names_its_objects_decoded() -> None:
    assert changed_objects(json.dumps(REPORT)) == ["s3://amzn-s3-demo-bucket/raw/red flower+1.csv"]
    assert not is_test_event(json.dumps(REPORT))


def test_a_test_event_is_told_from_a_report() -> None:
    assert is_test_event(json.dumps(TEST_EVENT))
    assert changed_objects(json.dumps(TEST_EVENT)) == []


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", '"s3:TestEvent"', "{}", '{"Records": 1}', '{"Records": [1, {}, {"s3": []}]}']
)
def test_any_other_message_names_nothing_and_is_no_test_event(body: str) -> None:
    assert changed_objects(body) == []
    assert not is_test_event(body)


def test_what_is_readable_of_a_report_is_read() -> None:
    assert len(changed_objects(json.dumps({"Records": [{}, *REPORT["Records"]]}))) == 1
