"""Write the report of whatever happened, and make the run's state say how it ended."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.assets import model_asset
from sagemaker_pca.endpoints.records import DeploymentRecord
from sagemaker_pca.exceptions import RunFailedError, SettingError
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.report.document import (
    Deployment,
    FailedStep,
    JobUse,
    LinkedResource,
    ProjectionSample,
    Run,
    RunReport,
    Setting,
    SmokeTest,
    Step,
    Verdict,
)
from sagemaker_pca.report.page import render_html
from sagemaker_pca.report.summary import RunSummary, short_reason
from sagemaker_pca.report.wording import HEADLINES, verdict_line
from sagemaker_pca.resource_kinds import ENDPOINT
from sagemaker_pca.run import tasks
from sagemaker_pca.run.jobs import instance_use
from sagemaker_pca.settings.endpoint_command import resolve_command
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.preflight import started_at
from sagemaker_pca.task_states import task_durations
from sagemaker_pca.variables import deployment_settings

log = logging.getLogger(__name__)

SECTIONS_OF_CARD = ("data", "model", "checks", "comparison", "drift", "warnings")


def publish_report(run: PipelineRun) -> dict[str, Any]:
    """Publish summary, report.json and report.html, tell followers of a verified model, end the run as it went.

    Raises:
        AirflowSkipException: when nothing had changed since the model in service was trained.
        RunFailedError: when a step failed, or the run was ended before its deployment was verified.
    """
    if not run.is_planned:
        push_summary(run, summary_without_plan(run))
        raise RunFailedError(f"The run planned nothing. {failures_text(run)}".rstrip())
    report = build_report(run)
    push_summary(run, RunSummary.of(report, run.plan.files))
    write_report(run, report)
    run.context["ti"].xcom_push(key=tasks.RUN_NOTE_KEY, value=verdict_line(report))
    if report.run.verdict is Verdict.SKIPPED:
        raise AirflowSkipException(report.run.reason)
    report_uri = run.plan.files.report_html_uri
    if report.run.verdict is not Verdict.PROMOTED or run.failed_tasks:
        raise RunFailedError(verdict_line(report), link=report_uri)
    run.hook.log.info("%s. Report: %s", HEADLINES[report.run.verdict], report_uri)
    result = model_event(report) | {"verdict": report.run.verdict, "report_uri": report_uri}
    run.context["outlet_events"][model_asset(run.plan.dag_id)].extra = result
    return result


def push_summary(run: PipelineRun, summary: RunSummary) -> None:
    """Leave what a table of runs shows in XCom; without it the run ends as it would."""
    try:
        run.context["ti"].xcom_push(key=tasks.RUN_SUMMARY_KEY, value=summary.model_dump(mode="json"))
    except Exception as error:
        log.warning("The run has no summary: %s", error)


def summary_without_plan(run: PipelineRun) -> RunSummary:
    """How a run ended that preflight refused, or that was ended before it."""
    return RunSummary(
        verdict=Verdict.FAILED,
        reason=short_reason(failures_text(run) or "The run was ended before it planned anything."),
        started_at=started_at(run.context["dag_run"]),
        finished_at=datetime.now(UTC),
    )


def write_report(run: PipelineRun, report: RunReport) -> None:
    """Write the report for programs first, for people second: a plot that cannot be drawn loses no number."""
    files = run.plan.files
    run.hook.write_bytes(files.report_json_uri, report.to_json().encode(), "application/json")
    run.hook.write_bytes(files.report_html_uri, render_html(report).encode(), "text/html; charset=utf-8")


def model_event(report: RunReport) -> dict[str, Any]:
    """What other people's DAGs learn of a verified model; of its components the largest comes first."""
    event: dict[str, Any] = {"run_name": report.run.run_name}
    if report.data is not None and report.model is not None:
        event |= {
            "rows": report.data.row_count,
            "artifact_uri": report.model.artifact_uri,
            "explained_variance_ratio": list(reversed(report.model.explained_variance_ratio)),
        }
    if report.deployment is not None:
        event |= report.deployment.model_dump(mode="json")
    return event


def build_report(run: PipelineRun) -> RunReport:
    """The report of a run, from what its steps left behind; of an unchanged run, that there was nothing to do."""
    plan, hook, verdict, reason = run.plan, run.hook, *verdict_of(run)
    about_run = Run(
        dag_id=plan.dag_id,
        run_id=plan.run_id,
        run_name=plan.run_name,
        started_at=plan.started_at,
        finished_at=datetime.now(UTC),
        verdict=verdict,
        reason=reason,
    )
    if run.is_unchanged:
        return RunReport(run=about_run, steps=_steps(run), settings=_settings(run))
    card = hook.find_document(plan.files.model_card_uri, ModelCard)
    smoke_test = run.result(tasks.SMOKE_TEST) if run.is_verified else None
    return RunReport(
        run=about_run,
        steps=_steps(run),
        settings=_settings(run),
        **({name: getattr(card, name) for name in SECTIONS_OF_CARD} if card else {}),
        deployment=_deployment(run),
        smoke_test=SmokeTest.model_validate(smoke_test) if smoke_test else None,
        projection_sample=hook.find_document(plan.files.projections_uri, ProjectionSample),
        jobs=tuple(job_uses(run, hourly_prices())),
        resources=_resources(run),
        failed_step=_failed_step(run),
    )


def verdict_of(run: PipelineRun) -> tuple[Verdict, str]:
    """How the run ended, and why in words."""
    if unchanged := run.skip_reason(tasks.STAGE_INPUTS):
        return Verdict.SKIPPED, unchanged
    if not run.failed_tasks and run.is_verified:
        return Verdict.PROMOTED, ""
    if not run.failed_tasks and (outdated := run.skip_reason(tasks.DEPLOY_ENDPOINT)):
        return Verdict.SKIPPED, outdated
    reason = failures_text(run) or "The run was ended before its deployment was verified."
    # What a cleared task left is of an earlier try: a card that refuses is this try's only where its task failed.
    if run.states.get(tasks.EVALUATE_MODEL) == "failed" and _is_refusal(run):
        return Verdict.REFUSED, run.failure(tasks.EVALUATE_MODEL).reason
    if run.states.get(tasks.APPROVE) == "failed" and run.result(tasks.APPROVE, tasks.DECISION_KEY):
        return Verdict.REJECTED, run.failure(tasks.APPROVE).reason
    if run.states.get(tasks.WAIT_FOR_ROLL_BACK) == "success":
        return Verdict.ROLLED_BACK, reason
    return Verdict.FAILED, reason


def _is_refusal(run: PipelineRun) -> bool:
    card = run.hook.find_document(run.plan.files.model_card_uri, ModelCard)
    return card is not None and not card.passed


def failures_text(run: PipelineRun) -> str:
    """The failed tasks, each with its reason."""
    return " ".join(f"{task_id} failed: {run.failure(task_id).reason}" for task_id in run.failed_tasks)


def _steps(run: PipelineRun) -> tuple[Step, ...]:
    """The run's tasks, each after the ones it waits for, but for the one that writes this."""
    durations = task_durations(run.context)
    # Skipped with everything else, it was not the profile's own affair.
    notes = {} if run.is_unchanged else {tasks.START_PROFILING: run.plan.config.why_no_profile or ""}
    if decision := run.result(tasks.APPROVE):
        by = decision["by"] or "silence"
        notes[tasks.APPROVE] = f"by {by}" if run.plan.config.deployment_approval else "nobody is asked"
    names = [task.task_id for task in run.context["dag"].topological_sort()]
    return tuple(
        Step(
            task_id=name,
            state=run.states.get(name),
            duration_seconds=durations.get(name),
            note=notes.get(name, ""),
        )
        for name in names
        if name != tasks.PUBLISH_REPORT
    )


def _settings(run: PipelineRun) -> tuple[Setting, ...]:
    values = run.plan.config.model_dump(mode="json")
    settings = []
    for name, field in PcaRunConfig.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        settings.append(
            Setting(
                name=name,
                value=values[name],
                origin=run.plan.origins[name],
                section=str(extra.get("section", "")),
                help=field.description or "",
            )
        )
    return tuple(settings)


def _deployment(run: PipelineRun) -> Deployment | None:
    record = run.hook.find_document(run.plan.files.deployment_record_uri, DeploymentRecord)
    if record is None:
        return None
    return Deployment(
        endpoint_name=record.endpoint_name,
        endpoint_config_name=record.endpoint_config_name,
        model_name=run.created_name(tasks.CREATE_MODEL),
        previous_endpoint_config_name=record.previous_endpoint_config_name,
        verified=run.is_verified,
    )


def job_uses(run: PipelineRun, prices: Mapping[str, float]) -> Iterator[JobUse]:
    """The run's jobs with their time and instances, of a repeated one the last attempt.

    Waits that succeeded left the job's description; for any other it is asked for once.
    """
    for wait_task, job in tasks.AWAITED_JOBS.items():
        if not (started := run.result(job.start_task)):
            continue
        name = str(started["name"])
        try:
            use = instance_use(job.kind, run.result(wait_task) or run.hook.describe(job.kind, name))
        except Exception as error:
            log.warning("The report lacks time and instances of %s %s: %s", job.kind.noun, name, error)
            yield JobUse(kind=job.kind.noun, name=name, note=f"It could not be described: {error}")
        else:
            yield JobUse(kind=job.kind.noun, name=name, cost=use.cost(prices), **use._asdict())


def hourly_prices() -> Mapping[str, float]:
    """The deployment's prices; a price that is none fails what deletes endpoints, not this."""
    try:
        return resolve_command({}, {}, deployment_settings()).config.hourly_prices
    except SettingError as error:
        log.warning("The report names no costs: %s", error)
        return {}


def _resources(run: PipelineRun) -> tuple[LinkedResource, ...]:
    """Jobs and resources of the run, each with its page."""
    created = {task_id: run.result(task_id) for task_id in tasks.CREATING_TASKS}
    named = [(tasks.CREATING_TASKS[task_id], str(result["name"])) for task_id, result in created.items() if result]
    if run.result(tasks.DEPLOY_ENDPOINT):
        named.append((ENDPOINT, run.plan.config.endpoint_name))
    return tuple(
        LinkedResource(kind=kind.noun, name=name, console_url=run.hook.console.resource_url(kind, name))
        for kind, name in named
    )


def _failed_step(run: PipelineRun) -> FailedStep | None:
    if not run.failed_tasks:
        return None
    first = run.failed_tasks[0]
    job = tasks.AWAITED_JOBS.get(first)
    return FailedStep(task_id=first, failure=run.failure(first), clear_task_id=job.start_task if job else first)
