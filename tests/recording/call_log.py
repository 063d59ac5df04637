"""The calls that were recorded, and what AWS would have asked IAM about each."""

import dataclasses
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.utilities.utils import get_partition

ConditionKeys = dict[str, str | list[str]]

_MOST_CALLS = 100_000


@dataclass(frozen=True)
class Authorization:
    """One question to IAM: whether the caller may do this to that resource, given these condition keys."""

    action: str
    resource: str
    condition_keys: ConditionKeys = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedCall:
    """A call that was served; no status means that the connection was closed before there was an answer."""

    time: str
    identity: str
    user_agent: str
    call: str
    status: int | None
    authorizations: list[Authorization]


class CallLog:
    """The newest calls, in the order in which they ended."""

    def __init__(self) -> None:
        self._calls: deque[RecordedCall] = deque(maxlen=_MOST_CALLS)
        self._lock = threading.Lock()

    def add(self, call: RecordedCall) -> None:
        """Keep a call."""
        with self._lock:
            self._calls.append(call)

    def add_role_call(self, role_arn: str, region_name: str, action: str, bucket: str, key: str) -> None:
        """Keep what a job or endpoint does in S3 under its execution role; the key of a list is its prefix."""
        _, partition, _, _, account_id, role = role_arn.split(":", 5)
        session = f"arn:{partition}:sts::{account_id}:assumed-role/{role.rpartition('/')[2]}/SageMaker"
        if action == "s3:ListBucket":
            asked = Authorization(action, s3_arn(region_name, bucket), {"s3:prefix": key})
        else:
            asked = Authorization(action, s3_arn(region_name, bucket, key))
        self.add(RecordedCall(time_text(), session, "sagemaker.amazonaws.com", action, 200, [asked]))

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()

    def as_documents(self) -> list[dict[str, Any]]:
        """Return the calls as JSON takes them."""
        with self._lock:
            return [dataclasses.asdict(call) for call in self._calls]


def time_text() -> str:
    """Return the current time in UTC, as ISO 8601 text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def s3_arn(region_name: str, bucket: str, key: str = "") -> str:
    """Return the ARN of a bucket, or of an object in it."""
    return f"arn:{get_partition(region_name)}:s3:::{bucket}" + (f"/{key}" if key else "")
