"""Plans a sweep and reports what it took: `... programs.plan_sweep SWEEP [REQUESTS A SECOND]`.

On a calm and on a throttled service; or, with a rate, on one that lets no more requests through.
"""

from __future__ import annotations

import json
import logging
import random
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import AWSResponse

from benchmarks.stopwatch import report
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan, plan_deletion
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.settings.endpoint_command import EndpointCommand

PLACE: dict[str, str] = {"bucket": "sagemaker-pca-us-east-1-123456789012", "deployment_id": "benchmark"}
THROTTLED_FRACTION = 0.05
COMMON = {"command": "sweep", "max_delete": 1000, "max_delete_percent": 100}
SWEEPS: dict[str, dict[str, Any]] = {
    "idle": {"idle_days": 7, "no_data_is_idle": True, "with_dependents": True},
    "orphaned": {"orphaned": True},
}


class Fraction:
    """Throttles a part of all requests, whatever their rate: the same ones each time."""

    def __init__(self, throttled: float) -> None:
        self._throttled, self._random = throttled, random.Random(7)

    def __call__(self) -> bool:
        """Whether this request is throttled."""
        return self._random.random() < self._throttled


class Rate:
    """Lets so many requests through a second, as many at once, and throttles the rest: a token bucket, as AWS's are."""

    def __init__(self, per_second: float) -> None:
        self._per_second = self._tokens = per_second
        self._filled_at, self._lock = time.monotonic(), threading.Lock()
        self.let_through = 0

    def __call__(self) -> bool:
        """Whether this request is throttled."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._per_second, self._tokens + (now - self._filled_at) * self._per_second)
            self._filled_at = now
            if self._tokens < 1:
                return True
            self._tokens -= 1
            self.let_through += 1
            return False


class CountedHook(SageMakerInventoryHook):
    """Counts calls, each once however often it is tried again, and throttles requests."""

    def __init__(self, is_throttled: Callable[[], bool]) -> None:
        super().__init__(aws_conn_id="aws_default")
        self.calls: Counter[str] = Counter()
        self._is_throttled = is_throttled
        for client in (self.conn, self.s3, self.tagging, self.cloudwatch):
            client.meta.events.register("before-call.*.*", self._count)
            client.meta.events.register("before-send.*.*", self._throttle)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1

    def _throttle(self, request: Any, **_: Any) -> AWSResponse | None:
        if "X-Amz-Target" not in request.headers or not self._is_throttled():
            return None
        body = json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode()
        return AWSResponse(request.url, 400, {"x-amzn-errortype": "ThrottlingException"}, Answer(body))


class Answer:
    """The body of an answer that no server sent."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> list[bytes]:
        """Return the body in one piece."""
        return [self._body]


def plan_at_rate(settings: EndpointCommand, per_second: float) -> None:
    """Plan where so many requests a second are let through, and report."""
    rate, started = Rate(per_second), time.perf_counter()
    plan_deletion(CountedHook(rate), settings, datetime.now(UTC), **PLACE)
    report(seconds=time.perf_counter() - started, let_through=rate.let_through)


def plan_twice(settings: EndpointCommand) -> None:
    """Plan undisturbed and throttled, and report; the peak of memory is that of the first plan, Airflow included."""
    now, hook = datetime.now(UTC), CountedHook(Fraction(0))
    started = time.perf_counter()
    calm = plan_deletion(hook, settings, now, **PLACE)
    calm_seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    started = time.perf_counter()
    throttled = plan_deletion(CountedHook(Fraction(THROTTLED_FRACTION)), settings, now, **PLACE)
    report(
        seconds=calm_seconds,
        throttled_seconds=time.perf_counter() - started,
        calls=hook.calls.total(),
        peak_mb=peak_mb,
        other_verdicts=count_other_verdicts(calm, throttled),
    )


def main(sweep: str, per_second: str | None = None) -> None:
    """Plan the sweep."""
    settings = EndpointCommand.model_validate(COMMON | SWEEPS[sweep])
    if per_second is None:
        plan_twice(settings)
    else:
        plan_at_rate(settings, float(per_second))


def count_other_verdicts(calm: DeletionPlan, throttled: DeletionPlan) -> int:
    """Count the resources that the throttled plan judged otherwise."""
    pairs = zip(calm.resources, throttled.resources, strict=False)
    missing = abs(len(calm.resources) - len(throttled.resources))
    return missing + sum(before != after for before, after in pairs)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    main(*sys.argv[1:])
