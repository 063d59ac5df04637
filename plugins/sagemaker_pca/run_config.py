"""Every setting of a run: its default, range, help and section, defined once.

The trigger form, validation, the README's settings table and the run report are all made from `PcaRunConfig`.
Owns no locations (`run_files`) and no requests (`api_requests`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sagemaker_pca.setting_layers import Resolved, resolve_layers, setting

VARIABLE_NAME = "sagemaker_pca"

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
RESOURCE_NAME_PATTERN = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"
INSTANCE_TYPE_PATTERN = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
S3_URI_PATTERN = r"^s3://[^/]+/.*$"
BUCKET_PATTERN = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
IMAGE_URI_PATTERN = r"^\S{1,255}$"
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
ROLE_PATTERN = r"^(arn:aws[a-z-]*:iam::\d{12}:role/)?[a-zA-Z0-9_+=,.@/-]+$"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VpcConfig.html
VPC_MEMBERS = {"Subnets", "SecurityGroupIds"}
# One name a line in the arguments file, so without anything that ends a line.
ColumnName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f\x85\u2028\u2029]+$")]


class PcaRunConfig(BaseModel):
    """The settings of one run, validated as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str | None = setting(
        None,
        "Data",
        "S3 bucket that holds raw data and runs. Unset: sagemaker-pca-<region>-<account> of the connection.",
        pattern=BUCKET_PATTERN,
    )
    raw_data_uri: str | None = setting(
        None,
        "Data",
        "Raw CSV files: every object under this S3 prefix, or one object. Unset: s3://<bucket>/raw/.",
        pattern=S3_URI_PATTERN,
    )
    feature_columns: tuple[ColumnName, ...] = setting(
        ("Ch5", "Ch6", "Ch7", "Ch8"),
        "Data",
        "Columns of the raw data that become features, in this order.",
        min_length=1,
        max_length=10_000,
    )
    delimiter: Literal[",", ";", "\t", "|"] = setting(",", "Data", "Field separator of the raw CSV files.")
    decimal: Literal[".", ","] = setting(
        ".", "Data", "Decimal mark of the raw CSV files. Where it is the field separator too, cells need quotes."
    )
    missing_values: Literal["zero", "mean", "drop", "fail"] = setting(
        "zero", "Data", "What an empty cell becomes: 0, the column's mean, a dropped row, or a failed run."
    )
    on_bad_rows: Literal["fail", "skip"] = setting(
        "fail", "Data", "What a row with a non-numeric cell does: fail the job, or be skipped and counted."
    )
    max_bad_fraction: float = setting(
        0.01,
        "Data",
        "Largest fraction of rows that on_bad_rows=skip may skip, on each processing host.",
        ge=0,
        le=1,
    )
    scaling: Literal["none", "standardize"] = setting(
        "none",
        "Data",
        "Scale features before training. The served model takes raw units either way: scaling is folded into it.",
    )

    force: bool = setting(
        False, "Data", "Train and deploy even if raw data, settings and script are those of the model in service."
    )

    sklearn_version: str = setting(
        "1.4-2",
        "Processing",
        "Version of SageMaker's scikit-learn container that runs the processing script (1.2-1 or later).",
        pattern=r"^\d+\.\d+-\d+$",
    )
    processing_image_uri: str | None = setting(
        None,
        "Processing",
        "Container image of the processing job. Unset: the scikit-learn image of the region.",
        pattern=IMAGE_URI_PATTERN,
    )
    processing_instance_type: str = setting(
        "ml.m5.large", "Processing", "Instance type of the processing job.", pattern=INSTANCE_TYPE_PATTERN
    )
    processing_instance_count: int = setting(
        1,
        "Processing",
        "Hosts of the processing job; whole raw files are shared out among them, which changes no feature.",
        ge=1,
        le=100,
    )
    processing_volume_gb: int = setting(
        30, "Processing", "Disk of each processing host, in GB: raw data and features fit on it.", ge=1, le=16_384
    )
    feature_format: Literal["csv", "recordio"] = setting(
        "csv", "Processing", "How features are stored: CSV to read them, RecordIO-protobuf for speed."
    )

    num_components: int = setting(
        3, "Training", "Principal components to keep; at most the number of feature columns.", ge=1
    )
    mini_batch_size: int = setting(200, "Training", "Rows the algorithm reads at a time.", ge=1)
    algorithm_mode: Literal["regular", "randomized"] = setting(
        "regular", "Training", "Exact decomposition, or the randomized approximation for many columns."
    )
    subtract_mean: bool = setting(True, "Training", "Centre the features before the decomposition.")
    extra_components: int = setting(
        -1, "Training", "Extra dimensions of the randomized sketch; -1 leaves the choice to the algorithm.", ge=-1
    )
    training_image_uri: str | None = setting(
        None,
        "Training",
        "Container image of training and serving. Unset: the built-in PCA image of the region.",
        pattern=IMAGE_URI_PATTERN,
    )
    training_instance_type: str = setting(
        "ml.m5.large", "Training", "Instance type of the training job.", pattern=INSTANCE_TYPE_PATTERN
    )
    training_instance_count: int = setting(
        1, "Training", "Hosts of the training job; feature files are shared out among them.", ge=1, le=100
    )
    training_volume_gb: int = setting(
        30, "Training", "Disk of each training host, in GB: the features fit on it.", ge=1, le=16_384
    )

    min_rows: int = setting(100, "Quality gate", "Fewest rows a model may be trained on.", ge=2)
    max_null_fraction: float = setting(
        0.1, "Quality gate", "Largest fraction of missing cells in any feature column.", ge=0, le=1
    )
    min_explained_variance: float = setting(
        0.5, "Quality gate", "Smallest share of the total variance that the components must explain.", ge=0, le=1
    )
    max_explained_variance_drop: float = setting(
        0.05,
        "Quality gate",
        "How much less of the new data's variance the new model may explain than the model now in service.",
        ge=0,
        le=1,
    )

    endpoint_name: str = setting(
        "pca-endpoint", "Deployment", "Endpoint to create or update.", pattern=RESOURCE_NAME_PATTERN, max_length=63
    )
    serving_instance_type: str = setting(
        "ml.m5.large", "Deployment", "Instance type behind the endpoint.", pattern=INSTANCE_TYPE_PATTERN
    )
    serving_instance_count: int = setting(1, "Deployment", "Instances behind the endpoint.", ge=1, le=100)
    deployment_config: dict[str, Any] | None = setting(
        None, "Deployment", "DeploymentConfig of UpdateEndpoint (blue/green or rolling), passed on as it is."
    )
    lease_wait_seconds: int = setting(
        1800, "Deployment", "How long to wait while another run deploys to the same endpoint.", ge=0, le=86_400
    )
    keep_superseded: int = setting(
        3, "Deployment", "Superseded configurations and models to keep for a manual roll-back.", ge=1, le=100
    )
    smoke_test_rows: int = setting(
        20, "Deployment", "Raw rows sent through the endpoint and compared with the artifact.", ge=1, le=1000
    )

    processing_role: str = setting(
        "sagemaker-pca-processing",
        "Security",
        "IAM role of processing and training jobs: a name, or an ARN.",
        pattern=ROLE_PATTERN,
    )
    serving_role: str = setting(
        "sagemaker-pca-serving",
        "Security",
        "IAM role of the served model: a name, or an ARN.",
        pattern=ROLE_PATTERN,
    )
    vpc_config: dict[str, list[str]] | None = setting(
        None,
        "Security",
        'VPC of jobs and endpoint, which needs a way to S3: {"Subnets": ["subnet-…"], "SecurityGroupIds": ["sg-…"]}.',
    )
    owner: str = setting(
        "sagemaker-pca",
        "Security",
        "Tag `owner` of everything the run creates.",
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
        pattern=r"^[a-zA-Z0-9 _.:/=+@-]+$",
        max_length=256,
    )
    expires_after_days: int | None = setting(
        None,
        "Security",
        "Days after which a sweep may delete the endpoint (tag `expires-at`). Unset: never.",
        ge=1,
        le=3650,
    )

    max_runtime_seconds: int = setting(
        3600, "Waiting", "Longest run of a job before SageMaker stops it.", ge=60, le=432_000
    )
    poll_seconds: float = setting(
        15, "Waiting", "Seconds between two looks at a job or endpoint; grows slowly while it runs.", ge=0.1, le=300
    )
    stop_jobs_on_kill: bool = setting(
        True, "Waiting", "Stop the SageMaker job when its wait is marked failed or runs out of time."
    )
    job_logs: bool = setting(True, "Waiting", "Copy the jobs' own log lines into the task log.")

    @model_validator(mode="after")
    def settings_agree(self) -> Self:
        """Refuse settings that contradict each other."""
        if duplicates := sorted(name for name, count in Counter(self.feature_columns).items() if count > 1):
            raise ValueError(f"feature_columns names {', '.join(duplicates)} more than once. Name each column once.")
        if self.num_components > self.feature_dim:
            raise ValueError(
                f"num_components={self.num_components} exceeds the {self.feature_dim} feature columns. "
                "Lower num_components or add columns."
            )
        if self.vpc_config is not None and {name for name, ids in self.vpc_config.items() if ids} != VPC_MEMBERS:
            raise ValueError(f"vpc_config={self.vpc_config} has to name Subnets and SecurityGroupIds, nothing else.")
        return self

    @property
    def feature_dim(self) -> int:
        """Number of feature columns."""
        return len(self.feature_columns)

    @property
    def why_no_profile(self) -> str | None:
        """Why the processing job needs no profile job before it; None where it does."""
        if self.scaling == "none" and self.missing_values != "mean":
            return f"No profile needed: scaling={self.scaling} and missing_values={self.missing_values} take no means."
        if self.processing_instance_count == 1:
            return "No profile needed: one host finds the means of the whole data by itself."
        return None


def resolve(params: Mapping[str, Any], variable: Mapping[str, Any]) -> Resolved[PcaRunConfig]:
    """Merge explicit params over the Variable `sagemaker_pca` over the built-in defaults.

    Raises:
        SettingError: on an unknown name (naming the nearest) or a value out of range (naming what is allowed).
    """
    return resolve_layers(PcaRunConfig, params, variable, VARIABLE_NAME)
