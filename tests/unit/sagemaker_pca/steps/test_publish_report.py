"""A run is told by what its tasks did, not by what Airflow did to those of a run that was marked failed."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from sagemaker_pca.exceptions import Failure, RunFailedError
from sagemaker_pca.report.document import Verdict
from sagemaker_pca.report.summary import RunSummary
from sagemaker_pca.run import tasks
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.publish_report import publish_report, verdict_of

REASON = "the endpoint already serves this model"


def run_of(states: dict[str, str], skipped_itself: str = "") -> PipelineRun:
    def pull(task_ids: str, key: str) -> str | None:
        return REASON if (task_ids, key) == (skipped_itself, tasks.SKIP_REASON_KEY) else None

    context: Any = {"ti": SimpleNamespace(xcom_pull=pull)}
    run = PipelineRun(context)
    run.__dict__["states"] = states
    return run


@pytest.mark.parametrize("task_id", [tasks.STAGE_INPUTS, tasks.DEPLOY_ENDPOINT])
def test_a_task_that_had_nothing_to_do_skips_the_run_and_says_why(task_id: str) -> None:
    assert verdict_of(run_of({task_id: "skipped"}, skipped_itself=task_id)) == (Verdict.SKIPPED, REASON)


@pytest.mark.parametrize("first_skipped", [tasks.STAGE_INPUTS, tasks.START_PROCESSING, tasks.DEPLOY_ENDPOINT])
def test_a_run_that_is_marked_failed_between_two_tasks_has_failed(first_skipped: str) -> None:
    run = run_of({first_skipped: "skipped", tasks.DEPLOY_ENDPOINT: "skipped", tasks.SMOKE_TEST: "skipped"})
    verdict, reason = verdict_of(run)
    assert (verdict, reason) == (Verdict.FAILED, "The run was ended before its deployment was verified.")
    assert not run.is_unchanged


def test_a_run_that_preflight_refused_leaves_a_summary_that_says_why() -> None:
    failure = Failure(reason="bucket='X' is no bucket. Give another.").model_dump(mode="json")
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(
        xcom_pull=lambda task_ids, key: failure if (task_ids, key) == (tasks.PREFLIGHT, tasks.FAILURE_KEY) else None,
        xcom_push=lambda key, value: pushed.update({key: value}),
    )
    started_at = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    context: Any = {"ti": ti, "dag_run": SimpleNamespace(start_date=started_at)}
    run = PipelineRun(context)
    run.__dict__["states"] = {tasks.PREFLIGHT: "failed"}

    with pytest.raises(RunFailedError, match="planned nothing"):
        publish_report(run)

    summary = RunSummary.model_validate(pushed[tasks.RUN_SUMMARY_KEY])
    assert (summary.verdict, summary.started_at) == (Verdict.FAILED, started_at)
    assert summary.reason == "preflight failed: bucket='X' is no bucket."
