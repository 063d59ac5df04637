"""Decide everything about a run before anything is created."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.sdk import Context

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.hooks.clients import CallerIdentity
from sagemaker_pca.hooks.service_shapes import document_problems
from sagemaker_pca.run.images import pca_image_uri, sklearn_image_uri
from sagemaker_pca.run.locations import run_name
from sagemaker_pca.run.plan import RunPlan
from sagemaker_pca.settings.layers import service_documents
from sagemaker_pca.settings.pipeline import PcaRunConfig, resolve
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.variables import deployment_settings, made_deployment_id


def preflight(run: PipelineRun, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve settings, identity, bucket and images into the run's plan.

    :param settings: the pipeline's, as its DAG file has them
    Raises:
        SettingError: on a setting that is out of range, that SageMaker would refuse, or that no image goes with.
    """
    config, origins = resolve(run.context["params"], settings, deployment_settings())
    refuse_malformed_documents(config, origins)
    identity = run.hook.caller_identity()
    plan = RunPlan(
        **who_runs(run.context, identity),
        config=config,
        origins=origins,
        bucket=config.bucket or identity.default_bucket,
        processing_image=processing_image(config, identity.region),
        pca_image=config.training_image_uri or pca_image_uri(identity.region),
    )
    run.hook.log.info(
        "Run %s reads %s, keeps its files in %s and deploys to endpoint %s of %s in %s.",
        plan.run_name,
        plan.raw_data_uri,
        plan.bucket,
        config.endpoint_name,
        plan.account,
        plan.region,
    )
    return plan.model_dump(mode="json")


def who_runs(context: Context, identity: CallerIdentity) -> dict[str, Any]:
    """The part of a plan that says which run it is, and in whose account."""
    ti, run_id = context["ti"], str(context["run_id"])
    deployment_id, dag_id = made_deployment_id(str(ti.dag_version_id)), context["dag"].dag_id
    return {
        "deployment_id": deployment_id,
        "dag_id": dag_id,
        "run_id": run_id,
        "run_name": run_name(deployment_id, dag_id, run_id, -1 if ti.map_index is None else ti.map_index),
        "started_at": started_at(context["dag_run"]),
        "partition": identity.partition,
        "region": identity.region,
        "account": identity.account,
    }


def started_at(dag_run: Any) -> datetime:
    """When the run started: the same for every try, and present without a logical date."""
    when: datetime = dag_run.start_date or dag_run.run_after
    return when


def refuse_malformed_documents(config: PcaRunConfig, origins: Mapping[str, str]) -> None:
    """Refuse what SageMaker would refuse of the settings that it gets as they are, were it asked after the jobs.

    Raises:
        SettingError: on everything that is wrong with them, all at once.
    """
    problems = [
        f"{name} ({origins[name]}): {problem}"
        for name, shape in service_documents(PcaRunConfig).items()
        if (document := getattr(config, name)) is not None
        for problem in document_problems(shape, document, name)
    ]
    if problems:
        pages = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_{}.html"
        shapes = {service_documents(PcaRunConfig)[problem.split(" ", 1)[0]] for problem in problems}
        raise SettingError("\n".join(problems), hint=f"See {' and '.join(map(pages.format, sorted(shapes)))}.")


def processing_image(config: PcaRunConfig, region: str) -> str:
    """The image of the processing job: the settings' own, or SageMaker's."""
    given = config.processing_image_uri
    return given or sklearn_image_uri(region, config.sklearn_version, config.processing_instance_type)
