"""Measure the new artifact against its data, the limits and the model in service; refuse what fails."""

from __future__ import annotations

import io
import logging
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.endpoints.deployment import roll_back_target
from sagemaker_pca.exceptions import GateRefusedError, InputError
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.card import DataFile, ModelCard
from sagemaker_pca.model.evaluation import Metrics, evaluate
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.plurals import counted
from sagemaker_pca.report.wording import component_names, percent_text, warning_text
from sagemaker_pca.resource_kinds import ENDPOINT_CONFIG, MODEL
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.steps.pipeline_run import PipelineRun

log = logging.getLogger(__name__)

COMPONENTS_NAMED = 5


class ServedModel(NamedTuple):
    """The model now in service; columns are None when the run that trained it left no card.

    :param gone: what somebody deleted, which AWS allows while an endpoint serves it; there is no model then
    """

    model: PcaModel | None
    columns: tuple[str, ...] | None
    gone: str = ""


NOTHING_IN_SERVICE = ServedModel(None, None)


def evaluate_model(run: PipelineRun) -> dict[str, Any]:
    """Write the model card, then pass or refuse.

    Raises:
        GateRefusedError: naming each limit that was missed and by how much. The card is written all the same.
    """
    documents, scatters = read_statistics(run)
    moments = Moments.from_documents(documents, scatters)
    trained = PcaModel.from_artifact(run.hook.read_bytes(run.trained_artifact_uri))
    served, artifact_uri = with_scaling_folded_in(run, trained, moments)
    in_service = find_served_model(run) or NOTHING_IN_SERVICE
    if in_service.gone:
        log.warning("No comparison possible: %s is gone.", in_service.gone)
    evaluation = evaluate(
        served,
        moments,
        run.plan.config,
        served=in_service.model,
        served_columns=in_service.columns,
        gone=in_service.gone,
    )
    for warning in evaluation.warnings:
        log.warning("%s", warning_text(warning))
    data_files = tuple(DataFile(**file) for document in documents for file in document["files"])
    card = ModelCard.of(
        settings=run.plan.config.model_dump(mode="json"),
        trained=trained,
        served=served,
        artifact_uri=artifact_uri,
        moments=moments,
        data_files=data_files,
        evaluation=evaluation,
    )
    run.hook.write_document(run.plan.files.model_card_uri, card)
    if not evaluation.passed:
        raise GateRefusedError(evaluation.reason)
    log.info("The model passed all %d checks and %s.", len(evaluation.checks), variance_text(evaluation.metrics))
    return {"served_artifact_uri": artifact_uri, "explained_variance": evaluation.metrics.explained_variance}


def variance_text(metrics: Metrics) -> str:
    """What the components explain, all together, then one by one from the largest on."""
    ratios = metrics.explained_variance_ratio[::-1]
    shares = [f"{name} {percent_text(ratio)}" for name, ratio in zip(component_names(len(ratios)), ratios, strict=True)]
    return (
        f"explains {percent_text(metrics.explained_variance)} of the variance by {counted(len(ratios), 'component')}: "
        f"{', '.join(shares[:COMPONENTS_NAMED])}{', …' if len(shares) > COMPONENTS_NAMED else ''}"
    )


def read_statistics(run: PipelineRun) -> tuple[list[dict[str, Any]], dict[str, NDArray[np.float64]]]:
    """The moments documents that the processing hosts wrote, and their scatter matrices by host."""
    scatters = {
        uri.rsplit("/scatter-", 1)[1].removesuffix(".npy"): np.load(io.BytesIO(run.hook.read_bytes(uri)))
        for uri in run.stats_uris
        if "/scatter-" in uri
    }
    return run.moments_documents(), scatters


def with_scaling_folded_in(run: PipelineRun, trained: PcaModel, moments: Moments) -> tuple[PcaModel, str]:
    """The model in raw units and its artifact; the trained one itself where features were not scaled."""
    if moments.scale is None or moments.center is None:
        return trained, run.trained_artifact_uri
    served = trained.with_scaling_folded_in(moments.center, moments.scale)
    run.hook.write_bytes(run.plan.files.served_artifact_uri, served.to_artifact(), "application/gzip")
    return served, run.plan.files.served_artifact_uri


def find_served_model(run: PipelineRun) -> ServedModel | None:
    """The model behind the endpoint now; None when nothing is in service.

    Raises:
        InputError: when the endpoint serves something that no run of this pipeline can have put there.
    """
    endpoint_name = run.plan.config.endpoint_name
    config_name = roll_back_target(run.hook.find_endpoint(endpoint_name))
    if config_name is None:
        return None
    config = run.hook.find(ENDPOINT_CONFIG, config_name)
    if config is None:
        return ServedModel(None, None, gone=f"endpoint configuration {config_name}")
    try:
        model_name = config["ProductionVariants"][0]["ModelName"]
        model = run.hook.find(MODEL, model_name)
        if model is None:
            return ServedModel(None, trained_columns(run, config["EndpointConfigArn"]), gone=f"model {model_name}")
        artifact_uri = model["PrimaryContainer"]["ModelDataUrl"]
    except KeyError as missing:
        raise InputError(
            f"endpoint {endpoint_name} serves {config_name}, which has no {missing}: it is no PCA model of this "
            "pipeline. Choose another endpoint_name."
        ) from None
    columns, artifact = trained_columns(run, model["ModelArn"]), run.hook.find_bytes(artifact_uri)
    if artifact is None:
        return ServedModel(None, columns, gone=f"artifact {artifact_uri}")
    return ServedModel(PcaModel.from_artifact(artifact), columns)


def trained_columns(run: PipelineRun, arn: str) -> tuple[str, ...] | None:
    """Columns of the model that the run which made a model or configuration trained; None when it left no card."""
    trained_by = run.hook.tags(arn).get("run-name")
    if not trained_by:
        return None
    files = RunFiles(run.plan.bucket, trained_by, run.plan.config.endpoint_name)
    card = run.hook.find_document(files.model_card_uri, ModelCard)
    return card.feature_columns if card else None
