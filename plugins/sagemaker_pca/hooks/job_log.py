"""Follows the log of a job's containers, each line once."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from botocore.exceptions import ClientError

from sagemaker_pca.hooks.clients import AwsClientsHook
from sagemaker_pca.resource_kinds import ResourceKind

# CloudWatch shows a line up to some seconds after its timestamp; looking back that far loses none.
OVERLAP_MS = 15_000
TAIL_LINES = 20
PAGE_LIMIT = 20
# A long log is read from near its end: reading it from the start would take page after page.
TAIL_MS = 10 * 60 * 1000


class LogEvent(NamedTuple):
    """One line of a container's log."""

    event_id: str
    timestamp_ms: int
    message: str


class JobLog:
    """The growing log of one job.

    :param kind: kind of the job
    :param name: name of the job
    :param since_ms: where to begin, in milliseconds since the epoch
    """

    def __init__(self, kind: ResourceKind, name: str, since_ms: int = 0) -> None:
        self._kind = kind
        self._name = name
        self._since_ms = since_ms
        self._seen: dict[str, int] = {}

    def new_lines(self, hook: AwsClientsHook) -> list[str]:
        """Lines that appeared since the last look, over all hosts, by time."""
        events = log_events(hook, self._kind, self._name, self._since_ms)
        fresh = [event for event in events if event.event_id not in self._seen]
        self._seen |= {event.event_id: event.timestamp_ms for event in fresh}
        if self._seen:
            self._since_ms = max(0, max(self._seen.values()) - OVERLAP_MS)
            self._seen = {event_id: ms for event_id, ms in self._seen.items() if ms >= self._since_ms}
        return [event.message.rstrip("\n") for event in sorted(fresh, key=lambda event: event.timestamp_ms)]


def last_lines(hook: AwsClientsHook, kind: ResourceKind, name: str, ended_at: datetime | None) -> list[str]:
    """The last lines of an ended job's log: those of its last minutes, or of all of it when it said nothing then."""
    lines: list[str] = []
    if ended_at is not None:
        lines = JobLog(kind, name, int(ended_at.timestamp() * 1000) - TAIL_MS).new_lines(hook)
    return (lines or JobLog(kind, name).new_lines(hook))[-TAIL_LINES:]


def log_events(hook: AwsClientsHook, kind: ResourceKind, name: str, since_ms: int) -> list[LogEvent]:
    """Log lines of all of a job's containers from a point in time on; one call per page covers all hosts."""
    query = {"logGroupName": kind.log_group, "logStreamNamePrefix": f"{name}/", "startTime": since_ms}
    events: list[LogEvent] = []
    try:
        for _ in range(PAGE_LIMIT):
            page = hook.logs.filter_log_events(**query)
            events += [LogEvent(e["eventId"], e["timestamp"], e["message"]) for e in page["events"]]
            if "nextToken" not in page:
                break
            query["nextToken"] = page["nextToken"]
    except ClientError as error:
        # The group appears with the account's first job, the stream with the job's first line.
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
    return events
