"""Holds many waits for one job in one event loop, as a triggerer does: `hold_waits ours|provider COUNT JOB_NAME`."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
from airflow.triggers.base import BaseTrigger, TriggerEvent

from benchmarks.stopwatch import report

INTERVAL_SECONDS = 10
LONGEST_WAIT_SECONDS = 600
HEARTBEAT_SECONDS = 0.01


def our_trigger(job_name: str) -> BaseTrigger:
    """The trigger of the project's job sensors, logs off."""
    module: Any = importlib.import_module("sagemaker_pca.triggers.jobs")
    trigger: BaseTrigger = module.SageMakerJobTrigger(
        operation="processing_job",
        job_name=job_name,
        job_logs=False,
        poll_seconds=INTERVAL_SECONDS,
        deadline=time.time() + LONGEST_WAIT_SECONDS,
    )
    return trigger


def provider_trigger(job_name: str) -> BaseTrigger:
    """The trigger that the provider's deferrable processing operator uses."""
    module: Any = importlib.import_module("airflow.providers.amazon.aws.triggers.sagemaker")
    trigger: BaseTrigger = module.SageMakerTrigger(
        job_name=job_name, job_type="processing", waiter_delay=INTERVAL_SECONDS, waiter_max_attempts=1000
    )
    return trigger


TRIGGERS: dict[str, Callable[[str], BaseTrigger]] = {"ours": our_trigger, "provider": provider_trigger}


async def hold(triggers: list[BaseTrigger]) -> None:
    """Hold waits until all have ended, and report what the process noticed meanwhile."""
    process = psutil.Process()
    before = peak = process.memory_info().rss
    longest_block = 0.0
    waits = [asyncio.create_task(first_event(trigger)) for trigger in triggers]
    while not all(wait.done() for wait in waits):
        asleep = time.perf_counter()
        await asyncio.sleep(HEARTBEAT_SECONDS)
        longest_block = max(longest_block, time.perf_counter() - asleep - HEARTBEAT_SECONDS)
        peak = max(peak, process.memory_info().rss)
    fired = sum(wait.result() is not None for wait in waits)
    report(lost=len(waits) - fired, grown_mb=(peak - before) / 1e6, longest_block_seconds=longest_block)


async def first_event(trigger: BaseTrigger) -> TriggerEvent | None:
    """What a trigger fires."""
    async for event in trigger.run():
        return event
    return None


if __name__ == "__main__":
    logging.disable()
    kind, count, job_name = sys.argv[1:]
    asyncio.run(hold([TRIGGERS[kind](job_name) for _ in range(int(count))]))
