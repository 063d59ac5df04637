"""The tasks of the pipelines by name: whatever reads what another task left names it by these. Pure.

A task's id is its name alone; task groups only draw a frame around their tasks.
"""

from __future__ import annotations

from typing import NamedTuple

from sagemaker_pca.resource_kinds import ENDPOINT_CONFIG, MODEL, PROCESSING_JOB, TRAINING_JOB, ResourceKind

PREFLIGHT = "preflight"
STAGE_INPUTS = "stage_inputs"
START_PROFILING = "start_profiling"
WAIT_FOR_PROFILING = "wait_for_profiling"
START_PROCESSING = "start_processing"
WAIT_FOR_PROCESSING = "wait_for_processing"
START_TRAINING = "start_training"
WAIT_FOR_TRAINING = "wait_for_training"
EVALUATE_MODEL = "evaluate_model"
APPROVE = "approve"
CREATE_MODEL = "create_model"
CREATE_ENDPOINT_CONFIG = "create_endpoint_config"
DEPLOY_ENDPOINT = "deploy_endpoint"
WAIT_FOR_ENDPOINT = "wait_for_endpoint"
SMOKE_TEST = "smoke_test"
ROLL_BACK = "roll_back"
WAIT_FOR_ROLL_BACK = "wait_for_roll_back"
FINISH_DEPLOYMENT = "finish_deployment"
PUBLISH_REPORT = "publish_report"

# Of the batch transform alone.
START_TRANSFORM = "start_transform"
WAIT_FOR_TRANSFORM = "wait_for_transform"
CHECK_SCORES = "check_scores"

CREATING_TASKS = {
    START_PROFILING: PROCESSING_JOB,
    START_PROCESSING: PROCESSING_JOB,
    START_TRAINING: TRAINING_JOB,
    CREATE_MODEL: MODEL,
    CREATE_ENDPOINT_CONFIG: ENDPOINT_CONFIG,
}
"""The kind of resource that each task creates or adopts."""

# What a task left in XCom beside its result: why it failed, why it skipped the run, what a person decided, what a table
# of runs shows, and how the run ended, in a line.
FAILURE_KEY = "failure"
SKIP_REASON_KEY = "skip_reason"
DECISION_KEY = "decision"
RUN_SUMMARY_KEY = "run_summary"
RUN_NOTE_KEY = "run_note"

FAILED_STATES = frozenset({"failed", "upstream_failed"})


def failure_line(task_id: str, reason: str, verdict: str = "failed") -> str:
    """How a run ended for a task's sake, in a line."""
    return f"{verdict}: {task_id} \N{EN DASH} {reason}"


class AwaitedJob(NamedTuple):
    """A job that one task starts and another one waits for."""

    start_task: str
    kind: ResourceKind


AWAITED_JOBS = {
    WAIT_FOR_PROFILING: AwaitedJob(START_PROFILING, PROCESSING_JOB),
    WAIT_FOR_PROCESSING: AwaitedJob(START_PROCESSING, PROCESSING_JOB),
    WAIT_FOR_TRAINING: AwaitedJob(START_TRAINING, TRAINING_JOB),
}
"""By waiting task. To run a failed job again, a person clears the task that started it, not the one that waited."""
