"""Follows the log of a job's containers, each line once."""

from __future__ import annotations

from sagemaker_pca.job_status import ResourceKind
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook

# CloudWatch shows a line up to some seconds after its timestamp; looking back that far loses none.
OVERLAP_MS = 15_000
TAIL_LINES = 20


class JobLog:
    """The growing log of one job.

    :param kind: kind of the job
    :param name: name of the job
    """

    def __init__(self, kind: ResourceKind, name: str) -> None:
        self._kind = kind
        self._name = name
        self._since_ms = 0
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


def last_lines(hook: SageMakerPcaHook, kind: ResourceKind, name: str) -> list[str]:
    """The last lines of a job's log."""
    return JobLog(kind, name).new_lines(hook)[-TAIL_LINES:]
