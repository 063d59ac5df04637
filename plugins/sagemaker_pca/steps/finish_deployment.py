"""Settle what a run leaves in service: promote or not, retire what is superseded, give the lease back."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.endpoints.deployment import check_in_service
from sagemaker_pca.endpoints.records import DeploymentHistory, DeploymentRecord, PastDeployment, Promotion
from sagemaker_pca.exceptions import DeploymentError
from sagemaker_pca.run import tasks
from sagemaker_pca.run.attempts import attempt_names
from sagemaker_pca.run.fingerprint import run_fingerprint
from sagemaker_pca.run.locations import profile_job_name
from sagemaker_pca.steps.pipeline_run import PipelineRun


def finish_deployment(run: PipelineRun) -> dict[str, Any]:
    """Stop what was left running, then record the deployment, if there was one, and give the lease back.

    Raises:
        AirflowSkipException: when the run deployed nothing.
        LeaseHeldError: when another run deploys to the endpoint by now: the records are that run's to write.
    """
    if not run.is_planned or run.is_unchanged:
        raise AirflowSkipException("The run ended before it changed anything.")
    try:
        stop_abandoned_jobs(run)
        record = run.hook.find_document(run.plan.files.deployment_record_uri, DeploymentRecord)
        if record is None:
            raise AirflowSkipException("The run deployed nothing.")
        run.lease.take(run.hook, record.endpoint_name)
        if run.states.get(tasks.WAIT_FOR_ROLL_BACK) == "success":
            put_tags_back(run, record)
        remember(run, record)
    finally:
        # After the promotion is written: a run of the same data finds either the claim or the promotion, never neither.
        if claim := run.noted_claim:
            claim.release(run.hook)
        run.lease.release(run.hook)
    run.hook.log.info(
        "Configuration %s of endpoint %s is %s.",
        record.endpoint_config_name,
        record.endpoint_name,
        "promoted" if run.is_verified else "not promoted, since it was not verified",
    )
    return record.model_dump(mode="json") | {"verified": run.is_verified}


def put_tags_back(run: PipelineRun, record: DeploymentRecord) -> None:
    """Give an endpoint the tags of the configuration that it serves again: both got the same when that was deployed."""
    endpoint = run.hook.find_endpoint(record.endpoint_name)
    if endpoint is not None and record.previous_endpoint_config_name:
        run.hook.add_tags(endpoint["EndpointArn"], run.hook.tags_of_config(record.previous_endpoint_config_name))


def stop_abandoned_jobs(run: PipelineRun) -> None:
    """Stop the jobs that nobody waits for any more, unless the run's settings say otherwise.

    A wait that is marked failed stops its job itself, but only while a triggerer looks after it: nobody tells the wait
    where its trigger had not begun yet, or where the triggerer was away. Where the run is ended between a start and its
    wait, or a start in the middle, no wait begins; and such a start leaves no result, so jobs are found by their names.
    A wait that was marked success leaves its job to be adopted.
    """
    if not run.plan.config.stop_jobs_on_kill:
        return
    for wait_task, job in tasks.AWAITED_JOBS.items():
        is_profile = wait_task == tasks.WAIT_FOR_PROFILING
        if run.states.get(wait_task) == "success" or (is_profile and run.plan.config.why_no_profile):
            continue
        base_name = profile_job_name(run.plan.run_name) if is_profile else run.plan.run_name
        for _, name in attempt_names(base_name):
            description = run.hook.find(job.kind, name)
            if description is None:
                break
            if job.kind.status(description) == "InProgress":
                run.hook.stop_job(job.kind, name)


def remember(run: PipelineRun, record: DeploymentRecord) -> None:
    """Write what is promoted, if it is verified, and what the endpoint has seen; delete what that supersedes.

    The caller holds the endpoint's lease, so no two runs change these records at once.
    """
    files, model_name = run.plan.files, run.created_name(tasks.CREATE_MODEL)
    if run.is_verified:
        check_still_in_service(run, record)
        promotion = Promotion(
            **record.model_dump(exclude={"schema_version"}),
            fingerprint=run_fingerprint(run.plan, run.inputs),
            model_name=model_name,
        )
        run.hook.write_document(files.promoted_uri, promotion)
        run.hook.delete_object(files.stopped_uri)  # if it was stopped, it is not any more
    newest = PastDeployment(
        run_name=run.plan.run_name,
        deployment_id=run.plan.deployment_id,
        endpoint_config_name=record.endpoint_config_name,
        model_name=model_name,
        verified=run.is_verified,
    )
    history = run.hook.find_document(files.history_uri, DeploymentHistory) or DeploymentHistory()
    history = history.with_newest(newest)
    if run.is_verified:
        history = retire_superseded(run, history)
    run.hook.write_document(files.history_uri, history)


def check_still_in_service(run: PipelineRun, record: DeploymentRecord) -> None:
    """Refuse to promote what is in service no more: the lease lapses where a worker was away for long.

    Raises:
        DeploymentError: naming what the endpoint serves by now.
    """
    check_in_service(run.hook.find_endpoint(record.endpoint_name), record.endpoint_name, record.endpoint_config_name)
    promotion = run.hook.find_document(run.plan.files.promoted_uri, Promotion)
    if promotion is not None and promotion.is_of_newer_data(run.plan.run_name, record.listed_at):
        raise DeploymentError(f"run {promotion.run_name}, of newer data, was promoted while this run deployed.")


def retire_superseded(run: PipelineRun, history: DeploymentHistory) -> DeploymentHistory:
    """Delete configurations and models that verified deployments have left behind, but for the last few.

    Nothing is deleted that an endpoint serves: AWS itself would not refuse.
    """
    superseded = history.superseded(run.plan.config.keep_superseded, run.plan.deployment_id)
    serving = run.hook.endpoint_configs_in_use() if superseded else frozenset()
    gone = tuple(past for past in superseded if past.endpoint_config_name not in serving)
    for past in gone:
        run.hook.log.info("Deleting superseded configuration and model %s", past.endpoint_config_name)
        run.hook.delete_if_there("endpoint_config", EndpointConfigName=past.endpoint_config_name)
        run.hook.delete_if_there("model", ModelName=past.model_name)
    return history.without(gone)
