"""What S3 writes to a queue about changed objects. Pure.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

TEST_EVENT = "s3:TestEvent"


def is_test_event(body: str) -> bool:
    """Whether a message only says that notifications have been switched on."""
    return _document(body).get("Event") == TEST_EVENT


def changed_objects(body: str) -> list[str]:
    """URIs of the objects that a message names; none where it is not in S3's form."""
    uris = []
    records = _document(body).get("Records")
    for record in records if isinstance(records, list) else ():
        try:
            place = record["s3"]
            uris.append(f"s3://{place['bucket']['name']}/{unquote_plus(place['object']['key'])}")
        except (KeyError, TypeError):
            continue
    return uris


def _document(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
