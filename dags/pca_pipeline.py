"""Raw CSV to a verified endpoint: features, PCA artifact, quality gate, deployment, smoke test, report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, TaskGroup, TriggerRule, chain, task

from sagemaker_pca.assets import model_asset
from sagemaker_pca.dag_arguments import merged_arguments
from sagemaker_pca.links import RunReportLink
from sagemaker_pca.notifications import failure_notifier
from sagemaker_pca.operators.deploy import SageMakerDeployEndpointOperator
from sagemaker_pca.operators.deployment_approval import SageMakerDeploymentApprovalOperator
from sagemaker_pca.operators.roll_back import SageMakerRollBackEndpointOperator
from sagemaker_pca.operators.start import (
    SageMakerCreateEndpointConfigOperator,
    SageMakerCreateModelOperator,
    SageMakerStartProcessingJobOperator,
    SageMakerStartTrainingJobOperator,
)
from sagemaker_pca.retry_policy import RETRIES
from sagemaker_pca.run import service_requests, tasks
from sagemaker_pca.schedule import DEFAULT_MAX_ACTIVE_RUNS, schedule_of
from sagemaker_pca.sensors.endpoints import SageMakerEndpointDeployedSensor
from sagemaker_pca.sensors.jobs import SageMakerProcessingJobSensor, SageMakerTrainingJobSensor
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.steps.pipeline_run import PipelineRun, created_by, from_run, if_planned
from sagemaker_pca.task_states import record_failure
from sagemaker_pca.trigger_form import add_form, untemplated
from sagemaker_pca.variables import AWS_CONN_ID

job_wait: dict[str, Any] = {
    "poll_seconds": from_run(lambda run: run.plan.config.poll_seconds),
    "job_logs": from_run(lambda run: run.plan.config.job_logs),
    "stop_on_kill": from_run(lambda run: run.plan.config.stop_jobs_on_kill),
}
endpoint_wait: dict[str, Any] = {
    "lease": if_planned(lambda run: run.lease.as_document()),
    "poll_seconds": if_planned(lambda run: run.plan.config.poll_seconds),
}


@task(show_return_value_in_logs=False)
def preflight(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve settings, account, bucket and images; refuse what cannot work before anything is created."""
    from sagemaker_pca.steps.preflight import preflight

    return preflight(PipelineRun.current(), settings)


@task(show_return_value_in_logs=False)
def stage_inputs() -> dict[str, Any]:
    """Upload the container's code and a manifest of the raw files; skip the run if they made the model in service."""
    from sagemaker_pca.steps.stage_inputs import stage_changed_inputs

    return stage_changed_inputs(PipelineRun.current())


@task(show_return_value_in_logs=False)
def evaluate_model() -> dict[str, Any]:
    """Measure the artifact against its data, the limits and the model in service; refuse what fails."""
    from sagemaker_pca.steps.evaluate_model import evaluate_model

    return evaluate_model(PipelineRun.current())


@task(show_return_value_in_logs=False)
def smoke_test() -> dict[str, Any]:
    """Send raw rows through the endpoint and compare with the artifact, number by number."""
    from sagemaker_pca.steps.smoke_test import smoke_test

    return smoke_test(PipelineRun.current())


@task(show_return_value_in_logs=False)
def finish_deployment() -> dict[str, Any]:
    """Promote what is verified, retire what it supersedes, give the endpoint's lease back."""
    from sagemaker_pca.steps.finish_deployment import finish_deployment

    return finish_deployment(PipelineRun.current())


@task(show_return_value_in_logs=False)
def publish_report() -> dict[str, Any]:
    """Write the report of whatever happened; fail the run if any step failed."""
    from sagemaker_pca.steps.publish_report import publish_report

    return publish_report(PipelineRun.current())


def pca_pipeline(
    dag_id: str, *, schedule: Any = None, settings: Mapping[str, Any] | None = None, **dag_arguments: Any
) -> DAG:
    """A pipeline with an endpoint, a trigger form and assets of its own.

    :param dag_id: its name in Airflow, and in the names and tags of all it makes
    :param schedule: when it runs by itself: a cron expression, ``raw-data`` (when its raw data changes, as its
        `pca_raw_data` notices), both joined by `` or ``, or whatever else Airflow takes
    :param settings: where it differs from the built-in defaults and the deployment's settings; the form shows them
    :param dag_arguments: further arguments of the DAG, such as ``start_date``, ``max_active_runs`` or ``tags``
    Raises:
        SettingError: on a setting that is none or is out of range. The DAG file then shows as an import error.
    """
    with DAG(
        dag_id,
        schedule=schedule_of(dag_id, schedule),
        **merged_arguments(
            dag_arguments,
            catchup=False,
            max_active_runs=DEFAULT_MAX_ACTIVE_RUNS,
            on_failure_callback=failure_notifier(),
            default_args={**RETRIES, "on_failure_callback": record_failure, "aws_conn_id": AWS_CONN_ID},
            tags=["sagemaker", "pca"],
            doc_md=__doc__,
        ),
    ) as dag:
        with TaskGroup("features", prefix_group_id=False) as features:
            start_profiling = SageMakerStartProcessingJobOperator(
                task_id=tasks.START_PROFILING,
                config=from_run(lambda run: service_requests.profile_job(run.plan, run.inputs)),
                skip_reason=from_run(lambda run: run.plan.config.why_no_profile),
                reads=from_run(lambda run: [run.plan.raw_data_uri]),
            )
            wait_for_profiling = SageMakerProcessingJobSensor(
                task_id=tasks.WAIT_FOR_PROFILING,
                job_name=created_by(tasks.START_PROFILING),
                **job_wait,
            )
            start_processing = SageMakerStartProcessingJobOperator(
                task_id=tasks.START_PROCESSING,
                config=from_run(lambda run: service_requests.processing_job(run.plan, run.inputs, run.profile_uri)),
                reads=from_run(lambda run: [run.plan.raw_data_uri]),
                trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
            )
            wait_for_processing = SageMakerProcessingJobSensor(
                task_id=tasks.WAIT_FOR_PROCESSING,
                job_name=created_by(tasks.START_PROCESSING),
                **job_wait,
            )
            chain(start_profiling, wait_for_profiling, start_processing, wait_for_processing)

        with TaskGroup("training", prefix_group_id=False) as training:
            start_training = SageMakerStartTrainingJobOperator(
                task_id=tasks.START_TRAINING,
                config=from_run(
                    lambda run: service_requests.training_job(
                        run.plan, run.training_features_uri, run.num_components, run.mini_batch_size
                    )
                ),
            )
            wait_for_training = SageMakerTrainingJobSensor(
                task_id=tasks.WAIT_FOR_TRAINING,
                job_name=created_by(tasks.START_TRAINING),
                **job_wait,
            )
            chain(start_training, wait_for_training)

        with TaskGroup("deployment", prefix_group_id=False) as deployment:
            create_model = SageMakerCreateModelOperator(
                task_id=tasks.CREATE_MODEL,
                config=from_run(lambda run: service_requests.model(run.plan, run.served_artifact_uri)),
            )
            create_endpoint_config = SageMakerCreateEndpointConfigOperator(
                task_id=tasks.CREATE_ENDPOINT_CONFIG,
                config=from_run(lambda run: run.next_endpoint_config),
            )
            deploy_endpoint = SageMakerDeployEndpointOperator(
                task_id=tasks.DEPLOY_ENDPOINT,
                config=from_run(
                    lambda run: service_requests.endpoint(run.plan, run.created_name(tasks.CREATE_ENDPOINT_CONFIG))
                ),
                record_uri=from_run(lambda run: run.plan.files.deployment_record_uri),
                promoted_uri=from_run(lambda run: run.plan.files.promoted_uri),
                listed_at=from_run(lambda run: run.inputs.listed_at.isoformat()),
                stopped_uri=from_run(lambda run: run.stop_to_respect),
                take_over=from_run(lambda run: run.plan.config.take_over_endpoint),
                lease_wait_seconds=from_run(lambda run: run.plan.config.lease_wait_seconds),
                **endpoint_wait,
            )
            wait_for_endpoint = SageMakerEndpointDeployedSensor(
                task_id=tasks.WAIT_FOR_ENDPOINT,
                endpoint_name=from_run(lambda run: run.plan.config.endpoint_name),
                endpoint_config_name=created_by(tasks.CREATE_ENDPOINT_CONFIG),
                **endpoint_wait,
            )
            verify = smoke_test()
            chain(create_model, create_endpoint_config, deploy_endpoint, wait_for_endpoint, verify)

        staged = stage_inputs()
        approve = SageMakerDeploymentApprovalOperator(
            task_id=tasks.APPROVE, question=from_run(lambda run: run.deployment_question)
        )
        planned = preflight(untemplated(settings or {}))
        chain(planned, staged, features, training, evaluate_model(), approve, deployment)
        # Not by way of the profile alone: that may be skipped while the run goes on, staging with all that follows.
        chain(staged, start_processing)

        # From here on whatever happened before, "mark as failed" included: teardowns are what Airflow runs even then.
        roll_back = SageMakerRollBackEndpointOperator(
            task_id=tasks.ROLL_BACK,
            record_uri=if_planned(lambda run: run.plan.files.deployment_record_uri),
            skip_reason=from_run(lambda run: run.why_no_roll_back),
            **endpoint_wait,
        ).as_teardown()
        wait_for_roll_back = SageMakerEndpointDeployedSensor(
            task_id=tasks.WAIT_FOR_ROLL_BACK,
            endpoint_name=if_planned(lambda run: run.plan.config.endpoint_name),
            endpoint_config_name=from_run(lambda run: run.rolled_back_to),
            skip_reason=from_run(lambda run: None if run.rolled_back else "Nothing was rolled back."),
            **endpoint_wait,
        ).as_teardown()
        finish = finish_deployment().as_teardown()
        publish = publish_report.override(outlets=[model_asset(dag_id)])().as_teardown(on_failure_fail_dagrun=True)
        dag.get_task(tasks.PUBLISH_REPORT).operator_extra_links = (RunReportLink(),)
        chain(verify, roll_back, wait_for_roll_back, finish, publish)

    add_form(dag, PcaRunConfig, settings or {})
    return dag
