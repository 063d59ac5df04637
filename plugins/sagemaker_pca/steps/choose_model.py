"""Decide everything about a batch transform before anything is created: its model, and from that its features."""

from __future__ import annotations

from typing import Any

from sagemaker_pca.deployment import roll_back_target
from sagemaker_pca.deployment_defaults import deployment_defaults
from sagemaker_pca.exceptions import InputError, SettingError
from sagemaker_pca.job_status import ENDPOINT_CONFIG, MODEL
from sagemaker_pca.model_card import ModelCard
from sagemaker_pca.pipeline_run import PipelineRun
from sagemaker_pca.run_config import PcaRunConfig
from sagemaker_pca.run_files import RunFiles
from sagemaker_pca.run_plan import TransformPlan
from sagemaker_pca.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.steps.preflight import sklearn_image_uri, who_runs
from sagemaker_pca.transform_config import VARIABLE_NAME, TransformConfig, resolve


def choose_model(run: PipelineRun) -> dict[str, Any]:
    """Resolve settings and model into the run's plan.

    Raises:
        SettingError: when the settings do not name a model.
        InputError: when the model left no card, so that its columns are unknown.
    """
    hook = run.hook
    transform, origins = resolve(run.context["params"], deployment_defaults(VARIABLE_NAME))
    identity = hook.caller_identity()
    bucket = transform.bucket or identity.default_bucket
    model_name = find_model_name(hook, transform, bucket)
    model = hook.describe(MODEL, model_name)
    container = model["PrimaryContainer"]
    config = features_config(read_card(hook, model, bucket), transform, bucket)
    plan = TransformPlan(
        **who_runs(run.context, identity),
        config=config,
        origins=origins,
        bucket=bucket,
        processing_image=config.processing_image_uri or sklearn_image_uri(config, identity),
        pca_image=container["Image"],
        transform=transform,
        model_name=model_name,
        artifact_uri=container["ModelDataUrl"],
    )
    return plan.model_dump(mode="json")


def find_model_name(hook: SageMakerPcaHook, transform: TransformConfig, bucket: str) -> str:
    """The model that the settings mean."""
    endpoint_name = transform.endpoint_name
    if transform.model == "named":
        if transform.model_name is None:
            raise SettingError("model=named needs model_name. Name a model, or set model to in-service or promoted.")
        return transform.model_name
    if transform.model == "promoted":
        promoted = hook.find_json(RunFiles(bucket, "", endpoint_name).promoted_uri)
        if promoted is None:
            raise SettingError(f"Nothing was promoted to endpoint {endpoint_name} yet. Run pca_pipeline first.")
        return str(promoted["model_name"])
    serving = roll_back_target(hook.find_endpoint(endpoint_name))
    if serving is None:
        raise SettingError(f"Endpoint {endpoint_name} is not in service. Deploy it, or set model to promoted or named.")
    return str(hook.describe(ENDPOINT_CONFIG, serving)["ProductionVariants"][0]["ModelName"])


def read_card(hook: SageMakerPcaHook, model: dict[str, Any], bucket: str) -> ModelCard:
    """The card that the run which trained a model left beside the artifact."""
    trained_by = hook.tags(model["ModelArn"]).get("run-name")
    document = hook.find_json(RunFiles(bucket, trained_by, "").model_card_uri) if trained_by else None
    if document is None:
        raise InputError(
            f"model {model['ModelName']} left no model card in {bucket}, so its columns are unknown. "
            "Choose a model that pca_pipeline trained."
        )
    return ModelCard.model_validate(document)


def features_config(card: ModelCard, transform: TransformConfig, bucket: str) -> PcaRunConfig:
    """The settings of the training run, for other raw data: the same columns in the same form, in raw units."""
    return card.settings.model_copy(
        update={
            "raw_data_uri": transform.input_uri or f"s3://{bucket}/batch/",
            "endpoint_name": transform.endpoint_name,
            "scaling": "none",
            "feature_format": "csv",
            # The training data's mean is no mean of this data; a gap is then for the user to decide.
            "missing_values": "fail" if card.settings.missing_values == "mean" else card.settings.missing_values,
            "processing_instance_type": transform.instance_type,
            "max_runtime_seconds": transform.max_runtime_seconds,
            "poll_seconds": transform.poll_seconds,
            "stop_jobs_on_kill": transform.stop_jobs_on_kill,
            "job_logs": transform.job_logs,
            "owner": transform.owner,
            "expires_after_days": None,
        }
    )
