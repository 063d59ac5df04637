"""The settings of a run that say what data it reads, and on what.

The trigger form, validation, the table in docs/settings.md and the run report are all made from the declarations.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.settings import patterns
from sagemaker_pca.settings.layers import execution_setting, model_setting


class DataSettings(BaseModel):
    """What raw data is read, how, and by what processing job."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    bucket: str | None = execution_setting(
        None,
        "Data",
        "S3 bucket that holds raw data and runs. Unset: sagemaker-pca-<region>-<account> of the connection.",
        pattern=patterns.BUCKET,
        of_deployment=True,
    )
    raw_data_uri: str | None = model_setting(
        None,
        "Data",
        "Raw CSV files: every object under this S3 prefix, or one object. Unset: s3://<bucket>/raw/.",
        pattern=patterns.S3_URI,
    )
    feature_columns: tuple[patterns.ColumnName, ...] = model_setting(
        ("Ch5", "Ch6", "Ch7", "Ch8"),
        "Data",
        "Columns of the raw data that become features, in this order.",
        min_length=1,
        max_length=10_000,
    )
    delimiter: Literal[",", ";", "\t", "|"] = model_setting(",", "Data", "Field separator of the raw CSV files.")
    decimal: Literal[".", ","] = model_setting(
        ".", "Data", "Decimal mark of the raw CSV files. Where it is the field separator too, cells need quotes."
    )
    # The mean of its column: a gap then moves no mean and adds no variance, as a zero far from the data does both.
    missing_values: Literal["mean", "zero", "drop", "fail"] = model_setting(
        "mean",
        "Data",
        "What an empty cell becomes: the column's mean, for which several hosts take a job more; 0; a dropped row; or "
        "a failed run.",
    )
    on_bad_rows: Literal["fail", "skip"] = model_setting(
        "fail", "Data", "What a row with a non-numeric cell does: fail the job, or be skipped and counted."
    )
    max_bad_fraction: float = model_setting(
        0.01, "Data", "Largest fraction of rows that on_bad_rows=skip may skip, on each processing host.", ge=0, le=1
    )
    newlines_in_cells: bool = model_setting(
        False, "Data", "Let quoted cells hold line ends. Otherwise a row with such a cell is a bad row."
    )
    scaling: Literal["none", "standardize"] = model_setting(
        "none",
        "Data",
        "Scale features before training. The served model takes raw units either way: scaling is folded into it.",
    )
    force: bool = execution_setting(
        False, "Data", "Train and deploy even if raw data, settings and script are those of the model in service."
    )

    sklearn_version: str = model_setting(
        "1.4-2",
        "Processing",
        "Version of SageMaker's scikit-learn container that runs the processing script: any that the SageMaker SDK "
        "knows, from 1.2-1 on.",
        pattern=patterns.SKLEARN_VERSION,
    )
    processing_image_uri: str | None = model_setting(
        None,
        "Processing",
        "Container image of the processing job. Unset: the scikit-learn image of the region.",
        pattern=patterns.IMAGE_URI,
    )
    processing_instance_type: str = execution_setting(
        "ml.m5.large", "Processing", "Instance type of the processing job.", pattern=patterns.INSTANCE_TYPE
    )
    processing_instance_count: int = execution_setting(
        1, "Processing", "Hosts of the processing job; raw files are shared out among them whole.", ge=1, le=100
    )
    processing_volume_gb: int = execution_setting(
        30,
        "Processing",
        "Disk of each processing host, in GB: raw data and features fit on it.",
        ge=1,
        le=patterns.LARGEST_VOLUME_GB,
    )
    feature_format: Literal["csv", "recordio"] = execution_setting(
        "csv", "Processing", "How features are stored: CSV to read them, RecordIO-protobuf for speed."
    )
