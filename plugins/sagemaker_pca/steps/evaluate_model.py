"""Measure the new artifact against its data, the limits and the model in service; refuse what fails."""

from __future__ import annotations

import logging
from typing import Any

from sagemaker_pca.exceptions import GateRefusedError
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.card import DataFile, ModelCard
from sagemaker_pca.model.drift import Drift, drift_of
from sagemaker_pca.model.evaluation import Metrics, evaluate
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.model.sampled_rows import SampledRows
from sagemaker_pca.plurals import counted
from sagemaker_pca.report.row_sample import projection_sample
from sagemaker_pca.report.wording import component_names, percent_text, warning_text
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.processing_results import read_moments, read_sample
from sagemaker_pca.steps.served_model import NOTHING_IN_SERVICE, ServedModel, find_served_model

log = logging.getLogger(__name__)

COMPONENTS_NAMED = 5


def evaluate_model(run: PipelineRun) -> dict[str, Any]:
    """Freeze the model's limits and write its card, then pass or refuse; where a person decides, they are told.

    Raises:
        GateRefusedError: naming each limit that was missed and by how much. The card is written all the same.
    """
    moments, sample = read_moments(run), read_sample(run)
    trained = PcaModel.from_artifact(run.hook.read_bytes(run.trained_artifact_uri))
    served, artifact_uri = with_scaling_folded_in(run, trained, moments)
    in_service = find_served_model(run) or NOTHING_IN_SERVICE
    if in_service.gone:
        log.warning("No comparison possible: %s is gone.", in_service.gone)
    drift = drift_since(in_service, moments, sample)
    evaluation = evaluate(
        served,
        moments,
        run.plan.config,
        served=in_service.model,
        served_columns=in_service.columns,
        gone=in_service.gone,
        drift=drift,
    )
    for warning in evaluation.warnings:
        log.warning("%s", warning_text(warning))
    card = ModelCard.of(
        settings=run.plan.config.model_dump(mode="json"),
        trained=trained,
        served=served,
        artifact_uri=artifact_uri,
        moments=moments,
        data_files=tuple(DataFile(**file) for document in run.moments_documents for file in document["files"]),
        evaluation=evaluation,
        drift=drift,
    ).with_limits(run.plan.config.monitoring_limits, sample.rows)
    run.hook.write_document(run.plan.files.model_card_uri, card)
    run.hook.write_document(run.plan.files.projections_uri, projection_sample(card, sample))
    if not evaluation.passed and not run.plan.config.deployment_approval:
        raise GateRefusedError(evaluation.reason)
    if not evaluation.passed:
        log.warning("Refused, unless a person approves the model: %s", evaluation.reason)
    else:
        log.info("The model passed all %d checks and %s.", len(evaluation.checks), variance_text(evaluation.metrics))
    return {"served_artifact_uri": artifact_uri, "explained_variance": evaluation.metrics.explained_variance}


def drift_since(in_service: ServedModel, moments: Moments, sample: SampledRows) -> Drift | None:
    """How far the new data has moved from that of the model in service; None where there is nothing to tell it by."""
    card = in_service.card
    if in_service.model is None or card is None or card.feature_columns != moments.feature_columns:
        return None
    return drift_of(card, moments, sample.rows)


def variance_text(metrics: Metrics) -> str:
    """What the components explain, all together, then one by one from the largest on."""
    ratios = metrics.explained_variance_ratio[::-1]
    shares = [f"{name} {percent_text(ratio)}" for name, ratio in zip(component_names(len(ratios)), ratios, strict=True)]
    return (
        f"explains {percent_text(metrics.explained_variance)} of the variance by {counted(len(ratios), 'component')}: "
        f"{', '.join(shares[:COMPONENTS_NAMED])}{', …' if len(shares) > COMPONENTS_NAMED else ''}"
    )


def with_scaling_folded_in(run: PipelineRun, trained: PcaModel, moments: Moments) -> tuple[PcaModel, str]:
    """The model in raw units and its artifact; the trained one itself where features were not scaled."""
    if moments.scale is None or moments.center is None:
        return trained, run.trained_artifact_uri
    served = trained.with_scaling_folded_in(moments.center, moments.scale)
    run.hook.write_bytes(run.plan.files.served_artifact_uri, served.to_artifact(), "application/gzip")
    return served, run.plan.files.served_artifact_uri
