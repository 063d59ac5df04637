"""What a run's model was trained on and what it measures: written beside the artifact, read by later runs. Pure."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.evaluation import Check, Evaluation
from sagemaker_pca.model_comparison import Comparison
from sagemaker_pca.moments import Moments
from sagemaker_pca.pca_model import PcaModel
from sagemaker_pca.report import BadRow, Column, Data, Model, Projector, RawFile
from sagemaker_pca.run_config import PcaRunConfig

# Every processing host names as many.
NAMED_BAD_ROWS = 10


class ModelCard(BaseModel):
    """Settings, data, model and verdict of the quality gate; `fill_values` replace missing cells of a raw row."""

    model_config = ConfigDict(frozen=True)

    settings: PcaRunConfig
    data: Data
    model: Model
    fill_values: tuple[float, ...]
    passed: bool
    reason: str
    checks: tuple[Check, ...]
    comparison: Comparison | None

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """Names of the model's features, in order."""
        return tuple(column.name for column in self.data.columns)

    @classmethod
    def of(
        cls,
        *,
        settings: PcaRunConfig,
        trained: PcaModel,
        served: PcaModel,
        artifact_uri: str,
        moments: Moments,
        raw_files: tuple[RawFile, ...],
        evaluation: Evaluation,
    ) -> Self:
        """The card of a model that was just evaluated."""
        return cls(
            settings=settings,
            data=_data(moments, raw_files),
            model=Model.model_validate(
                {
                    "artifact_uri": artifact_uri,
                    "singular_values": trained.singular_values,
                    "explained_variance_ratio": evaluation.metrics.explained_variance_ratio,
                    "served": _projector(served),
                    "as_trained": None if moments.scale is None else _projector(trained),
                    "scale": moments.scale,
                }
            ),
            fill_values=tuple(moments.mean.tolist() if moments.missing_values == "mean" else [0.0] * len(moments.mean)),
            passed=evaluation.passed,
            reason=evaluation.reason,
            checks=evaluation.checks,
            comparison=evaluation.comparison,
        )


def _projector(model: PcaModel) -> Projector:
    return Projector.model_validate({"mean": model.mean, "components": model.components})


def _data(moments: Moments, raw_files: tuple[RawFile, ...]) -> Data:
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
        files=raw_files,
        skipped_rows=moments.skipped_rows,
        bad_rows=tuple(BadRow.model_validate(row) for row in moments.bad_rows[:NAMED_BAD_ROWS]),
    )
