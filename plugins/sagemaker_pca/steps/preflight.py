"""Decide everything about a run before anything is created."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import Context

from sagemaker_pca.deployment_defaults import deployment_defaults
from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.pipeline_run import PipelineRun
from sagemaker_pca.run_config import VARIABLE_NAME, PcaRunConfig, resolve
from sagemaker_pca.run_files import run_name
from sagemaker_pca.run_plan import RunPlan
from sagemaker_pca.sagemaker_hook import CallerIdentity


def preflight(run: PipelineRun) -> dict[str, Any]:
    """Resolve settings, identity, bucket and images into the run's plan."""
    config, origins = resolve(run.context["params"], deployment_defaults(VARIABLE_NAME))
    identity = run.hook.caller_identity()
    plan = RunPlan(
        **who_runs(run.context, identity),
        config=config,
        origins=origins,
        bucket=config.bucket or identity.default_bucket,
        processing_image=config.processing_image_uri or sklearn_image_uri(config, identity),
        pca_image=config.training_image_uri or pca_image_uri(identity),
    )
    return plan.model_dump(mode="json")


def who_runs(context: Context, identity: CallerIdentity) -> dict[str, Any]:
    """The part of a plan that says which run it is, and in whose account."""
    dag_id, run_id, map_index = context["dag"].dag_id, str(context["run_id"]), context["ti"].map_index
    return {
        "dag_id": dag_id,
        "run_id": run_id,
        "run_name": run_name(dag_id, run_id, -1 if map_index is None else map_index),
        "started_at": started_at(context["dag_run"]),
        "partition": identity.partition,
        "region": identity.region,
        "account": identity.account,
    }


def started_at(dag_run: Any) -> datetime:
    """When the run started: the same for every try, and present without a logical date."""
    when: datetime = dag_run.start_date or dag_run.run_after
    return when


def pca_image_uri(identity: CallerIdentity) -> str:
    """The built-in algorithm's image, from the SageMaker SDK's own table."""
    return _image_uri("pca", identity)


def sklearn_image_uri(config: PcaRunConfig, identity: CallerIdentity) -> str:
    """SageMaker's scikit-learn image, from the SDK's own table."""
    return _image_uri(
        "sklearn", identity, version=config.sklearn_version, instance_type=config.processing_instance_type
    )


def _image_uri(framework: str, identity: CallerIdentity, **details: str) -> str:
    # Imported here alone: the SDK takes seconds to import and installs log handlers of its own.
    from sagemaker.core import image_uris

    try:
        uri: str = image_uris.retrieve(framework, identity.region, **details)
    except ValueError as error:
        setting = "training_image_uri" if framework == "pca" else "processing_image_uri"
        raise SettingError(f"No {framework} image in {identity.region}: {error} Give {setting} yourself.") from error
    return uri
