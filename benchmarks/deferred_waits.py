"""What many waits in one triggerer take: memory, a blocked event loop, status calls.

`python -m benchmarks.deferred_waits` lets processes wait for a job of the embedded service in one event loop each, as a
triggerer does: 500 and 50 waits of this project, and 50 of the provider's trigger at the same interval. The provider's
needs the extra `aiobotocore`, which is no requirement of this project: without it, its line says so.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import httpx
import psutil
from airflow.triggers.base import BaseTrigger, TriggerEvent

from quickstart.airflow_home import airflow_environment
from quickstart.embedded_service import start_service
from quickstart.processes import programs_end_here

MANY, SIDE_BY_SIDE = 500, 50
INTERVAL_SECONDS = 10
JOB_SECONDS = 60
LIMIT_MB = 150
HEARTBEAT_SECONDS = 0.01
JOB = {
    "RoleArn": "arn:aws:iam::123456789012:role/sagemaker-pca-processing",
    "AppSpecification": {
        "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        "ContainerEntrypoint": ["true"],
    },
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}},
}


class Held(NamedTuple):
    """What a process noticed while it held its waits."""

    completed: int
    grown_mb: float
    longest_block_seconds: float


def our_trigger(job_name: str) -> BaseTrigger:
    """The trigger of the project's job sensors, logs off."""
    module: Any = importlib.import_module("sagemaker_pca.triggers.jobs")
    trigger: BaseTrigger = module.SageMakerJobTrigger(
        operation="processing_job",
        job_name=job_name,
        job_logs=False,
        poll_seconds=INTERVAL_SECONDS,
        deadline=time.time() + 10 * JOB_SECONDS,
    )
    return trigger


def provider_trigger(job_name: str) -> BaseTrigger:
    """The trigger that the provider's deferrable processing operator uses."""
    module: Any = importlib.import_module("airflow.providers.amazon.aws.triggers.sagemaker")
    trigger: BaseTrigger = module.SageMakerTrigger(
        job_name=job_name, job_type="processing", waiter_delay=INTERVAL_SECONDS, waiter_max_attempts=1000
    )
    return trigger


TRIGGERS = {"ours": our_trigger, "provider": provider_trigger}


async def hold(triggers: list[BaseTrigger]) -> Held:
    """Hold waits until all have fired."""
    process = psutil.Process()
    before = peak = process.memory_info().rss
    longest_block = 0.0
    waits = [asyncio.create_task(first_event(trigger)) for trigger in triggers]
    while not all(wait.done() for wait in waits):
        asleep = time.perf_counter()
        await asyncio.sleep(HEARTBEAT_SECONDS)
        longest_block = max(longest_block, time.perf_counter() - asleep - HEARTBEAT_SECONDS)
        peak = max(peak, process.memory_info().rss)
    events = [wait.result() for wait in waits]
    return Held(len([event for event in events if event is not None]), (peak - before) / 1e6, longest_block)


async def first_event(trigger: BaseTrigger) -> TriggerEvent | None:
    """What a trigger fires."""
    async for event in trigger.run():
        return event
    return None


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """The embedded service, counting calls."""
    os.environ["SAGEMAKER_LOCAL_RECORD_CALLS"] = "1"
    with programs_end_here():
        yield start_service(folder)[1]


def measure(kind: str, count: int, address: str, folder: Path) -> tuple[Held, float]:
    """What a fresh process noticed, and the status calls of each of its waits."""
    name = f"{kind}-{count}"
    fault = {"fault": "delay_job", "target": "ProcessingJob", "seconds": JOB_SECONDS, "name": name}
    httpx.post(f"{address}/sagemaker-local/faults", json=fault).raise_for_status()
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the embedded service takes any
    )
    sagemaker.create_processing_job(ProcessingJobName=name, **JOB)
    httpx.delete(f"{address}/sagemaker-local/calls").raise_for_status()
    command = [sys.executable, "-m", "benchmarks.deferred_waits", kind, str(count), name]
    environment = airflow_environment(folder, address, settings={})
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    calls = httpx.get(f"{address}/sagemaker-local/calls", timeout=60).json()["calls"]
    looks = [call for call in calls if call["call"] == "sagemaker:DescribeProcessingJob"]
    return Held(*json.loads(output.splitlines()[-1])), len(looks) / count


def main() -> int:
    """Print a line for each process; the exit code says whether the limits were kept."""
    kept = True
    with tempfile.TemporaryDirectory(prefix="deferred-waits-") as folder, service(Path(folder)) as address:
        for kind, count in (("ours", MANY), ("ours", SIDE_BY_SIDE), ("provider", SIDE_BY_SIDE)):
            if kind == "provider" and importlib.util.find_spec("aiobotocore") is None:
                sys.stdout.write(f"{count:4} waits of the provider: not measured, aiobotocore is not installed\n")
                continue
            held, looks = measure(kind, count, address, Path(folder))
            whose = "this project" if kind == "ours" else "the provider"
            sys.stdout.write(
                f"{count:4} waits of {whose}: {held.completed} completed, "
                f"{held.grown_mb:.0f} MB more, event loop blocked for {held.longest_block_seconds:.2f} s at most, "
                f"{looks:.1f} status calls a wait\n"
            )
            sys.stdout.flush()
            kept = kept and held.completed == count and (kind != "ours" or held.grown_mb <= LIMIT_MB)
    sys.stdout.write(f"limit: {LIMIT_MB} MB for {MANY} waits; a look every {INTERVAL_SECONDS} s, slowly growing\n")
    return 0 if kept else 1


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(main())
    logging.disable()
    _, kind_of_wait, how_many, awaited_job = sys.argv
    held_waits = asyncio.run(hold([TRIGGERS[kind_of_wait](awaited_job) for _ in range(int(how_many))]))
    sys.stdout.write(json.dumps(held_waits))
