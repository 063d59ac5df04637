"""What many waits in one triggerer take: memory, a blocked event loop, status calls.

Processes wait for a job of the embedded service in one event loop each: 50 and 500 waits of this project, and 50 of the
provider's trigger at the same interval. That one needs aiobotocore, whose pins exclude this project's boto3, so it is
installed into a folder of its own that only its process sees.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import httpx

from benchmarks.embedded_service import client
from benchmarks.fresh_process import module, run, say
from benchmarks.measurement import Group, Growth, Row
from quickstart.airflow_home import STATE, airflow_environment
from quickstart.embedded_service import start_service

MANY, SIDE_BY_SIDE = 500, 50
JOB_SECONDS = 45
CALLS = "calls.jsonl"  # kept by moto's own recorder
MAX_GROWTH_MB = 150
PROVIDER_REQUIREMENTS = Path(__file__).with_name("provider-async.txt")
PROVIDER = f"{SIDE_BY_SIDE} waits of the provider's trigger"
JOB = {
    "RoleArn": "arn:aws:iam::123456789012:role/sagemaker-pca-processing",
    "AppSpecification": {
        "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        "ContainerEntrypoint": ["true"],
    },
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}},
}


class Held(NamedTuple):
    """What a process noticed while it held its waits; the calls are those of one wait."""

    lost: float
    grown_mb: float
    longest_block_seconds: float
    status_calls: float


def measure(folder: Path, full: bool) -> Group:
    """Hold waits of both kinds."""
    recorder = {"MOTO_ENABLE_RECORDING": "1", "MOTO_RECORDER_FILEPATH": str(folder / CALLS)}
    with mock.patch.dict(os.environ, recorder):
        service, address = start_service(folder)
    try:
        many, few = hold("ours", MANY, address, folder), hold("ours", SIDE_BY_SIDE, address, folder)
        beside = provider_packages()
        provider = hold("provider", SIDE_BY_SIDE, address, folder, beside) if beside else None
    finally:
        service.terminate()
        service.wait()
    sizes, held = (SIDE_BY_SIDE, MANY), (few, many)
    growth = Growth(
        name="waits of this project (seconds: longest block of the event loop)",
        sizes=sizes,
        seconds=tuple(each.longest_block_seconds for each in held),
        peak_mb=tuple(each.grown_mb for each in held),
    )
    return Group(rows=comparisons(many, few, provider), growth=(growth,), size_label="waits")


def hold(kind: str, count: int, address: str, folder: Path, python_path: Path | None = None) -> Held:
    """Hold waits in a fresh process until their job has ended."""
    name = f"{kind}-{count}"
    say(f"  {count} waits, {kind}: a job of {JOB_SECONDS} s")
    fault = {"fault": "delay_job", "target": "ProcessingJob", "seconds": JOB_SECONDS, "name": name}
    httpx.post(f"{address}/sagemaker-local/faults", json=fault).raise_for_status()
    client(address, "sagemaker").create_processing_job(ProcessingJobName=name, **JOB)
    (folder / CALLS).unlink()
    environment = airflow_environment(folder, address, settings={})
    if python_path:
        environment["PYTHONPATH"] = str(python_path)
    taken = run(module("benchmarks.programs.hold_waits", kind, str(count), name), environment).reported
    looks = (folder / CALLS).read_text().count("SageMaker.DescribeProcessingJob")
    held = Held(**taken, status_calls=looks / count)
    say(f"  {held.grown_mb:.0f} MB more, {held.status_calls:.1f} status calls a wait, {held.lost:.0f} lost")
    return held


def provider_packages() -> Path | None:
    """Return the folder with what the provider's trigger needs; None where it cannot be installed."""
    folder = STATE / "benchmarks" / "provider-async"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = folder.with_suffix(".partial")
        install = module(
            "uv", "pip", "install", "--quiet", "--no-deps", "--target", partial, "-r", PROVIDER_REQUIREMENTS
        )
        if subprocess.run(install, check=False).returncode != 0:
            say("  the provider's trigger is not measured: aiobotocore could not be installed")
            return None
        partial.rename(folder)
    return folder


def comparisons(many: Held, few: Held, provider: Held | None) -> tuple[Row, ...]:
    """Return the rows of the table."""
    beside = PROVIDER if provider else f"{PROVIDER}: not measured"
    return (
        Row(name=f"lost of {MANY} waits", unit="waits", ours=many.lost, max_ours=0),
        Row(name=f"memory of {MANY} waits", unit="MB", ours=many.grown_mb, max_ours=MAX_GROWTH_MB),
        Row(
            name=f"memory of {SIDE_BY_SIDE} waits",
            unit="MB",
            ours=few.grown_mb,
            beside=beside,
            theirs=provider and provider.grown_mb,
        ),
        Row(
            name=f"longest block of the event loop by {SIDE_BY_SIDE} waits",
            unit="s",
            ours=few.longest_block_seconds,
            beside=beside,
            theirs=provider and provider.longest_block_seconds,
        ),
        Row(
            name=f"status calls of each of {SIDE_BY_SIDE} waits",
            unit="calls",
            ours=few.status_calls,
            beside=beside,
            theirs=provider and provider.status_calls,
            max_ratio=1.0,
        ),
    )
