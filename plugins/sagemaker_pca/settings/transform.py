"""Every setting of a batch transform: its default, range, help and section, defined once.

What the model was trained with (columns, separators, missing values) is no setting here: it comes from its card.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from sagemaker_pca.settings import patterns
from sagemaker_pca.settings.layers import NOTHING, Given, Resolved, as_json, resolve_layers, setting
from sagemaker_pca.settings.pipeline import PcaRunConfig

SMALLEST_WINDOW = 1_000


def shared(name: str) -> Any:
    """A setting that means the same here as in the pipeline."""
    return PcaRunConfig.model_fields[name]


class TransformConfig(BaseModel):
    """The settings of one batch transform."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    input_uri: str | None = setting(
        None,
        "Data",
        "CSV files to project: every object under this S3 prefix, or one object. Unset: s3://<bucket>/batch/.",
        pattern=patterns.S3_URI,
    )
    bucket: str | None = shared("bucket")
    model: Literal["in-service", "promoted", "named"] = setting(
        "in-service",
        "Model",
        "The model that the endpoint serves now, the one promoted last, or the one that model_name names.",
    )
    model_name: str | None = setting(
        None, "Model", "Model to use with model=named.", pattern=patterns.RESOURCE_NAME, max_length=63
    )
    endpoint_name: str = setting(
        "pca-endpoint", "Model", "Endpoint whose model is meant.", pattern=patterns.RESOURCE_NAME, max_length=63
    )
    output: Literal["projections", "scored-csv", "scored-parquet"] = setting(
        "projections",
        "Output",
        "Projections, by a transform job; or scored rows, by the processing job alone: file, row, id_columns, "
        "projections from PC1 on, T², Q, and which limits they exceed.",
    )
    id_columns: tuple[patterns.ColumnName, ...] = setting(
        (), "Output", "Columns of the files that scored rows carry along, as they stand there.", max_length=100
    )
    window_rows: int = setting(
        0,
        "Output",
        "Rows of a file of which the summary of scored rows counts those beyond limits, one window after the other: "
        "1000 or more. 0: of whole files only.",
        ge=0,
    )
    max_exceedance: float | None = setting(
        None,
        "Output",
        "Share of scored rows beyond the model's 99% limits above which the data has drifted: the pipeline's drift "
        "asset and the notifier tell. Unset: reported only.",
        ge=0,
        le=1,
    )
    instance_type: str = setting(
        "ml.m5.large", "Transform", "Instance type of both jobs.", pattern=patterns.INSTANCE_TYPE
    )
    instance_count: int = setting(1, "Transform", "Instances of the transform job.", ge=1, le=100)
    max_payload_mb: int = setting(
        6, "Transform", "Largest mini-batch of rows sent to the model at once, in MB.", ge=1, le=100
    )
    max_runtime_seconds: int = shared("max_runtime_seconds")
    poll_seconds: float = shared("poll_seconds")
    stop_jobs_on_kill: bool = shared("stop_jobs_on_kill")
    job_logs: bool = shared("job_logs")
    processing_role: str = shared("processing_role")
    vpc_config: dict[str, list[str]] | None = shared("vpc_config")
    owner: str = shared("owner")

    @property
    def is_scored(self) -> bool:
        """Whether scored rows are written."""
        return self.output != "projections"

    @model_validator(mode="after")
    def settings_agree(self) -> Self:
        """Refuse what only scored rows have where none are written."""
        if 0 < self.window_rows < SMALLEST_WINDOW:
            raise ValueError(
                f"window_rows={self.window_rows} makes a summary as long as the data. "
                f"Set {SMALLEST_WINDOW} or more, or 0."
            )
        if self.is_scored:
            return self
        for name in ("id_columns", "window_rows", "max_exceedance"):
            if (value := getattr(self, name)) != type(self).model_fields[name].default:
                raise ValueError(
                    f"{name}={as_json(value)} is of scored rows, and output=projections writes none. "
                    "Set output to scored-csv or scored-parquet."
                )
        return self


def resolve(run: Given, pipeline: Given, deployment: Given = NOTHING) -> Resolved[TransformConfig]:
    """The settings of a batch transform, with where each comes from: see `layers.resolve_layers`."""
    return resolve_layers(TransformConfig, run, pipeline, deployment)
