"""Project or score a prefix of raw files with the model in service, the one promoted last, or a named one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, TaskGroup, chain, task

from sagemaker_pca.assets import drift_asset
from sagemaker_pca.dag_arguments import merged_arguments
from sagemaker_pca.notifications import failure_notifier
from sagemaker_pca.operators.start import (
    SageMakerCreateModelOperator,
    SageMakerStartProcessingJobOperator,
    SageMakerStartTransformJobOperator,
)
from sagemaker_pca.retry_policy import RETRIES
from sagemaker_pca.run import tasks, transform_requests
from sagemaker_pca.sensors.jobs import SageMakerProcessingJobSensor, SageMakerTransformJobSensor
from sagemaker_pca.settings.layers import deployment_names
from sagemaker_pca.settings.transform import TransformConfig
from sagemaker_pca.steps.pipeline_run import PipelineRun, created_by, from_run
from sagemaker_pca.steps.transform_run import TransformRun, from_transform
from sagemaker_pca.task_states import record_failure
from sagemaker_pca.trigger_form import add_form, form_settings, untemplated
from sagemaker_pca.variables import AWS_CONN_ID

job_wait: dict[str, Any] = {
    "poll_seconds": from_run(lambda run: run.plan.config.poll_seconds),
    "job_logs": from_run(lambda run: run.plan.config.job_logs),
    "stop_on_kill": from_run(lambda run: run.plan.config.stop_jobs_on_kill),
}


@task(show_return_value_in_logs=False)
def preflight(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve settings and model; what the model was trained with decides how the files are read."""
    from sagemaker_pca.steps.choose_model import choose_model

    return choose_model(PipelineRun.current(), settings)


@task(show_return_value_in_logs=False)
def stage_inputs() -> dict[str, Any]:
    """Upload the processing script and a manifest of the CSV files that are there now."""
    from sagemaker_pca.steps.stage_inputs import stage_transform_inputs

    return stage_transform_inputs(TransformRun.current())


@task
def delete_model() -> None:
    """Delete the run's own model; its artifact is the pipeline's, and stays."""
    run = TransformRun.current()
    run.hook.delete_if_there("model", ModelName=run.created_name(tasks.CREATE_MODEL))


@task(show_return_value_in_logs=False)
def check_projections() -> dict[str, Any]:
    """Count every output's rows and compare the first of each with the artifact."""
    from sagemaker_pca.steps.check_projections import check_projections

    return check_projections(TransformRun.current())


@task(show_return_value_in_logs=False)
def check_scores() -> dict[str, Any]:
    """Count the scored rows, compare a sample with the model, and sum up how many lie beyond its limits."""
    from sagemaker_pca.steps.check_scores import check_scores

    return check_scores(TransformRun.current())


@task(show_return_value_in_logs=False)
def tell_drift() -> dict[str, Any]:
    """Tell whoever follows the pipeline's drift, if more rows lie beyond the limits than the settings allow."""
    from sagemaker_pca.steps.check_scores import tell_drift

    return tell_drift(TransformRun.current())


def pca_batch_transform(
    dag_id: str, *, pipeline: DAG, schedule: Any = None, settings: Mapping[str, Any] | None = None, **dag_arguments: Any
) -> DAG:
    """A batch transform with the models of a pipeline.

    :param dag_id: its name in Airflow, and in the names and tags of all it makes
    :param pipeline: whose endpoint it asks for the model, and whose deployment it is part of
    :param schedule: when it runs by itself, as Airflow takes it
    :param settings: where it differs from the built-in defaults and the deployment's settings; the form shows them
    :param dag_arguments: further arguments of the DAG
    Raises:
        SettingError: on a setting that is none or is out of range. The DAG file then shows as an import error.
    """
    followed = form_settings(pipeline)
    shared = deployment_names(TransformConfig) | {"endpoint_name"}
    settings = {name: followed[name] for name in followed.keys() & shared} | dict(settings or {})
    with DAG(
        dag_id,
        schedule=schedule,
        **merged_arguments(
            dag_arguments,
            catchup=False,
            on_failure_callback=failure_notifier(),
            default_args={**RETRIES, "on_failure_callback": record_failure, "aws_conn_id": AWS_CONN_ID},
            tags=["sagemaker", "pca"],
            doc_md=__doc__,
        ),
    ) as dag:
        with TaskGroup("features", prefix_group_id=False) as features:
            start_processing = SageMakerStartProcessingJobOperator(
                task_id=tasks.START_PROCESSING,
                config=from_transform(lambda run: transform_requests.transform_processing_job(run.plan, run.inputs)),
                reads=from_run(lambda run: [run.plan.raw_data_uri]),
            )
            wait_for_processing = SageMakerProcessingJobSensor(
                task_id=tasks.WAIT_FOR_PROCESSING,
                job_name=created_by(tasks.START_PROCESSING),
                **job_wait,
            )
            chain(start_processing, wait_for_processing)

        with TaskGroup("transform", prefix_group_id=False) as transform:
            create_model = SageMakerCreateModelOperator(
                task_id=tasks.CREATE_MODEL,
                config=from_transform(lambda run: transform_requests.transform_model(run.plan)),
                skip_reason=from_transform(lambda run: run.why_no_transform),
            )
            start_transform = SageMakerStartTransformJobOperator(
                task_id=tasks.START_TRANSFORM,
                config=from_transform(
                    lambda run: transform_requests.transform_job(
                        run.plan, run.features_uri, run.created_name(tasks.CREATE_MODEL)
                    )
                ),
            )
            wait_for_transform = SageMakerTransformJobSensor(
                task_id=tasks.WAIT_FOR_TRANSFORM,
                job_name=created_by(tasks.START_TRANSFORM),
                max_runtime_seconds=from_run(lambda run: run.plan.config.max_runtime_seconds),
                **job_wait,
            )
            chain(create_model, start_transform, wait_for_transform, delete_model().as_teardown(setups=create_model))

        chain(preflight(untemplated(settings)), stage_inputs(), features, transform, check_projections())
        # Scored rows are the processing job's own: where they are asked for, the transform is skipped.
        chain(features, check_scores(), tell_drift.override(outlets=[drift_asset(pipeline.dag_id)])())

    add_form(dag, TransformConfig, settings)
    return dag
