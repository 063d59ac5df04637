"""The model that an endpoint serves now, and what the run that trained it left beside it."""

from __future__ import annotations

from typing import NamedTuple

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.resource_kinds import ENDPOINT_CONFIG, MODEL
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.steps.next_endpoint_config import config_before
from sagemaker_pca.steps.pipeline_run import PipelineRun


class ServedModel(NamedTuple):
    """The model now in service; there is no card where the run that trained it left none.

    :param gone: what somebody deleted, which AWS allows while an endpoint serves it; there is no model then
    """

    model: PcaModel | None
    card: ModelCard | None
    gone: str = ""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The model's columns, None where they are not known."""
        return None if self.card is None else self.card.feature_columns


NOTHING_IN_SERVICE = ServedModel(None, None)


def find_served_model(run: PipelineRun) -> ServedModel | None:
    """The model behind the endpoint now, or behind a stopped one; None when nothing is or was in service.

    Raises:
        InputError: when the endpoint serves something that no run of this pipeline can have put there.
    """
    endpoint_name = run.plan.config.endpoint_name
    config_name = config_before(run.hook, run.plan, run.hook.find_endpoint(endpoint_name))
    if config_name is None:
        return None
    config = run.hook.find(ENDPOINT_CONFIG, config_name)
    if config is None:
        return ServedModel(None, None, gone=f"endpoint configuration {config_name}")
    try:
        model_name = config["ProductionVariants"][0]["ModelName"]
        model = run.hook.find(MODEL, model_name)
        if model is None:
            return ServedModel(None, card_of(run, config["EndpointConfigArn"]), gone=f"model {model_name}")
        artifact_uri = model["PrimaryContainer"]["ModelDataUrl"]
    except KeyError as missing:
        raise InputError(
            f"endpoint {endpoint_name} serves {config_name}, which has no {missing}: it is no PCA model of this "
            "pipeline. Choose another endpoint_name."
        ) from None
    card, artifact = card_of(run, model["ModelArn"]), run.hook.find_bytes(artifact_uri)
    if artifact is None:
        return ServedModel(None, card, gone=f"artifact {artifact_uri}")
    return ServedModel(PcaModel.from_artifact(artifact), card)


def card_of(run: PipelineRun, arn: str) -> ModelCard | None:
    """The card of the model that the run which made a model or configuration trained; None when it left none."""
    trained_by = run.hook.tags(arn).get("run-name")
    if not trained_by:
        return None
    files = RunFiles(run.plan.bucket, trained_by, run.plan.config.endpoint_name)
    return run.hook.find_document(files.model_card_uri, ModelCard)
