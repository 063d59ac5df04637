"""The quality gate: what a trained model and its data must show before anything is deployed.

Pure: numbers in, verdict out. A metric that is missing or not a number fails its check.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.checks import Check, at_least, at_most, shown_number
from sagemaker_pca.model.comparison import (
    Comparison,
    compare,
    finite_or_none,
    impossible_comparison,
    spectrum_in_training_units,
    total_in_training_units,
)
from sagemaker_pca.model.data_warnings import DataWarning, data_warnings
from sagemaker_pca.model.drift import Drift
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.plurals import counted
from sagemaker_pca.settings.pipeline import PcaRunConfig

# Training rounds to float32, so that a complete model may explain a hair more than everything.
ROUNDING_TOLERANCE = 1e-3
DIFFERENCES_IN_A_MESSAGE = 5
# Clients send raw units, which the container reads as float32: off by up to 2⁻²⁴ of the value. Where that exceeds a
# hundredth of what a column varies by, its projections are noise, whatever scaling training used.
FLOAT32_HALF_ULP = 2.0**-24
MAX_FLOAT32_LOSS = 0.01


@dataclass(frozen=True, slots=True)
class Metrics:
    """What was measured; component 1 is the last, as in the artifact, so ratios ascend.

    The spectrum, of all components there are, has the largest FIRST; None where no scatter matrix was kept.
    """

    rows: int
    null_fraction: float | None
    null_fraction_column: str | None
    explained_variance_ratio: tuple[float | None, ...]
    explained_variance: float | None
    non_finite_numbers: int
    float32_loss: float
    float32_loss_column: str | None
    spectrum: tuple[float, ...] | None
    total_variance: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics, the checks made of them, the comparison with the serving model (None on a first run), warnings."""

    metrics: Metrics
    checks: tuple[Check, ...]
    comparison: Comparison | None = None
    warnings: tuple[DataWarning, ...] = ()

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
    limits: PcaRunConfig,
    *,
    served: PcaModel | None = None,
    served_columns: Sequence[str] | None = None,
    gone: str = "",
    drift: Drift | None = None,
) -> Evaluation:
    """Measure a model against its own training data, the limits and the model now in service.

    Judged is what will be served: the numbers as the artifact stores them, in float32.

    :param model: the new model in raw units, any scaling folded in.
    :param moments: statistics of the rows it was trained on, with the scale where features were standardized.
    :param limits: the settings, of which the quality gate's count.
    :param served: the model now in service, raw units.
    :param served_columns: the serving model's feature columns in order; without them only their number is compared.
    :param gone: what somebody deleted of what is in service, so that it cannot be compared; empty where nothing is
    :param drift: how far the new data has moved from the serving model's; None where there is nothing to tell it by
    """
    model = model.as_stored()
    metrics = _measure(model, moments)
    checks = [
        _check_rows(metrics, limits),
        _check_null_fraction(metrics, limits),
        _check_finite_numbers(metrics),
        _check_float32(metrics, moments),
        _check_explained_variance(metrics, limits),
    ]
    if served is not None or served_columns is not None:
        checks.append(_check_columns(moments.feature_columns, served, served_columns))
    comparison = None
    if gone:
        comparison = impossible_comparison(gone)
        checks.append(_pass_drop(comparison, limits))
    elif served is not None and checks[-1].passed:
        comparison = compare(model, served, moments)
        checks.append(_check_drop(comparison, limits))
    if gone or served is not None:
        checks.extend(check_drift(drift, limits))
    return Evaluation(metrics, tuple(checks), comparison, data_warnings(moments))


def _measure(model: PcaModel, moments: Moments) -> Metrics:
    total = total_in_training_units(model, moments)
    ratio = np.asarray(model.explained_variance_ratio(total), dtype=np.float64)
    null_fraction = np.asarray(moments.null_fraction, dtype=np.float64)
    # argmax names a NaN before any number, which is what a reader has to see.
    worst = int(np.argmax(null_fraction)) if null_fraction.size else None
    offset, spread = np.abs(moments.mean) * FLOAT32_HALF_ULP, moments.standard_deviations
    # A constant column says nothing that could get lost; what it seems to vary by is rounding of its sums.
    varies = (moments.maximum > moments.minimum) & (spread > 0)
    losses = np.divide(offset, spread, out=np.zeros_like(offset), where=varies)
    spectrum = spectrum_in_training_units(moments, model.mean)
    numbers = np.concatenate([np.ravel(part) for part in (model.mean, model.singular_values, model.components)])
    return Metrics(
        rows=int(moments.row_count),
        null_fraction=None if worst is None else finite_or_none(null_fraction[worst]),
        null_fraction_column=None if worst is None else moments.feature_columns[worst],
        explained_variance_ratio=tuple(finite_or_none(value) for value in ratio),
        explained_variance=finite_or_none(ratio.sum()) if ratio.size else None,
        non_finite_numbers=int(np.count_nonzero(~np.isfinite(numbers))),
        float32_loss=float(losses.max(initial=0.0)),
        float32_loss_column=moments.feature_columns[int(np.argmax(losses))] if losses.size else None,
        spectrum=None if spectrum is None else tuple(spectrum.tolist()),
        total_variance=finite_or_none(total / (moments.row_count - 1)) if moments.row_count > 1 else None,
    )


def _check_rows(metrics: Metrics, limits: PcaRunConfig) -> Check:
    return at_least("rows", metrics.rows, "min_rows", limits.min_rows, "Add raw files, or lower the limit.")


def _check_null_fraction(metrics: Metrics, limits: PcaRunConfig) -> Check:
    has_nulls = metrics.null_fraction != 0 and metrics.null_fraction_column is not None
    column = f" in column {metrics.null_fraction_column}" if has_nulls else ""
    remedy = "Repair the data, leave the column out, or raise the limit."
    return at_most(
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


def _check_float32(metrics: Metrics, moments: Moments) -> Check:
    name, value, limit = "float32_loss", metrics.float32_loss, MAX_FLOAT32_LOSS
    if value <= limit or metrics.float32_loss_column is None:
        message = f"{name}={shown_number(value)}: float32, in which rows are served, keeps what every column varies by."
        return Check(name, value, limit, True, message)
    place = moments.feature_columns.index(metrics.float32_loss_column)
    mean, deviation = moments.mean[place], moments.standard_deviations[place]
    message = (
        f"{name}={shown_number(value)} is above {limit}: column {metrics.float32_loss_column} varies by "
        f"{deviation:.3g} about {mean:.6g}, and float32, in which rows are served, rounds such a value by up to "
        f"{abs(mean) * FLOAT32_HALF_ULP:.2g}. Scaling does not help, since clients send raw units: subtract a constant "
        "from the column in the raw data, or leave it out."
    )
    return Check(name, value, limit, False, message)


def _check_explained_variance(metrics: Metrics, limits: PcaRunConfig) -> Check:
    value, limit = metrics.explained_variance, limits.min_explained_variance
    if value is not None and value > 1 + ROUNDING_TOLERANCE:
        message = (
            f"explained_variance={shown_number(value)} is above 1 by {shown_number(value - 1)}: the model and the "
            "statistics are not of the same rows. Shard the training input (ShardedByS3Key) and run again."
        )
        return Check("explained_variance", value, limit, False, message)
    remedy = "Add components, check the data, or lower the limit."
    return at_least("explained_variance", value, "min_explained_variance", limit, remedy)


def _check_columns(columns: Sequence[str], served: PcaModel | None, served_columns: Sequence[str] | None) -> Check:
    name, differences = "feature_columns", _column_differences(columns, served, served_columns)
    if not differences:
        message = f"{name}: the same {len(columns)} as the serving model's, in the same order."
        return Check(name, 0, 0, True, message)
    message = f"{name} differ from the serving model's: {_listed(differences)}. Choose another endpoint_name."
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
        return [f"{counted(len(columns), 'column')} here, {len(served.mean)} there"]
    return []


def _check_drop(comparison: Comparison, limits: PcaRunConfig) -> Check:
    remedy = "Add components, check the data, or raise the limit."
    return at_most(
        "explained_variance_drop",
        comparison.explained_variance_drop,
        "max_explained_variance_drop",
        limits.max_explained_variance_drop,
        remedy,
    )


def _pass_drop(comparison: Comparison, limits: PcaRunConfig) -> Check:
    """Only that nothing is there to compare with: a reason to say so, and none to keep the new model back."""
    return Check("explained_variance_drop", None, limits.max_explained_variance_drop, True, comparison.note)


def check_drift(drift: Drift | None, limits: PcaRunConfig) -> Iterator[Check]:
    """The checks of drift that somebody asked for; what cannot be told keeps no model back, and is said."""
    beyond = drift.share_beyond_99 if drift else None
    column = drift.most_shifted_column if drift else None
    shift, of_column = (None, "") if column is None else (abs(column.mean_shift or 0.0), f" of column {column.name}")
    for name, limit, value, where in (
        ("exceedance", limits.max_exceedance, beyond, ""),
        ("mean_shift", limits.max_mean_shift, shift, of_column),
    ):
        if limit is None:
            continue
        if value is None:
            message = f"{name} is not known: the model in service left nothing to tell it by."
            yield Check(name, None, limit, True, message)
        else:
            remedy = "Look at the new data; if it is as it should be, raise the limit for this run."
            yield at_most(name, value, f"max_{name}", limit, remedy, where)


def _listed(differences: Sequence[str]) -> str:
    shown = ", ".join(differences[:DIFFERENCES_IN_A_MESSAGE])
    more = len(differences) - DIFFERENCES_IN_A_MESSAGE
    return f"{shown} and {more:,} more" if more > 0 else shown
