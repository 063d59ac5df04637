"""A container's output in CloudWatch Logs."""

import time

from moto.logs.models import logs_backends

from sagemaker_local.state_lock import STATE_LOCK

_EVENT_BYTES = 256 * 1024  # the service's limit for one event


class LogStream:
    """One stream of a /aws/sagemaker group, made with its first line."""

    def __init__(self, account_id: str, region_name: str, group: str, name: str) -> None:
        self._backend = logs_backends[account_id][region_name]
        self._group = group
        self.name = name

    def write(self, *lines: str) -> None:
        """Append lines, each one event."""
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line[:_EVENT_BYTES] or " "} for line in lines]
        with STATE_LOCK:
            self._backend.ensure_log_group(self._group)
            self._backend.ensure_log_stream(self._group, self.name)
            self._backend.put_log_events(self._group, self.name, events)
