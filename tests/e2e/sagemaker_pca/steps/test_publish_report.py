"""What a report says of a run's jobs, asked of the service where their waits left nothing."""

import uuid
from typing import Any

import pytest

from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.run import tasks
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.publish_report import job_uses

pytestmark = pytest.mark.e2e


def run_with(hook: SageMakerPcaHook, results: dict[str, Any]) -> PipelineRun:
    context: Any = {}
    run = PipelineRun(context)
    run.__dict__["hook"] = hook
    started = {job.start_task: None for job in tasks.AWAITED_JOBS.values()}
    run._results |= {
        (task_id, "return_value"): result
        for task_id, result in (started | dict.fromkeys(tasks.AWAITED_JOBS) | results).items()
    }
    return run


def test_a_job_that_cannot_be_described_is_named_with_the_reason(hook: SageMakerPcaHook) -> None:
    name = uuid.uuid4().hex
    (use,) = job_uses(run_with(hook, {tasks.START_TRAINING: {"name": name}}), {})
    assert (use.name, use.seconds, use.instance_count) == (name, None, None)
    assert "It could not be described: " in use.note
    assert "DescribeTrainingJob" in use.note


def test_what_a_wait_returned_is_not_asked_for_again_and_costs_what_the_prices_say(hook: SageMakerPcaHook) -> None:
    description = {
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        "TrainingStartTime": "2026-11-22T09:30:00+00:00",
        "TrainingEndTime": "2026-11-22T09:31:30+00:00",
        "BillableTimeInSeconds": 90,
    }
    results = {tasks.START_TRAINING: {"name": "never-made"}, tasks.WAIT_FOR_TRAINING: description}
    (use,) = job_uses(run_with(hook, results), {"ml.m5.large": 0.2})
    assert (use.seconds, use.note) == (90, "")
    assert use.cost == pytest.approx(0.01)
