"""What a run's model was trained on and what it measures: written beside the artifact, read by later runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from pydantic import JsonValue

from sagemaker_pca.documents import VersionedDocument
from sagemaker_pca.model.artifact import FloatArray, PcaModel
from sagemaker_pca.model.checks import Check
from sagemaker_pca.model.comparison import Comparison
from sagemaker_pca.model.data_warnings import DataWarning
from sagemaker_pca.model.drift import Drift
from sagemaker_pca.model.evaluation import Evaluation
from sagemaker_pca.model.limits import LimitKind, Limits, freeze_limits
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.model.monitoring import MonitoredModel
from sagemaker_pca.model.sections import Matrix, Number, Section, Vector

# Every processing host names as many.
NAMED_BAD_ROWS = 10


class Column(Section):
    """Statistics of one feature column in raw units, missing values as filled."""

    name: str
    mean: Number = None
    std: Number = None
    minimum: Number = None
    maximum: Number = None
    null_fraction: Number = None


class DataFile(Section):
    """A raw file and the rows that came from it."""

    name: str
    rows: int


class BadRow(Section):
    """A row that was skipped: its file, its line (in Parquet its row), and why."""

    file: str
    line: int
    reason: str


class Data(Section):
    """What the model was trained on, columns in the order of the features; bad_rows are the first that were skipped."""

    row_count: int
    columns: tuple[Column, ...]
    files: tuple[DataFile, ...] = ()
    skipped_rows: int = 0
    bad_rows: tuple[BadRow, ...] = ()

    @property
    def emptiest_column(self) -> Column | None:
        """The column with the largest known share of missing values, the first of equals."""
        known = [column for column in self.columns if column.null_fraction is not None]
        return max(known, key=lambda column: column.null_fraction or 0.0, default=None)


class AffineMap(Section):
    """x ↦ (x - mean) @ components; mean (d,), components (d, k) with the largest component last, as in the artifact."""

    mean: Vector
    components: Matrix


class Model(Section):
    """The trained model: what is served takes raw units; as_trained is set where features were standardized.

    The spectrum has the explained-variance ratio of every component there is, kept or not, the largest FIRST; at most
    as many as the columns that scatter matrices are kept of. Times the total variance, they are its eigenvalues.
    """

    artifact_uri: str
    singular_values: Vector
    explained_variance_ratio: Vector
    spectrum: Vector | None = None
    total_variance: Number = None
    served: AffineMap
    as_trained: AffineMap | None = None
    scale: Vector | None = None
    limits: Limits | None = None

    @property
    def eigenvalues(self) -> FloatArray | None:
        """(d,) variances of all components there are, the largest first; None where they are not known."""
        if self.spectrum is None or self.total_variance is None:
            return None
        return np.array(self.spectrum, np.float64) * self.total_variance

    @property
    def served_model(self) -> PcaModel:
        """The model that takes rows in raw units; a number that JSON cannot hold is NaN."""
        parts = {**self.served.model_dump(), "singular_values": self.singular_values}
        return PcaModel(**{name: np.array(part, np.float64) for name, part in parts.items()})


class ModelCard(VersionedDocument):
    """Settings as they were, data, model and verdict of the quality gate."""

    settings: dict[str, JsonValue]
    data: Data
    model: Model
    passed: bool
    reason: str
    checks: tuple[Check, ...]
    comparison: Comparison | None
    drift: Drift | None = None
    warnings: tuple[DataWarning, ...] = ()

    @property
    def monitored(self) -> MonitoredModel:
        """The model with what T² and Q of rows need."""
        scale = None if self.model.scale is None else np.array(self.model.scale, np.float64)
        return MonitoredModel.of(self.model.served_model, self.data.row_count, scale)

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """Names of the model's features, in order."""
        return tuple(column.name for column in self.data.columns)

    @classmethod
    def of(
        cls,
        *,
        settings: Mapping[str, JsonValue],
        trained: PcaModel,
        served: PcaModel,
        artifact_uri: str,
        moments: Moments,
        data_files: tuple[DataFile, ...],
        evaluation: Evaluation,
        drift: Drift | None = None,
    ) -> Self:
        """The card of a model that was just evaluated."""
        return cls(
            settings=dict(settings),
            data=_data(moments, data_files),
            model=Model.model_validate(
                {
                    "artifact_uri": artifact_uri,
                    "singular_values": trained.singular_values,
                    "explained_variance_ratio": evaluation.metrics.explained_variance_ratio,
                    "spectrum": evaluation.metrics.spectrum,
                    "total_variance": evaluation.metrics.total_variance,
                    "served": _projector(served),
                    "as_trained": None if moments.scale is None else _projector(trained),
                    "scale": moments.scale,
                }
            ),
            passed=evaluation.passed,
            reason=evaluation.reason,
            checks=evaluation.checks,
            comparison=evaluation.comparison,
            drift=drift,
            warnings=evaluation.warnings,
        )

    def with_limits(self, wanted: LimitKind, sample: FloatArray) -> Self:
        """The card with the model's limits.

        :param wanted: the kind to be in force
        :param sample: (n, d) of the rows that the model was trained on, raw units
        """
        limits = freeze_limits(self.monitored, self.data.row_count, self.model.eigenvalues, sample, wanted)
        return self.model_copy(update={"model": self.model.model_copy(update={"limits": limits})})


def _projector(model: PcaModel) -> AffineMap:
    return AffineMap.model_validate({"mean": model.mean, "components": model.components})


def _data(moments: Moments, data_files: tuple[DataFile, ...]) -> Data:
    numbers = zip(
        moments.feature_columns,
        moments.mean,
        moments.standard_deviations,
        moments.minimum,
        moments.maximum,
        moments.null_fraction,
        strict=True,
    )
    columns = tuple(
        Column(name=name, mean=mean, std=std, minimum=low, maximum=high, null_fraction=nulls)
        for name, mean, std, low, high, nulls in numbers
    )
    return Data(
        row_count=moments.row_count,
        columns=columns,
        files=data_files,
        skipped_rows=moments.skipped_rows,
        bad_rows=tuple(BadRow.model_validate(row) for row in moments.bad_rows[:NAMED_BAD_ROWS]),
    )
