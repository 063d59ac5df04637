"""The jobs of a pipeline's run without its tasks: plan, staged inputs and requests, as the tasks make them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from quickstart.embedded_service import BUCKET
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.locations import run_name
from sagemaker_pca.run.plan import RunPlan, StagedInputs
from sagemaker_pca.run.training_batch import mini_batch_size
from sagemaker_pca.settings.pipeline import resolve
from sagemaker_pca.steps.stage_inputs import stage_inputs

DEPLOYMENT_ID = "benchmark"
ACCOUNT, REGION = "123456789012", "us-east-1"
PROCESSING_IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
PCA_IMAGE = f"382416733822.dkr.ecr.{REGION}.amazonaws.com/pca:1"


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
        processing_image=PROCESSING_IMAGE,
        pca_image=PCA_IMAGE,
    )


def stage(plan: RunPlan, hook: SageMakerPcaHook) -> StagedInputs:
    """Upload what the processing job reads, as the run's task does."""
    run: Any = SimpleNamespace(plan=plan, hook=hook)
    return StagedInputs.model_validate(stage_inputs(run, service_requests.script_arguments(plan.config)))


def host_documents(plan: RunPlan, hook: SageMakerPcaHook, job_name: str) -> list[dict[str, Any]]:
    """What each host of a processing job said of its rows, files and parts."""
    uri = plan.files.stats_uri(job_name)
    found = hook.s3.list_objects_v2(Bucket=BUCKET, Prefix=uri.removeprefix(f"s3://{BUCKET}/"))["Contents"]
    names = [item["Key"] for item in found if item["Key"].endswith(".json")]
    return [json.loads(read_bytes(hook, f"s3://{BUCKET}/{name}")) for name in names]


def training_request(plan: RunPlan, processing_job_name: str, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The request of the run's training job, for the parts that the hosts' documents name."""
    config = plan.config
    part_rows = [part["rows"] for document in documents for part in document["parts"]]
    batch = mini_batch_size(config.mini_batch_size, part_rows, config.training_instance_count)
    features_uri = plan.files.features_uri(processing_job_name)
    return service_requests.training_job(plan, features_uri, config.num_components, batch)


def read_bytes(hook: SageMakerPcaHook, uri: str) -> bytes:
    """An object of the benchmarks' bucket."""
    key = uri.removeprefix(f"s3://{BUCKET}/")
    body: bytes = hook.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body
