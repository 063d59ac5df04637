"""What planning a sweep of 5,000 endpoints, configurations and models takes: calls, seconds, memory.

`python -m benchmarks.sweep_plan` starts the embedded service with such an estate in a process of its own, plans a sweep
of idle endpoints with all that depends on them and one of orphans, and plans both again while 5 % of all requests are
throttled: the verdicts have to be the same.
"""

from __future__ import annotations

import json
import logging
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from botocore.awsrequest import AWSResponse

from quickstart.airflow_home import airflow_environment
from quickstart.embedded_service import READY_LINE
from sagemaker_pca.estate_hook import SageMakerEstateHook
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.deletion_plan import DeletionPlan, plan_deletion

BUCKET = "sagemaker-pca-us-east-1-123456789012"
RESOURCES_PER_KIND = 5_000
THROTTLED_FRACTION = 0.05
LIMIT_SECONDS = 120
LIMIT_MB = 400
COMMON = {"command": "sweep", "max_delete": 1000, "max_delete_percent": 100}
SWEEPS: dict[str, dict[str, Any]] = {
    "idle, with dependents": {"idle_days": 7, "no_data_is_idle": True, "with_dependents": True},
    "orphaned": {"orphaned": True},
}


class Measurement(NamedTuple):
    """One plan, and what it took."""

    plan: DeletionPlan
    seconds: float
    calls: Counter[str]


class CountedHook(SageMakerEstateHook):
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


def measure(settings: dict[str, Any], throttled_fraction: float, now: datetime) -> Measurement:
    """Plan one sweep."""
    hook = CountedHook(throttled_fraction)
    started = time.perf_counter()
    plan = plan_deletion(hook, EndpointCommand.model_validate(COMMON | settings), BUCKET, now)
    return Measurement(plan, time.perf_counter() - started, hook.calls)


def report(name: str, calm: Measurement, throttled: Measurement) -> bool:
    """Print both measurements; whether they are within the limits and agree."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    decisions = Counter(item.decision for item in calm.plan.resources)
    agree = calm.plan.resources == throttled.plan.resources
    print(f"{name}: {dict(decisions)}")
    print(f"  {calm.seconds:.1f} s, {sum(calm.calls.values())} calls: {dict(calm.calls)}")
    print(f"  with 5 % throttled: {throttled.seconds:.1f} s, {'the same' if agree else 'OTHER'} verdicts")
    print(f"  peak memory so far, Airflow included: {peak_mb:.0f} MB")
    return agree and calm.seconds <= LIMIT_SECONDS and peak_mb <= LIMIT_MB


def main() -> int:
    """Measure all sweeps; 1 when one of them is beyond the limits."""
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="sweep-plan-") as folder:
        command = [sys.executable, "-m", "benchmarks.sweep_estate", str(RESOURCES_PER_KIND)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
            try:
                ready = READY_LINE.search(service.stdout.readline() if service.stdout else "")
                if ready is None:
                    raise RuntimeError("The service did not start; its output says why.")
                os.environ.update(airflow_environment(Path(folder), ready[1], {}))
                now = datetime.now(UTC)
                results = [
                    report(name, measure(settings, 0, now), measure(settings, THROTTLED_FRACTION, now))
                    for name, settings in SWEEPS.items()
                ]
            finally:
                service.terminate()
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
