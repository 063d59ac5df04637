"""The jobs of a pipeline's run without its tasks: plan, staged inputs and requests, as the tasks make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from quickstart.embedded_service import BUCKET
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.images import pca_image_uri, sklearn_image_uri
from sagemaker_pca.run.locations import run_name
from sagemaker_pca.run.plan import RunPlan, StagedInputs
from sagemaker_pca.run.training_batch import mini_batch_size
from sagemaker_pca.settings.pipeline import resolve
from sagemaker_pca.steps.stage_inputs import stage_inputs

DEPLOYMENT_ID = "benchmark"
PREFIX = "meter-"  # of the names of many pipelines
ACCOUNT, REGION = "123456789012", "us-east-1"


def plan_of(dag_id: str, run_id: str, settings: dict[str, Any]) -> RunPlan:
    """What preflight would decide for a run on the embedded service."""
    config, origins = resolve(settings, {})
    return RunPlan(
        config=config,
        origins=origins,
        deployment_id=DEPLOYMENT_ID,
        dag_id=dag_id,
        run_id=run_id,
        run_name=run_name(DEPLOYMENT_ID, dag_id, run_id),
        started_at=datetime.now(UTC),
        partition="aws",
        region=REGION,
        account=ACCOUNT,
        bucket=BUCKET,
        processing_image=sklearn_image_uri(REGION, config.sklearn_version, config.processing_instance_type),
        pca_image=pca_image_uri(REGION),
    )


def stage(plan: RunPlan, hook: SageMakerPcaHook) -> StagedInputs:
    """Upload what the processing job reads, as the run's task does."""
    run: Any = SimpleNamespace(plan=plan, hook=hook)
    return StagedInputs.model_validate(stage_inputs(run, service_requests.script_arguments(plan.config)))


def host_documents(plan: RunPlan, hook: SageMakerPcaHook, job_name: str) -> list[dict[str, Any]]:
    """What each host of a processing job said of its rows, files and parts."""
    keys = [item["Key"] for item in hook.list_objects(plan.files.stats_uri(job_name))]
    return [hook.read_json(f"s3://{BUCKET}/{key}") for key in keys if key.endswith(".json")]


def training_request(plan: RunPlan, processing_job_name: str, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The request of the run's training job, for the parts that the hosts' documents name."""
    config = plan.config
    part_rows = [part["rows"] for document in documents for part in document["parts"]]
    batch = mini_batch_size(config.mini_batch_size, part_rows, config.training_instance_count)
    features_uri = plan.files.features_uri(processing_job_name)
    return service_requests.training_job(plan, features_uri, config.num_components, batch)
