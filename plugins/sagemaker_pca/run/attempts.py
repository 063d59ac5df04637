"""Names and fingerprints that make starting a job a transaction. Pure.

A request has a base name. Attempt 1 carries it, later attempts carry `<base>-2`, `<base>-3`, … An existing job is
adopted when it is usable and its tag holds the same fingerprint of the request; otherwise the next attempt is due.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

FINGERPRINT_TAG = "request-fingerprint"
ATTEMPT_LIMIT = 100
# Members of processing, training and transform requests that say where a job writes.
OUTPUT_MEMBERS = frozenset({"ProcessingOutputConfig", "OutputDataConfig", "TransformOutput"})


class StartedResource(NamedTuple):
    """A created or adopted resource, as XCom carries it."""

    name: str
    arn: str
    attempt: int
    adopted: bool


def attempt_names(base_name: str) -> Iterator[tuple[int, str]]:
    """Attempt numbers and names, first to last."""
    yield 1, base_name
    for attempt in range(2, ATTEMPT_LIMIT + 1):
        yield attempt, f"{base_name}-{attempt}"


def for_attempt(request: Mapping[str, Any], name_key: str, name: str) -> dict[str, Any]:
    """The request under an attempt's name.

    Output prefixes that end with the base name follow it, so that no attempt writes where another one wrote. What the
    job reads stays: an earlier step wrote it, perhaps under the same base name.
    """
    base_name = str(request[name_key])
    outputs = {key: _moved(request[key], base_name, name) for key in OUTPUT_MEMBERS & request.keys()}
    return {**request, **outputs, name_key: name}


def _moved(value: Any, old: str, new: str) -> Any:
    """The value with every S3 URI in it that ends in `/<old>` or `/<old>/` ending in `/<new>` instead."""
    if isinstance(value, Mapping):
        return {key: _moved(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(item, old, new) for item in value]
    if isinstance(value, str) and value.startswith("s3://"):
        return re.sub(rf"/{re.escape(old)}(/?)$", rf"/{new}\g<1>", value)
    return value


def fingerprint(request: Mapping[str, Any]) -> str:
    """Digest of what a request asks for. Tags say who asks, not what, and stay outside."""
    asked = {key: value for key, value in request.items() if key != "Tags"}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:32]


def with_tags(request: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """The request with more tags; the given ones win over those it has."""
    merged = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())} | dict(tags)
    return {**request, "Tags": tag_list(merged)}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as SageMaker's requests spell them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
