"""Holds the waits of many pipelines, a job each, as a triggerer does: `... hold_pipelines processing_job PIPELINES`."""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from benchmarks.programs.hold_waits import hold
from benchmarks.programs.pipeline_tasks import pipeline
from sagemaker_pca.triggers.jobs import SageMakerJobTrigger

POLL_SECONDS = 2
LONGEST_WAIT_SECONDS = 900

if __name__ == "__main__":
    logging.disable()
    operation, count = sys.argv[1], int(sys.argv[2])
    waits = [
        SageMakerJobTrigger(
            operation=operation,
            job_name=pipeline(number).run_name,
            poll_seconds=POLL_SECONDS,
            deadline=time.time() + LONGEST_WAIT_SECONDS,
        )
        for number in range(count)
    ]
    asyncio.run(hold([*waits]))
