"""Raw CSV to a verified endpoint: features, PCA artifact, quality gate, deployment, smoke test, report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, TaskGroup, TriggerRule, chain, task

from sagemaker_pca import api_requests
from sagemaker_pca.model_asset import MODEL_ASSET
from sagemaker_pca.notifications import failure_notifier
from sagemaker_pca.operators.deploy import SageMakerDeployEndpointOperator
from sagemaker_pca.operators.start import (
    SageMakerCreateEndpointConfigOperator,
    SageMakerCreateModelOperator,
    SageMakerStartProcessingJobOperator,
    SageMakerStartTrainingJobOperator,
)
from sagemaker_pca.pipeline_run import AWS_CONN_ID, PipelineRun, from_run
from sagemaker_pca.retraining_schedule import pipeline_schedule
from sagemaker_pca.retry_policy import SageMakerRetryPolicy
from sagemaker_pca.run_config import PcaRunConfig
from sagemaker_pca.sensors.endpoints import SageMakerEndpointDeployedSensor
from sagemaker_pca.sensors.jobs import SageMakerProcessingJobSensor, SageMakerTrainingJobSensor
from sagemaker_pca.setting_layers import form_fields
from sagemaker_pca.task_states import record_failure

poll_seconds = from_run(lambda run: run.plan.config.poll_seconds)
job_wait: dict[str, Any] = {
    "poll_seconds": poll_seconds,
    "job_logs": from_run(lambda run: run.plan.config.job_logs),
    "stop_on_kill": from_run(lambda run: run.plan.config.stop_jobs_on_kill),
}


@task
def preflight() -> dict[str, Any]:
    """Resolve settings, account, bucket and images; refuse what cannot work before anything is created."""
    from sagemaker_pca.steps.preflight import preflight

    return preflight(PipelineRun.current())


@task
def stage_inputs() -> dict[str, Any]:
    """Upload the processing script and a manifest of the raw files; skip the run if they made the model in service."""
    from sagemaker_pca.steps.stage_inputs import stage_changed_inputs

    return stage_changed_inputs(PipelineRun.current())


@task
def evaluate_model() -> dict[str, Any]:
    """Measure the artifact against its data, the limits and the model in service; refuse what fails."""
    from sagemaker_pca.steps.evaluate_model import evaluate_model

    return evaluate_model(PipelineRun.current())


@task
def smoke_test() -> dict[str, Any]:
    """Send raw rows through the endpoint and compare with the artifact, number by number."""
    from sagemaker_pca.steps.smoke_test import smoke_test

    return smoke_test(PipelineRun.current())


@task(trigger_rule=TriggerRule.ALL_DONE)
def roll_back() -> dict[str, Any]:
    """Put the previous configuration back if this run changed the endpoint and did not verify it."""
    from sagemaker_pca.steps.roll_back import roll_back

    return roll_back(PipelineRun.current())


@task(trigger_rule=TriggerRule.ALL_DONE, outlets=[MODEL_ASSET])
def publish_results() -> dict[str, Any]:
    """Write the report of whatever happened; fail the run if any step failed."""
    from sagemaker_pca.steps.publish_results import publish_results

    return publish_results(PipelineRun.current())


with DAG(
    dag_id="pca_pipeline",
    schedule=pipeline_schedule(),
    catchup=False,
    max_active_runs=4,
    on_failure_callback=failure_notifier(),
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "retry_policy": SageMakerRetryPolicy(),
        "on_failure_callback": record_failure,
        "aws_conn_id": AWS_CONN_ID,
    },
    tags=["sagemaker", "pca"],
    doc_md=__doc__,
) as dag:
    with TaskGroup("features") as features:
        start_profiling = SageMakerStartProcessingJobOperator(
            task_id="start_profiling",
            config=from_run(lambda run: api_requests.profile_job(run.plan, run.inputs)),
            skip_reason=from_run(lambda run: run.plan.config.why_no_profile),
        )
        wait_for_profiling = SageMakerProcessingJobSensor(
            task_id="wait_for_profiling", job_name=from_run(lambda run: run.profile_job_name), **job_wait
        )
        start_processing = SageMakerStartProcessingJobOperator(
            task_id="start_processing",
            config=from_run(lambda run: api_requests.processing_job(run.plan, run.inputs, run.profile_uri)),
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        )
        wait_for_processing = SageMakerProcessingJobSensor(
            task_id="wait_for_processing", job_name=from_run(lambda run: run.processing_job_name), **job_wait
        )
        chain(start_profiling, wait_for_profiling, start_processing, wait_for_processing)

    with TaskGroup("training") as training:
        start_training = SageMakerStartTrainingJobOperator(
            task_id="start_training",
            config=from_run(lambda run: api_requests.training_job(run.plan, run.features_uri)),
        )
        wait_for_training = SageMakerTrainingJobSensor(
            task_id="wait_for_training", job_name=from_run(lambda run: run.training_job_name), **job_wait
        )
        chain(start_training, wait_for_training)

    with TaskGroup("deployment") as deployment:
        create_model = SageMakerCreateModelOperator(
            task_id="create_model",
            config=from_run(lambda run: api_requests.model(run.plan, run.served_artifact_uri)),
        )
        create_endpoint_config = SageMakerCreateEndpointConfigOperator(
            task_id="create_endpoint_config",
            config=from_run(lambda run: api_requests.endpoint_config(run.plan, run.model_name)),
        )
        deploy_endpoint = SageMakerDeployEndpointOperator(
            task_id="deploy_endpoint",
            config=from_run(lambda run: api_requests.endpoint(run.plan, run.endpoint_config_name)),
            record_uri=from_run(lambda run: run.plan.files.deployment_record_uri),
            lease_uri=from_run(lambda run: run.lease.uri),
            holder=from_run(lambda run: run.lease.holder),
            lease_wait_seconds=from_run(lambda run: run.plan.config.lease_wait_seconds),
            poll_seconds=poll_seconds,
        )
        wait_for_endpoint = SageMakerEndpointDeployedSensor(
            task_id="wait_for_endpoint",
            endpoint_name=from_run(lambda run: run.plan.config.endpoint_name),
            endpoint_config_name=from_run(lambda run: run.endpoint_config_name),
            lease=from_run(lambda run: run.lease.as_document()),
            poll_seconds=poll_seconds,
        )
        chain(create_model, create_endpoint_config, deploy_endpoint, wait_for_endpoint, smoke_test(), roll_back())

    staged = stage_inputs()
    chain(preflight(), staged, features, training, evaluate_model(), deployment, publish_results())
    # Not by way of the profile alone: that may be skipped while the run goes on, staging only with all that follows.
    chain(staged, start_processing)

# Added last: every task made before would carry a copy of all of them, which makes the file slow to parse and the
# serialized DAG eight times as large.
dag.params.update({name: Param(**field, source="dag") for name, field in form_fields(PcaRunConfig).items()})
