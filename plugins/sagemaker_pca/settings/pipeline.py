"""Every setting of a run: its default, range, help and section, defined once; those of its data in `settings.data`.

The trigger form, validation, the table in docs/settings.md and the run report are all made from `PcaRunConfig`.
Owns no locations (`run.locations`) and no requests (`run.service_requests`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal, Self

from pydantic import model_validator

from sagemaker_pca.plurals import counted
from sagemaker_pca.settings import patterns
from sagemaker_pca.settings.data import DataSettings
from sagemaker_pca.settings.layers import (
    NOTHING,
    Given,
    Resolved,
    as_document,
    execution_setting,
    model_setting,
    resolve_layers,
    serving_setting,
)

# Of wider data the processing job keeps no scatter matrix.
MAX_SCATTER_COLUMNS = 2_000


class PcaRunConfig(DataSettings):
    """The settings of one run, validated as a whole."""

    num_components: int = model_setting(
        3,
        "Training",
        "Principal components to keep; at most the number of feature columns.",
        ge=1,
    )
    explained_variance: float | None = model_setting(
        None,
        "Training",
        "Instead of num_components: keep the fewest components that explain this share of the variance, such as 0.95.",
        gt=0,
        le=1,
    )
    mini_batch_size: int | None = model_setting(
        None,
        "Training",
        "Rows the algorithm reads at a time. Unset: 500, or as many as the smallest training host has.",
        ge=1,
    )
    algorithm_mode: Literal["regular", "randomized"] = model_setting(
        "regular", "Training", "Exact decomposition, or the randomized approximation for many columns."
    )
    subtract_mean: bool = model_setting(True, "Training", "Centre the features before the decomposition.")
    extra_components: int = model_setting(
        -1, "Training", "Extra dimensions of the randomized sketch; -1 leaves the choice to the algorithm.", ge=-1
    )
    training_image_uri: str | None = model_setting(
        None,
        "Training",
        "Container image of training and serving. Unset: the built-in PCA image of the region.",
        pattern=patterns.IMAGE_URI,
    )
    training_instance_type: str = execution_setting(
        "ml.m5.large", "Training", "Instance type of the training job.", pattern=patterns.INSTANCE_TYPE
    )
    training_instance_count: int = execution_setting(
        1, "Training", "Hosts of the training job; feature files are shared out among them.", ge=1, le=100
    )
    training_volume_gb: int = execution_setting(
        30,
        "Training",
        "Disk of each training host, in GB: the features fit on it.",
        ge=1,
        le=patterns.LARGEST_VOLUME_GB,
    )

    min_rows: int = model_setting(100, "Quality gate", "Fewest rows a model may be trained on.", ge=2)
    max_null_fraction: float = model_setting(
        0.1, "Quality gate", "Largest fraction of missing cells in any feature column.", ge=0, le=1
    )
    min_explained_variance: float = model_setting(
        0.5, "Quality gate", "Smallest share of the total variance that the components must explain.", ge=0, le=1
    )
    max_explained_variance_drop: float = model_setting(
        0.05,
        "Quality gate",
        "How much less of the new data's variance the new model may explain than the model now in service.",
        ge=0,
        le=1,
    )

    max_exceedance: float | None = model_setting(
        None,
        "Quality gate",
        "Largest share of the new data's sampled rows beyond the 99% limits of the model now in service. Unset: "
        "reported, not judged.",
        ge=0,
        le=1,
    )
    max_mean_shift: float | None = model_setting(
        None,
        "Quality gate",
        "How far a column's mean may have moved since the model now in service was trained, in standard deviations. "
        "Unset: reported, not judged.",
        gt=0,
    )

    sample_rows: int = model_setting(
        10_000,
        "Monitoring",
        "Rows of all raw files that the processing job keeps, evenly drawn: for empirical limits and for the report. "
        "Of very many columns fewer.",
        ge=1000,
        le=100_000,
    )
    monitoring_limits: Literal["empirical", "theoretical"] = model_setting(
        "empirical",
        "Monitoring",
        "Limits of T² and Q that rows are held against: what 95 and 99% of the sampled rows stay within, or what "
        "independent rows of a normal distribution would. Both are kept with the model.",
    )

    endpoint_name: str = serving_setting(
        "pca-endpoint", "Deployment", "Endpoint to create or update.", pattern=patterns.RESOURCE_NAME, max_length=63
    )
    serving_instance_type: str = serving_setting(
        "ml.m5.large", "Deployment", "Instance type behind the endpoint.", pattern=patterns.INSTANCE_TYPE
    )
    serving_instance_count: int = serving_setting(1, "Deployment", "Instances behind the endpoint.", ge=1, le=100)
    # How the change is made, not what is in service after it.
    deployment_config: dict[str, Any] | None = as_document(
        "DeploymentConfig",
        execution_setting(
            None, "Deployment", "DeploymentConfig of UpdateEndpoint (blue/green or rolling), passed on as it is."
        ),
    )
    roll_back_alarms: tuple[patterns.AlarmName, ...] = execution_setting(
        (),
        "Deployment",
        "CloudWatch alarms at which SageMaker itself takes an update back. Without a deployment_config it watches them "
        "for five minutes before it ends what served before.",
        max_length=patterns.MOST_ALARMS,
    )
    take_over_endpoint: bool = execution_setting(
        False,
        "Deployment",
        "Deploy to an endpoint that this pipeline did not make, whoever owns it, and own it from then on.",
    )
    lease_wait_seconds: int = execution_setting(
        1800,
        "Deployment",
        "How long to wait while another run deploys to the same endpoint.",
        ge=0,
        le=86_400,
        of_deployment=True,
    )
    keep_superseded: int = execution_setting(
        3, "Deployment", "Superseded configurations and models to keep for a manual roll-back.", ge=1, le=100
    )
    smoke_test_rows: int = execution_setting(
        20, "Deployment", "Raw rows sent through the endpoint and compared with the artifact.", ge=1, le=1000
    )

    # Who may read the raw data makes no other model of it; a role that may not, fails the job.
    processing_role: str = execution_setting(
        "sagemaker-pca-processing",
        "Security",
        "IAM role of processing and training jobs: a name, or an ARN.",
        pattern=patterns.ROLE,
        of_deployment=True,
    )
    serving_role: str = serving_setting(
        "sagemaker-pca-serving",
        "Security",
        "IAM role of the served model: a name, or an ARN.",
        pattern=patterns.ROLE,
        of_deployment=True,
    )
    vpc_config: dict[str, list[str]] | None = as_document(
        "VpcConfig",
        serving_setting(
            None,
            "Security",
            'VPC of jobs and endpoint, which needs a way to S3: {"Subnets": ["subnet-…"], '
            '"SecurityGroupIds": ["sg-…"]}.',
            of_deployment=True,
        ),
    )
    # Tags decide nothing here: a run on unchanged data renews them too.
    owner: str = execution_setting(
        "sagemaker-pca",
        "Security",
        "Tag `owner` of everything the run creates.",
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
        pattern=r"^[a-zA-Z0-9 _.:/=+@-]+$",
        max_length=256,
        of_deployment=True,
    )
    expires_after_days: int | None = execution_setting(
        None,
        "Security",
        "Days after which a sweep may delete the endpoint (tag `expires-at`). Unset: never.",
        ge=1,
        le=3650,
    )

    max_runtime_seconds: int = execution_setting(
        3600, "Waiting", "Longest run of a job before it is stopped.", ge=60, le=432_000, of_deployment=True
    )
    poll_seconds: float = execution_setting(
        15,
        "Waiting",
        "Seconds between two looks at a job or endpoint; grows slowly while it runs.",
        ge=0.1,
        le=300,
        of_deployment=True,
    )
    stop_jobs_on_kill: bool = execution_setting(
        True,
        "Waiting",
        "Stop the SageMaker job when its wait is marked failed or runs out of time.",
        of_deployment=True,
    )
    job_logs: bool = execution_setting(
        True, "Waiting", "Copy the jobs' own log lines into the task log.", of_deployment=True
    )

    @model_validator(mode="after")
    def settings_agree(self) -> Self:
        """Refuse settings that contradict each other."""
        if duplicates := sorted(name for name, count in Counter(self.feature_columns).items() if count > 1):
            raise ValueError(f"feature_columns names {', '.join(duplicates)} more than once. Name each column once.")
        if self.explained_variance is not None and self.feature_dim > MAX_SCATTER_COLUMNS:
            raise ValueError(
                f"explained_variance={self.explained_variance} needs the whole spectrum, which is kept of up to "
                f"{MAX_SCATTER_COLUMNS:,} feature columns; there are {self.feature_dim:,}. Set num_components instead."
            )
        if self.explained_variance is None and self.num_components > self.feature_dim:
            raise ValueError(
                f"num_components={self.num_components} exceeds the {counted(self.feature_dim, 'feature column')}. "
                "Lower num_components or add columns."
            )
        if self.roll_back_alarms and "AutoRollbackConfiguration" in (self.deployment_config or {}):
            raise ValueError(
                "deployment_config has an AutoRollbackConfiguration, and roll_back_alarms makes one. Give one of them."
            )
        if self.processing_image_uri is None:
            patterns.refuse_old_sklearn(self.sklearn_version)
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


def resolve(run: Given, pipeline: Given, deployment: Given = NOTHING) -> Resolved[PcaRunConfig]:
    """The settings of a run of the pipeline, with where each comes from: see `layers.resolve_layers`."""
    return resolve_layers(PcaRunConfig, run, pipeline, deployment)
