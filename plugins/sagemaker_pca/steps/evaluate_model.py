"""Measure the new artifact against its data, the limits and the model in service; refuse what fails."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.deployment import roll_back_target
from sagemaker_pca.evaluation import GateLimits, evaluate
from sagemaker_pca.exceptions import GateRefusedError, InputError
from sagemaker_pca.job_status import ENDPOINT_CONFIG, MODEL
from sagemaker_pca.model_card import ModelCard
from sagemaker_pca.moments import Moments
from sagemaker_pca.pca_model import PcaModel
from sagemaker_pca.pipeline_run import PipelineRun
from sagemaker_pca.report import RawFile
from sagemaker_pca.run_config import PcaRunConfig
from sagemaker_pca.run_files import RunFiles


class ServedModel(NamedTuple):
    """The model now in service; columns are None when the run that trained it left no card."""

    model: PcaModel
    columns: tuple[str, ...] | None


def evaluate_model(run: PipelineRun) -> dict[str, Any]:
    """Write the model card, then pass or refuse.

    Raises:
        GateRefusedError: naming each limit that was missed and by how much. The card is written all the same.
    """
    documents, scatters = read_statistics(run)
    moments = Moments.from_documents(documents, scatters)
    trained = PcaModel.from_artifact(run.hook.read_bytes(run.trained_artifact_uri))
    served, artifact_uri = with_scaling_folded_in(run, trained, moments)
    in_service = find_served_model(run)
    evaluation = evaluate(
        served,
        moments,
        gate_limits(run.plan.config),
        served=in_service.model if in_service else None,
        served_columns=in_service.columns if in_service else None,
    )
    raw_files = tuple(RawFile(**file) for document in documents for file in document["files"])
    card = ModelCard.of(
        settings=run.plan.config,
        trained=trained,
        served=served,
        artifact_uri=artifact_uri,
        moments=moments,
        raw_files=raw_files,
        evaluation=evaluation,
    )
    run.hook.write_json(run.plan.files.model_card_uri, card.model_dump(mode="json"))
    if not evaluation.passed:
        raise GateRefusedError(f"The model is refused, nothing was deployed. {evaluation.reason}")
    return {"served_artifact_uri": artifact_uri, "explained_variance": evaluation.metrics.explained_variance}


def gate_limits(config: PcaRunConfig) -> GateLimits:
    """The gate's limits from the settings."""
    return GateLimits(
        min_rows=config.min_rows,
        max_null_fraction=config.max_null_fraction,
        min_explained_variance=config.min_explained_variance,
        max_explained_variance_drop=config.max_explained_variance_drop,
    )


def read_statistics(run: PipelineRun) -> tuple[list[dict[str, Any]], dict[str, NDArray[np.float64]]]:
    """The moments documents that the processing hosts wrote, and their scatter matrices by host."""
    names = [f"s3://{run.plan.bucket}/{item['Key']}" for item in run.hook.list_objects(run.stats_uri)]
    documents = [run.hook.read_json(name) for name in names if name.endswith(".json")]
    if not documents:
        raise InputError(f"No moments under {run.stats_uri}. Clear start_processing to run the job again.")
    scatters = {
        name.rsplit("/scatter-", 1)[1].removesuffix(".npy"): np.load(io.BytesIO(run.hook.read_bytes(name)))
        for name in names
        if name.endswith(".npy")
    }
    return documents, scatters


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
    config = run.hook.describe(ENDPOINT_CONFIG, config_name)
    try:
        model = run.hook.describe(MODEL, config["ProductionVariants"][0]["ModelName"])
        artifact_uri = model["PrimaryContainer"]["ModelDataUrl"]
    except KeyError as missing:
        raise InputError(
            f"endpoint {endpoint_name} serves {config_name}, which has no {missing}: it is no PCA model of this "
            "pipeline. Choose another endpoint_name."
        ) from None
    trained_by = run.hook.tags(model["ModelArn"]).get("run-name")
    columns = None
    if trained_by:
        files = RunFiles(run.plan.bucket, trained_by, run.plan.config.endpoint_name)
        document = run.hook.find_json(files.model_card_uri)
        columns = ModelCard.model_validate(document).feature_columns if document else None
    return ServedModel(PcaModel.from_artifact(run.hook.read_bytes(artifact_uri)), columns)
