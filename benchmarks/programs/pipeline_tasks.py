"""Does a worker's part in many pipelines: `... programs.pipeline_tasks processing|training WORKER WORKERS PIPELINES`.

Two workers each take the same pipelines at the same moment, as when a task is tried again while its first try lives:
each job has to be there once.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from airflow.sdk import Context

from benchmarks.pipeline_jobs import PREFIX, host_documents, plan_of, stage, training_request
from benchmarks.recording import FEATURES
from benchmarks.stopwatch import report
from quickstart.embedded_service import BUCKET
from sagemaker_pca.operators.start import SageMakerStartProcessingJobOperator, SageMakerStartTrainingJobOperator
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.plan import RunPlan
from sagemaker_pca.sensors.jobs import SageMakerProcessingJobSensor

NO_CONTEXT: Any = Context()


def pipeline(number: int) -> RunPlan:
    """A run of one of the pipelines: each with raw data and an endpoint of its own."""
    name = f"{PREFIX}{number}"
    settings = {
        "feature_columns": FEATURES,
        "raw_data_uri": f"s3://{BUCKET}/raw/{name}/",
        "endpoint_name": name,
        "feature_format": "recordio",
    }
    return plan_of(name, "scheduled__2026-11-29T00:00:00+00:00", settings)


def start_processing(plan: RunPlan) -> Any:
    """The tasks stage_inputs and start_processing."""
    operator = SageMakerStartProcessingJobOperator(task_id="start_processing", config={})
    operator.config = service_requests.processing_job(plan, stage(plan, operator.pca_hook))
    return operator.execute(NO_CONTEXT)


def start_training(plan: RunPlan) -> Any:
    """The end of wait_for_processing, and the task start_training."""
    wait = SageMakerProcessingJobSensor(task_id="wait_for_processing", job_name=plan.run_name)
    wait.execute_complete(NO_CONTEXT, {"status": "ended"})
    documents = host_documents(plan, wait.pca_hook, plan.run_name)
    operator = SageMakerStartTrainingJobOperator(
        task_id="start_training", config=training_request(plan, plan.run_name, documents)
    )
    return operator.execute(NO_CONTEXT)


START = {"processing": start_processing, "training": start_training}


def main(step: str, worker: int, workers: int, pipelines: int) -> None:
    """Start and report how many jobs were created and how many found."""
    started = [START[step](pipeline(number)) for number in range(worker // 2, pipelines, workers // 2)]
    adopted = sum(job["adopted"] for job in started)
    report(created=len(started) - adopted, adopted=adopted)


if __name__ == "__main__":
    logging.disable()
    main(sys.argv[1], *map(int, sys.argv[2:]))
