"""Jobs that failed waits left running, against the embedded service."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sagemaker_pca.job_status import PROCESSING_JOB
from sagemaker_pca.run_config import PcaRunConfig
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.steps.stop_abandoned_jobs import stop_abandoned_jobs
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws

WAITS = {
    "features.wait_for_processing": "features.start_processing",
    "features.wait_for_profiling": "features.start_profiling",
}

pytestmark = pytest.mark.e2e


def state_after(
    aws: EmbeddedAws,
    hook: SageMakerPcaHook,
    wait_state: str,
    wait_id: str = "features.wait_for_processing",
    **settings: Any,
) -> str:
    """State of a running job after the step, its wait being in a state."""
    name = aws.start_processing("import time; time.sleep(60)")
    plan = SimpleNamespace(config=PcaRunConfig(**settings))
    run: Any = SimpleNamespace(hook=hook, plan=plan, needed_result={WAITS[wait_id]: {"name": name}}.__getitem__)
    stop_abandoned_jobs(run, {wait_id: wait_state, "training.wait_for_training": "upstream_failed"})
    state = hook.describe(PROCESSING_JOB, name)["ProcessingJobStatus"]
    hook.stop_job(PROCESSING_JOB, name)
    return str(state)


@pytest.mark.parametrize("wait_id", WAITS)
def test_the_job_of_a_failed_wait_is_stopped(aws: EmbeddedAws, hook: SageMakerPcaHook, wait_id: str) -> None:
    assert state_after(aws, hook, "failed", wait_id) in {"Stopping", "Stopped"}


@pytest.mark.parametrize("wait_state", ["success", "upstream_failed", "skipped"])
def test_any_other_job_runs_on(aws: EmbeddedAws, hook: SageMakerPcaHook, wait_state: str) -> None:
    assert state_after(aws, hook, wait_state) == "InProgress"


def test_the_job_runs_on_where_the_settings_say_so(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    assert state_after(aws, hook, "failed", stop_jobs_on_kill=False) == "InProgress"
