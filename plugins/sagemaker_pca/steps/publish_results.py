"""Write the report of whatever happened, give the lease back, and make the run's state say how it ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from sagemaker_pca.deployment import DeploymentRecord
from sagemaker_pca.deployment_history import PastDeployment
from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, MODEL, PROCESSING_JOB, TRAINING_JOB
from sagemaker_pca.model_asset import MODEL_ASSET
from sagemaker_pca.model_card import ModelCard
from sagemaker_pca.pipeline_run import PipelineRun
from sagemaker_pca.report import (
    Deployment,
    FailedStep,
    ProjectionSample,
    Resource,
    Run,
    RunReport,
    Setting,
    SmokeTest,
    Step,
    Verdict,
)
from sagemaker_pca.report_page import render_html
from sagemaker_pca.run_config import PcaRunConfig
from sagemaker_pca.run_fingerprint import run_fingerprint
from sagemaker_pca.steps.retire_superseded import retire_superseded
from sagemaker_pca.steps.roll_back import VERIFYING_TASK
from sagemaker_pca.steps.stage_inputs import SKIP_REASON_KEY
from sagemaker_pca.steps.stop_abandoned_jobs import stop_abandoned_jobs
from sagemaker_pca.task_states import FAILED_STATES, FAILURE_KEY, task_durations, task_states

PROFILE_TASK = "features.start_profiling"
CREATING_TASKS = {
    PROFILE_TASK: PROCESSING_JOB,
    "features.start_processing": PROCESSING_JOB,
    "training.start_training": TRAINING_JOB,
    "deployment.create_model": MODEL,
    "deployment.create_endpoint_config": ENDPOINT_CONFIG,
}


def publish_results(run: PipelineRun) -> dict[str, Any]:
    """Publish report.json and report.html, release the lease, record a promotion.

    Raises:
        AirflowSkipException: when nothing had changed since the model in service was trained.
        AirflowFailException: when a step of the run failed; a leaf that merely ran would turn the run green.
    """
    states = task_states(run.context)
    failed = [task_id for task_id, state in states.items() if state == "failed"]
    if run.result("preflight") is None:
        raise AirflowFailException(f"The run planned nothing: {_failure(run, failed)}")
    if states.get("stage_inputs") == "skipped":
        skipped = build_skipped_report(run, states)
        write_report(run, skipped)
        raise AirflowSkipException(skipped.run.reason)
    stop_abandoned_jobs(run, states)
    report = build_report(run, states)
    write_report(run, report)
    files, hook = run.plan.files, run.hook
    try:
        if report.deployment is not None:
            note_deployment(run, report.deployment)
    finally:
        run.lease.release(hook)
    if any(state in FAILED_STATES for state in states.values()):
        raise AirflowFailException(f"{report.run.verdict}: {report.run.reason} Report: {files.report_html_uri}")
    result = model_event(report) | {"verdict": report.run.verdict, "report_uri": files.report_html_uri}
    run.context["outlet_events"][MODEL_ASSET].extra = result
    return result


def write_report(run: PipelineRun, report: RunReport) -> None:
    """Write the report for programs and for people."""
    files = run.plan.files
    run.hook.write_bytes(files.report_json_uri, report.to_json().encode(), "application/json")
    run.hook.write_bytes(files.report_html_uri, render_html(report).encode(), "text/html; charset=utf-8")


def model_event(report: RunReport) -> dict[str, Any]:
    """What other people's DAGs learn of a verified model."""
    event: dict[str, Any] = {"run_name": report.run.run_name}
    if report.data is not None and report.model is not None:
        event |= {
            "rows": report.data.row_count,
            "artifact_uri": report.model.artifact_uri,
            "explained_variance_ratio": list(report.model.explained_variance_ratio),
        }
    if report.deployment is not None:
        event |= report.deployment.model_dump(mode="json")
    return event


def note_deployment(run: PipelineRun, deployment: Deployment) -> None:
    """Keep the endpoint's records: what is promoted, what came before, and what may go."""
    if deployment.verified:
        promoted = {
            "run_name": run.plan.run_name,
            "fingerprint": run_fingerprint(run.plan, run.inputs),
            **deployment.model_dump(mode="json"),
        }
        run.hook.write_json(run.plan.files.promoted_uri, promoted)
    newest = PastDeployment(
        run_name=run.plan.run_name,
        endpoint_config_name=deployment.endpoint_config_name,
        model_name=deployment.model_name,
    )
    retire_superseded(run, newest, verified=deployment.verified)


def build_skipped_report(run: PipelineRun, states: dict[str, str]) -> RunReport:
    """The report of a run that found nothing to do; it left nothing behind to be read."""
    return RunReport(
        run=_run(run, Verdict.SKIPPED, str(run.result("stage_inputs", SKIP_REASON_KEY))),
        steps=_steps(run, states),
        settings=_settings(run),
    )


def build_report(run: PipelineRun, states: dict[str, str]) -> RunReport:
    """The report of a run, from what its steps left behind."""
    plan, hook = run.plan, run.hook
    document = hook.find_json(plan.files.model_card_uri)
    card = ModelCard.model_validate(document) if document else None
    smoke_test = run.result(VERIFYING_TASK) if states.get(VERIFYING_TASK) == "success" else None
    sample = hook.find_json(plan.files.projections_uri)
    verdict, reason = _verdict(run, states, card)
    return RunReport(
        run=_run(run, verdict, reason),
        steps=_steps(run, states),
        settings=_settings(run),
        data=card.data if card else None,
        model=card.model if card else None,
        checks=card.checks if card else (),
        comparison=card.comparison if card else None,
        deployment=_deployment(run, verdict),
        smoke_test=SmokeTest.model_validate(smoke_test) if smoke_test else None,
        projection_sample=ProjectionSample.model_validate(sample) if sample else None,
        resources=_resources(run),
        failed_step=_failed_step(run, states),
    )


def _run(run: PipelineRun, verdict: Verdict, reason: str) -> Run:
    plan = run.plan
    return Run(
        dag_id=plan.dag_id,
        run_id=plan.run_id,
        run_name=plan.run_name,
        started_at=plan.started_at,
        finished_at=datetime.now(UTC),
        verdict=verdict,
        reason=reason,
    )


def _verdict(run: PipelineRun, states: dict[str, str], card: ModelCard | None) -> tuple[Verdict, str]:
    failed = [task_id for task_id, state in states.items() if state == "failed"]
    if not failed:
        verified = states.get(VERIFYING_TASK) == "success"
        return (Verdict.PROMOTED, "") if verified else (Verdict.SKIPPED, "No deployment was verified.")
    reason = _failure(run, failed)
    # A card may be of an earlier try: then its verdict is not this one's.
    if states.get("evaluate_model") == "failed" and card is not None and not card.passed:
        return Verdict.REFUSED, card.reason
    if states.get("deployment.roll_back") == "success":
        return Verdict.ROLLED_BACK, reason
    return Verdict.FAILED, reason


def _failure(run: PipelineRun, failed: list[str]) -> str:
    """The failed tasks, each with its error."""
    return " ".join(f"{task_id} failed: {run.result(task_id, FAILURE_KEY) or 'see its log.'}" for task_id in failed)


def _steps(run: PipelineRun, states: dict[str, str]) -> tuple[Step, ...]:
    durations = task_durations(run.context)
    own_id = run.context["ti"].task_id
    # Skipped with everything else, it was not the profile's own affair.
    staged = states.get("stage_inputs") == "success"
    notes = {PROFILE_TASK: (staged and run.plan.config.why_no_profile) or ""}
    order = [task.task_id for task in _in_order(run.context["dag"])]
    return tuple(
        Step(
            task_id=task_id,
            state=states.get(task_id),
            duration_seconds=durations.get(task_id),
            note=notes.get(task_id, ""),
        )
        for task_id in order
        if task_id != own_id
    )


def _in_order(dag: Any) -> list[Any]:
    """Tasks, each after the ones it waits for."""
    return list(dag.topological_sort())


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


def _deployment(run: PipelineRun, verdict: Verdict) -> Deployment | None:
    document = run.hook.find_json(run.plan.files.deployment_record_uri)
    if document is None:
        return None
    record = DeploymentRecord.model_validate(document)
    return Deployment(
        endpoint_name=record.endpoint_name,
        endpoint_config_name=record.endpoint_config_name,
        model_name=run.model_name,
        previous_endpoint_config_name=record.previous_endpoint_config_name,
        verified=verdict is Verdict.PROMOTED,
    )


def _resources(run: PipelineRun) -> tuple[Resource, ...]:
    """Jobs and resources of the run, each with its page."""
    started = {task_id: run.result(task_id) for task_id in CREATING_TASKS}
    named = [(CREATING_TASKS[task_id], str(result["name"])) for task_id, result in started.items() if result]
    if run.result("deployment.deploy_endpoint"):
        named.append((ENDPOINT, run.plan.config.endpoint_name))
    return tuple(
        Resource(kind=kind.noun, name=name, console_url=run.hook.console.resource_url(kind, name))
        for kind, name in named
    )


def _failed_step(run: PipelineRun, states: dict[str, str]) -> FailedStep | None:
    failed = [task_id for task_id, state in states.items() if state == "failed"]
    if not failed:
        return None
    error, _, tail = str(run.result(failed[0], FAILURE_KEY) or "").partition("\n")
    return FailedStep(task_id=failed[0], error=error, log_tail=tuple(tail.splitlines()))
