"""Stop what a failed wait may have left running."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker_pca.job_status import PROCESSING_JOB, TRAINING_JOB
from sagemaker_pca.pipeline_run import PipelineRun

AWAITED_JOBS = {
    "features.wait_for_profiling": ("features.start_profiling", PROCESSING_JOB),
    "features.wait_for_processing": ("features.start_processing", PROCESSING_JOB),
    "training.wait_for_training": ("training.start_training", TRAINING_JOB),
}


def stop_abandoned_jobs(run: PipelineRun, states: Mapping[str, str]) -> None:
    """Stop the jobs of failed waits, unless the run's settings say otherwise.

    A wait that is marked failed stops its job itself, but only while a triggerer looks after it: nobody tells the wait
    where its trigger had not begun yet, or where the triggerer was away.
    """
    if not run.plan.config.stop_jobs_on_kill:
        return
    for wait_id, (start_id, kind) in AWAITED_JOBS.items():
        if states.get(wait_id) == "failed":
            run.hook.stop_job(kind, str(run.needed_result(start_id)["name"]))
