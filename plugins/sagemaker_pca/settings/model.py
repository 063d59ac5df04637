"""The settings of a run that decide its model beyond the data: training, quality gate, monitoring."""

from __future__ import annotations

from collections import Counter
from typing import Literal, Self

from pydantic import model_validator

from sagemaker_pca.plurals import counted
from sagemaker_pca.settings import patterns
from sagemaker_pca.settings.data import DataSettings
from sagemaker_pca.settings.layers import execution_setting, model_setting

# Of wider data the processing job keeps no scatter matrix.
MAX_SCATTER_COLUMNS = 2_000


class ModelSettings(DataSettings):
    """How a model is trained, which one may be served, and what its later data is held against."""

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

    @model_validator(mode="after")
    def model_settings_agree(self) -> Self:
        """Refuse settings of which no model can be made."""
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
        return self

    @property
    def feature_dim(self) -> int:
        """Number of feature columns."""
        return len(self.feature_columns)
