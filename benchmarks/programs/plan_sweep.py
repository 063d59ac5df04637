"""Plans a sweep on a calm and on a throttled service and reports what it took: `... programs.plan_sweep SWEEP`."""

from __future__ import annotations

import json
import logging
import random
import resource
import sys
import time
from collections import Counter
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


class CountedHook(SageMakerInventoryHook):
    """Counts calls, each once however often it is tried again, and throttles a part of all requests."""

    def __init__(self, throttled_fraction: float) -> None:
        super().__init__(aws_conn_id="aws_default")
        self.calls: Counter[str] = Counter()
        self._throttled_fraction = throttled_fraction
        self._random = random.Random(7)  # the same throttles each time
        for client in (self.conn, self.s3, self.tagging, self.cloudwatch):
            client.meta.events.register("before-call.*.*", self._count)
            client.meta.events.register("before-send.*.*", self._throttle)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1

    def _throttle(self, request: Any, **_: Any) -> AWSResponse | None:
        if "X-Amz-Target" not in request.headers or self._random.random() >= self._throttled_fraction:
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


def main(sweep: str) -> None:
    """Plan twice and report; the peak of memory is that of the first plan, Airflow included."""
    settings, now = EndpointCommand.model_validate(COMMON | SWEEPS[sweep]), datetime.now(UTC)
    hook = CountedHook(throttled_fraction=0)
    started = time.perf_counter()
    calm = plan_deletion(hook, settings, now, **PLACE)
    calm_seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    started = time.perf_counter()
    throttled = plan_deletion(CountedHook(THROTTLED_FRACTION), settings, now, **PLACE)
    report(
        seconds=calm_seconds,
        throttled_seconds=time.perf_counter() - started,
        calls=hook.calls.total(),
        peak_mb=peak_mb,
        resources=len(calm.resources),
        other_verdicts=count_other_verdicts(calm, throttled),
    )


def count_other_verdicts(calm: DeletionPlan, throttled: DeletionPlan) -> int:
    """Count the resources that the throttled plan judged otherwise."""
    pairs = zip(calm.resources, throttled.resources, strict=False)
    missing = abs(len(calm.resources) - len(throttled.resources))
    return missing + sum(before != after for before, after in pairs)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    main(sys.argv[1])
