"""The quality gate: what a trained model and its data must show before anything is deployed.

Pure: numbers in, verdict out. A metric that is missing or not a number fails its check.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sagemaker_pca.model_comparison import Comparison, compare, finite_or_none, total_in_training_units
from sagemaker_pca.moments import Moments
from sagemaker_pca.pca_model import PcaModel

# Training rounds to float32, so that a complete model may explain a hair more than everything.
ROUNDING_TOLERANCE = 1e-3
DIFFERENCES_IN_A_MESSAGE = 5


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What a model must reach to be deployed."""

    min_rows: int = 100
    max_null_fraction: float = 0.1
    min_explained_variance: float = 0.5
    max_explained_variance_drop: float = 0.05


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the gate: a metric, its limit, and a sentence that says by how much it passed or failed."""

    name: str
    value: float | None
    limit: float
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """What was measured; component 1 is the last, as in the artifact, so ratios ascend."""

    rows: int
    null_fraction: float | None
    null_fraction_column: str | None
    explained_variance_ratio: tuple[float | None, ...]
    explained_variance: float | None
    non_finite_numbers: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics, the checks made of them, and the comparison with the serving model (None on a first run)."""

    metrics: Metrics
    checks: tuple[Check, ...]
    comparison: Comparison | None = None

    @property
    def passed(self) -> bool:
        """Whether the model may be deployed."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that refuse the model."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def reason(self) -> str:
        """The messages of the failed checks as one text, empty when all passed."""
        return " ".join(check.message for check in self.failures)


def evaluate(
    model: PcaModel,
    moments: Moments,
    limits: GateLimits,
    *,
    served: PcaModel | None = None,
    served_columns: Sequence[str] | None = None,
) -> Evaluation:
    """Measure a model against its own training data, the limits and the model now in service.

    :param model: the new model as it would be served: raw units, any scaling folded in.
    :param moments: statistics of the rows it was trained on, with the scale where features were standardized.
    :param served: the model now in service, raw units.
    :param served_columns: the serving model's feature columns in order; without them only their number is compared.
    """
    metrics = _measure(model, moments)
    checks = [
        _check_rows(metrics, limits),
        _check_null_fraction(metrics, limits),
        _check_finite_numbers(metrics),
        _check_explained_variance(metrics, limits),
    ]
    if served is None and served_columns is None:
        return Evaluation(metrics, tuple(checks))

    columns_check = _check_columns(moments.feature_columns, served, served_columns)
    checks.append(columns_check)
    if served is None or not columns_check.passed:
        return Evaluation(metrics, tuple(checks))

    comparison = compare(model, served, moments)
    checks.append(_check_drop(comparison, limits))
    return Evaluation(metrics, tuple(checks), comparison)


def _measure(model: PcaModel, moments: Moments) -> Metrics:
    total = total_in_training_units(model, moments)
    ratio = np.asarray(model.explained_variance_ratio(total), dtype=np.float64)
    null_fraction = np.asarray(moments.null_fraction, dtype=np.float64)
    # argmax names a NaN before any number, which is what a reader has to see.
    worst = int(np.argmax(null_fraction)) if null_fraction.size else None
    numbers = np.concatenate([np.ravel(part) for part in (model.mean, model.singular_values, model.components)])
    return Metrics(
        rows=int(moments.row_count),
        null_fraction=None if worst is None else finite_or_none(null_fraction[worst]),
        null_fraction_column=None if worst is None else moments.feature_columns[worst],
        explained_variance_ratio=tuple(finite_or_none(value) for value in ratio),
        explained_variance=finite_or_none(ratio.sum()) if ratio.size else None,
        non_finite_numbers=int(np.count_nonzero(~np.isfinite(numbers))),
    )


def _check_rows(metrics: Metrics, limits: GateLimits) -> Check:
    return _at_least("rows", metrics.rows, "min_rows", limits.min_rows, "Add raw files, or lower the limit.")


def _check_null_fraction(metrics: Metrics, limits: GateLimits) -> Check:
    has_nulls = metrics.null_fraction != 0 and metrics.null_fraction_column is not None
    column = f" in column {metrics.null_fraction_column}" if has_nulls else ""
    remedy = "Repair the data, leave the column out, or raise the limit."
    return _at_most(
        "null_fraction", metrics.null_fraction, "max_null_fraction", limits.max_null_fraction, remedy, column
    )


def _check_finite_numbers(metrics: Metrics) -> Check:
    count = metrics.non_finite_numbers
    if count == 0:
        message = "non_finite_numbers=0: mean, singular values and components are all finite."
    else:
        message = (
            f"non_finite_numbers={count} is above 0 by {count} among mean, singular values and components. "
            "Look for infinite or huge values in the data and train again."
        )
    return Check("non_finite_numbers", count, 0, count == 0, message)


def _check_explained_variance(metrics: Metrics, limits: GateLimits) -> Check:
    value, limit = metrics.explained_variance, limits.min_explained_variance
    if value is not None and value > 1 + ROUNDING_TOLERANCE:
        message = (
            f"explained_variance={_number(value)} is above 1 by {_number(value - 1)}: the model and the statistics "
            "are not of the same rows. Shard the training input (ShardedByS3Key) and run again."
        )
        return Check("explained_variance", value, limit, False, message)
    remedy = "Add components, check the data, or lower the limit."
    return _at_least("explained_variance", value, "min_explained_variance", limit, remedy)


def _check_columns(columns: Sequence[str], served: PcaModel | None, served_columns: Sequence[str] | None) -> Check:
    name, differences = "feature_columns", _column_differences(columns, served, served_columns)
    if not differences:
        message = f"{name}: the same {len(columns)} as the serving model's, in the same order."
        return Check(name, 0, 0, True, message)
    message = f"{name} differ from the serving model's: {_listed(differences)}. Choose another endpoint name."
    return Check(name, len(differences), 0, False, message)


def _column_differences(
    columns: Sequence[str], served: PcaModel | None, served_columns: Sequence[str] | None
) -> list[str]:
    """What differs, one phrase each, or nothing."""
    if served_columns is not None and list(columns) != list(served_columns):
        here, there = set(columns), set(served_columns)
        added = [f"{column} only here" for column in columns if column not in there]
        missing = [f"{column} only there" for column in served_columns if column not in here]
        return [*added, *missing] or ["the same names in another order"]
    if served is not None and len(served.mean) != len(columns):
        return [f"{len(columns)} columns here, {len(served.mean)} there"]
    return []


def _check_drop(comparison: Comparison, limits: GateLimits) -> Check:
    remedy = "Add components, check the data, or raise the limit."
    return _at_most(
        "explained_variance_drop",
        comparison.explained_variance_drop,
        "max_explained_variance_drop",
        limits.max_explained_variance_drop,
        remedy,
    )


def _at_least(name: str, value: float | None, limit_name: str, limit: float, remedy: str) -> Check:
    if value is None:
        return _unknown(name, limit_name, limit, remedy)
    shown, bound = f"{name}={_number(value)}", f"{limit_name}={_number(limit)}"
    if value >= limit:
        return Check(name, value, limit, True, f"{shown} reaches {bound}.")
    return Check(name, value, limit, False, f"{shown} is below {bound} by {_number(limit - value)}. {remedy}")


def _at_most(name: str, value: float | None, limit_name: str, limit: float, remedy: str, where: str = "") -> Check:
    if value is None:
        return _unknown(name, limit_name, limit, remedy, where)
    shown, bound = f"{name}={_number(value)}{where}", f"{limit_name}={_number(limit)}"
    if value <= limit:
        return Check(name, value, limit, True, f"{shown} stays within {bound}.")
    return Check(name, value, limit, False, f"{shown} is above {bound} by {_number(value - limit)}. {remedy}")


def _unknown(name: str, limit_name: str, limit: float, remedy: str, where: str = "") -> Check:
    message = f"{name} is not a number{where} and cannot be held against {limit_name}={_number(limit)}. {remedy}"
    return Check(name, None, limit, False, message)


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.4g}" if abs(value) >= 1e-4 else f"{value:.1g}"


def _listed(differences: Sequence[str]) -> str:
    shown = ", ".join(differences[:DIFFERENCES_IN_A_MESSAGE])
    more = len(differences) - DIFFERENCES_IN_A_MESSAGE
    return f"{shown} and {more:,} more" if more > 0 else shown
