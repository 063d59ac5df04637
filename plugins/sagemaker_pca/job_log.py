"""Follows the log of a job's containers, each line once."""

from __future__ import annotations

from datetime import datetime

from sagemaker_pca.job_status import ResourceKind
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook

# CloudWatch shows a line up to some seconds after its timestamp; looking back that far loses none.
OVERLAP_MS = 15_000
TAIL_LINES = 20
# A long log is read from near its end: reading it from the start would take page after page.
TAIL_MS = 10 * 60 * 1000


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

    def new_lines(self, hook: SageMakerPcaHook) -> list[str]:
        """Lines that appeared since the last look, over all hosts, by time."""
        events = hook.job_log_events(self._kind, self._name, self._since_ms)
        fresh = [event for event in events if event.event_id not in self._seen]
        self._seen |= {event.event_id: event.timestamp_ms for event in fresh}
        if self._seen:
            self._since_ms = max(0, max(self._seen.values()) - OVERLAP_MS)
            self._seen = {event_id: ms for event_id, ms in self._seen.items() if ms >= self._since_ms}
        return [event.message.rstrip("\n") for event in sorted(fresh, key=lambda event: event.timestamp_ms)]


def last_lines(hook: SageMakerPcaHook, kind: ResourceKind, name: str, ended_at: datetime | None) -> list[str]:
    """The last lines of an ended job's log: those of its last minutes, or of all of it when it said nothing then."""
    lines: list[str] = []
    if ended_at is not None:
        lines = JobLog(kind, name, int(ended_at.timestamp() * 1000) - TAIL_MS).new_lines(hook)
    return (lines or JobLog(kind, name).new_lines(hook))[-TAIL_LINES:]
