"""Invocation metrics in CloudWatch: counted per minute, zeros included, and put there when somebody asks."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

_NAMESPACE = "AWS/SageMaker"
_COUNTS = ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors")
_MINUTE = 60


@dataclass
class _Statistic:
    """What CloudWatch keeps of one metric in one minute."""

    count: int = 0
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.low = min(self.low, value)
        self.high = max(self.high, value)


class VariantMetrics:
    """What one variant of an endpoint has measured since it was last drained."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._minutes: dict[int, dict[str, _Statistic]] = {}
        self._next_minute = self._minute()
        self._lock = threading.Lock()

    def record(self, status: int, model_microseconds: float, overhead_microseconds: float) -> None:
        """Count one invocation."""
        with self._lock:
            statistics = self._of_this_minute()
            statistics["Invocations"].add(1)
            statistics["Invocation4XXErrors"].add(400 <= status < 500)
            statistics["Invocation5XXErrors"].add(status >= 500)
            statistics["ModelLatency"].add(model_microseconds)
            statistics["OverheadLatency"].add(overhead_microseconds)

    def record_start(self, setup_microseconds: float) -> None:
        """Count the start of a serverless container."""
        with self._lock:
            self._of_this_minute()["ModelSetupTime"].add(setup_microseconds)

    def record_refusal(self) -> None:
        """Count a call that found no container free; it is an invocation, and a client's error."""
        with self._lock:
            statistics = self._of_this_minute()
            for name, value in zip(_COUNTS, (1, 1, 0), strict=True):
                statistics[name].add(value)

    def _of_this_minute(self) -> dict[str, _Statistic]:
        return self._minutes.setdefault(self._minute(), defaultdict(_Statistic))

    def drain(self) -> Iterable[tuple[int, str, _Statistic]]:
        """Return (start of the minute, metric, statistic) of every minute since the last call, quiet ones as zero."""
        with self._lock:
            measured, self._minutes = self._minutes, {}
            for minute in range(self._next_minute, self._minute() + 1):
                quiet = {name: _Statistic(1, 0.0, 0.0, 0.0) for name in _COUNTS}
                for name, statistic in measured.pop(minute, quiet).items():
                    yield minute * _MINUTE, name, statistic
            for minute, statistics in measured.items():
                for name, statistic in statistics.items():
                    yield minute * _MINUTE, name, statistic
            self._next_minute = self._minute() + 1

    def _minute(self) -> int:
        return int(self._clock()) // _MINUTE


def publish(account_id: str, region_name: str, endpoint_name: str, variant_name: str, metrics: VariantMetrics) -> None:
    """Put what a variant has measured into CloudWatch; call it under STATE_LOCK."""
    dimensions = [
        {"Name": "EndpointName", "Value": endpoint_name},
        {"Name": "VariantName", "Value": variant_name},
    ]
    data: list[dict[str, Any]] = [
        {
            "MetricName": name,
            "Dimensions": dimensions,
            "Timestamp": datetime.fromtimestamp(start, UTC).replace(tzinfo=None),  # moto compares naive times
            "Unit": "None" if name in _COUNTS else "Microseconds",
            "StatisticValues": {
                "SampleCount": statistic.count,
                "Sum": statistic.total,
                "Minimum": statistic.low,
                "Maximum": statistic.high,
            },
        }
        for start, name, statistic in metrics.drain()
    ]
    cloudwatch_backends[account_id][region_name].put_metric_data(_NAMESPACE, data)
