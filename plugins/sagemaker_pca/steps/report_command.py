"""Say what an endpoint command did, keep the report of a deletion, and make the run's state say how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from airflow.sdk import Context

from sagemaker_pca.endpoints.deletion import Outcome
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan
from sagemaker_pca.endpoints.deletion_report import DeletionReport, all_outcomes, verdict_of
from sagemaker_pca.exceptions import Failure, RunFailedError
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.operators.endpoints import OUTCOMES_KEY, PLAN_KEY, RESULT_KEY
from sagemaker_pca.run.locations import run_name
from sagemaker_pca.run.tasks import FAILED_STATES, FAILURE_KEY, RUN_NOTE_KEY, SKIP_REASON_KEY, failure_line
from sagemaker_pca.task_states import task_states

PLAN_TASK, APPROVE_TASK, DELETE_TASK = "plan", "approve", "delete"
SWITCH_TASKS = {"stop-endpoint": "stop", "start-endpoint": "start"}


def report_command(context: Context, hook: SageMakerInventoryHook) -> Any:
    """Return what was listed, described, stopped or started, or the report of a deletion; that goes to S3 as well.

    Raises:
        RunFailedError: when a task failed, or what was asked for by name is still there.
    """
    ti, states = context["ti"], task_states(context)
    document = ti.xcom_pull(task_ids=PLAN_TASK, key=PLAN_KEY)
    if document is None:
        return report_answer(context, states)
    report = deletion_report(context, DeletionPlan.model_validate(document), states)
    if report.verdict != "dry run":
        hook.write_document(report_uri(report), report)
        hook.log.info("The deletion ended as %s. Report: %s", report.verdict, report_uri(report))
    ti.xcom_push(key=RUN_NOTE_KEY, value=report.line)
    if report.failure is not None:
        raise RunFailedError(report.line, hint=report.failure.hint, link=report_uri(report))
    return report.model_dump(mode="json")


def report_answer(context: Context, states: Mapping[str, str]) -> Any:
    """What was listed or described, or what became of a stop or start.

    Raises:
        RunFailedError: when its task failed.
    """
    ti, command = context["ti"], context["params"]["command"]
    switch = SWITCH_TASKS.get(command, PLAN_TASK)
    for task_id in (PLAN_TASK, switch):
        if states.get(task_id) in FAILED_STATES:
            pushed = ti.xcom_pull(task_ids=task_id, key=FAILURE_KEY)
            failure = Failure.model_validate(pushed) if pushed else Failure(reason="see its log.")
            raise RunFailedError(failure_line(task_id, failure.reason), hint=failure.hint, link=failure.link)
    skipped = ti.xcom_pull(task_ids=switch, key=SKIP_REASON_KEY)
    result = ti.xcom_pull(task_ids=PLAN_TASK, key=RESULT_KEY)
    if result is None:  # it was no list, no description, and no dry run
        result = skipped or ti.xcom_pull(task_ids=switch)
    found = f"{len(result)} found" if isinstance(result, list) else skipped or context["params"]["name"]
    ti.xcom_push(key=RUN_NOTE_KEY, value=f"{command}: {found}")
    return result


def deletion_report(context: Context, plan: DeletionPlan, states: Mapping[str, str]) -> DeletionReport:
    """The report of a deletion, from what its tasks left behind."""
    ti = context["ti"]
    # Where nobody was asked the approval is skipped; rejecting leaves no result, and skips the deletions.
    rejected = states.get(APPROVE_TASK) == "success" and states.get(DELETE_TASK) == "skipped"
    # A list of task ids, for the pull to be a list whether one chain was deleted or many.
    pushed = ti.xcom_pull(task_ids=[DELETE_TASK], key=OUTCOMES_KEY) or []
    reported = [Outcome.model_validate(item) for outcomes in pushed if outcomes for item in outcomes]
    outcomes = all_outcomes(plan, reported, _unreported(states, rejected=rejected))
    return DeletionReport(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        finished_at=datetime.now(UTC),
        verdict=verdict_of(plan, outcomes, rejected=rejected),
        plan=plan,
        outcomes=outcomes,
    )


def _unreported(states: Mapping[str, str], *, rejected: bool) -> tuple[Literal["kept", "failed"], str]:
    """What became of resources of which no task said anything, and why."""
    if rejected:
        return "kept", "the plan was not approved"
    if states.get(APPROVE_TASK) in FAILED_STATES:
        return "failed", "the plan was not approved: see the log of its approval"
    return "failed", "its task ended without a word; see its log"


def report_uri(report: DeletionReport) -> str:
    """Where the report of a deletion is kept."""
    plan = report.plan
    name = run_name(plan.deployment_id or "", report.dag_id, report.run_id)
    return f"s3://{plan.bucket}/endpoint-deletions/{name}.json"
