"""Decide everything about a batch transform before anything is created: its model, and from that its features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker_pca.endpoints.deployment import roll_back_target
from sagemaker_pca.endpoints.records import Promotion
from sagemaker_pca.exceptions import InputError, SettingError
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.resource_kinds import ENDPOINT_CONFIG, MODEL
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.run.plan import TransformPlan
from sagemaker_pca.settings.layers import validated
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.settings.transform import TransformConfig, resolve
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.preflight import processing_image, who_runs
from sagemaker_pca.variables import deployment_settings


def choose_model(run: PipelineRun, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve settings and model into the run's plan.

    :param settings: of this DAG, as its DAG file has them
    Raises:
        SettingError: when the settings do not name a model.
        InputError: when the model left no card, so that its columns are unknown.
    """
    hook = run.hook
    transform, origins = resolve(run.context["params"], settings, deployment_settings())
    identity = hook.caller_identity()
    bucket = transform.bucket or identity.default_bucket
    model_name = find_model_name(hook, transform, bucket)
    model = hook.find(MODEL, model_name)
    if model is None:
        raise SettingError(
            f"There is no model {model_name}. Set model or model_name to another one, or let the pipeline run."
        )
    container = model["PrimaryContainer"]
    card_uri = find_card_uri(hook, model, bucket)
    card = read_card(hook, card_uri, model_name)
    refuse_unjudged(card, transform)
    config = features_config(card, transform, bucket)
    plan = TransformPlan(
        **who_runs(run.context, identity),
        config=config,
        origins=origins,
        bucket=bucket,
        processing_image=processing_image(config, identity.region),
        pca_image=container["Image"],
        transform=transform,
        model_name=model_name,
        artifact_uri=container["ModelDataUrl"],
        card_uri=card_uri,
    )
    hook.log.info("Run %s projects %s with model %s.", plan.run_name, plan.raw_data_uri, model_name)
    return plan.model_dump(mode="json")


def find_model_name(hook: SageMakerPcaHook, transform: TransformConfig, bucket: str) -> str:
    """The model that the settings mean."""
    endpoint_name = transform.endpoint_name
    if transform.model == "named":
        if transform.model_name is None:
            raise SettingError("model=named needs model_name. Name a model, or set model to in-service or promoted.")
        return transform.model_name
    if transform.model == "promoted":
        promoted = hook.find_document(RunFiles(bucket, "", endpoint_name).promoted_uri, Promotion)
        if promoted is None:
            raise SettingError(f"Nothing was promoted to endpoint {endpoint_name} yet. Let its pipeline run first.")
        return promoted.model_name
    serving = roll_back_target(hook.find_endpoint(endpoint_name))
    if serving is None:
        raise SettingError(f"Endpoint {endpoint_name} is not in service. Deploy it, or set model to promoted or named.")
    config = hook.find(ENDPOINT_CONFIG, serving)
    if config is None:
        raise SettingError(
            f"Configuration {serving}, which endpoint {endpoint_name} serves, is gone: it no longer says which model. "
            "Set model to promoted or named."
        )
    return str(config["ProductionVariants"][0]["ModelName"])


def find_card_uri(hook: SageMakerPcaHook, model: dict[str, Any], bucket: str) -> str:
    """Where the run which trained a model left its card, beside the artifact.

    Raises:
        InputError: when no run of a pipeline made it.
    """
    trained_by = hook.tags(model["ModelArn"]).get("run-name")
    if not trained_by:
        raise _no_card(model["ModelName"], bucket)
    return RunFiles(bucket, trained_by, "").model_card_uri


def read_card(hook: SageMakerPcaHook, card_uri: str, model_name: str) -> ModelCard:
    """The card of a model.

    Raises:
        InputError: when it is gone.
    """
    card = hook.find_document(card_uri, ModelCard)
    if card is None:
        raise _no_card(model_name, card_uri)
    return card


def refuse_unjudged(card: ModelCard, transform: TransformConfig) -> None:
    """Refuse to watch for drift by the limits of a model that has none.

    Raises:
        SettingError: when the settings ask for it.
    """
    if transform.max_exceedance is not None and not (card.model.limits and card.model.limits.is_judging):
        raise SettingError(
            f"max_exceedance={transform.max_exceedance:g} is held against the model's limits, and "
            f"{card.model.artifact_uri} has none: it was trained before they were kept, or nothing varies.",
            hint="Let the pipeline train a model with force, or leave max_exceedance unset.",
        )


def _no_card(model_name: str, where: str) -> InputError:
    return InputError(
        f"model {model_name} left no model card in {where}, so its columns are unknown. "
        "Choose one that a pipeline trained."
    )


# How raw files are read, and by what: what a training run's settings say of other data.
READING_SETTINGS = (
    "feature_columns",
    "delimiter",
    "decimal",
    "missing_values",
    "on_bad_rows",
    "max_bad_fraction",
    "newlines_in_cells",
    "sklearn_version",
    "processing_image_uri",
    "processing_instance_count",
    "processing_volume_gb",
)


def features_config(card: ModelCard, transform: TransformConfig, bucket: str) -> PcaRunConfig:
    """Settings for other raw data, read as the training run read its own: the same columns, in raw units.

    Raises:
        SettingError: when a setting that the model was trained with is none any more.
    """
    reading = {name: card.settings[name] for name in READING_SETTINGS if name in card.settings}
    given = {
        **reading,
        "num_components": 1,
        "raw_data_uri": transform.input_uri or f"s3://{bucket}/batch/",
        "endpoint_name": transform.endpoint_name,
        "processing_instance_type": transform.instance_type,
        "max_runtime_seconds": transform.max_runtime_seconds,
        "poll_seconds": transform.poll_seconds,
        "stop_jobs_on_kill": transform.stop_jobs_on_kill,
        "job_logs": transform.job_logs,
        "owner": transform.owner,
        "processing_role": transform.processing_role,
        "vpc_config": transform.vpc_config,
    }
    return validated(PcaRunConfig, given, dict.fromkeys(reading, f"model card of {card.model.artifact_uri}"))
