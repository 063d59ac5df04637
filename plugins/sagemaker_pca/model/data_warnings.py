"""What is lawful in the data and most likely not meant: said of a run, which it does not refuse. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sagemaker_pca.model.moments import Moments

NAMED_COLUMNS = 5
# What gaps filled with zeros may add to a column's variance, as a share of what its other values have.
LARGEST_ADDED_VARIANCE = 0.05
# Shares of variance go with the square: a column above it outweighs ten thousand others.
LARGEST_SPREAD_RATIO = 100


@dataclass(frozen=True, slots=True)
class DataWarning:
    """What to know about the data, a sentence, and the setting that cures it, as name=value."""

    message: str
    cure: str


def data_warnings(moments: Moments) -> tuple[DataWarning, ...]:
    """Everything there is to warn of in the data as training sees it."""
    found = (_unequal_spreads(moments), _constant_columns(moments), _distant_zeros(moments))
    return tuple(warning for warning in found if warning is not None)


def _unequal_spreads(moments: Moments) -> DataWarning | None:
    """One unscaled column that varies far more than at least half of the others: the components tell of it alone."""
    if moments.scale is not None:
        return None
    # A constant column says nothing of its unit; what it seems to vary by is rounding of its sums.
    varies = moments.maximum > moments.minimum
    spreads = np.where(varies, moments.standard_deviations, 0.0)
    widest = int(np.argmax(spreads))
    others = np.sort(np.delete(spreads, widest))
    others = others[others > 0]
    if not others.size:
        return None
    ratio = float(spreads[widest] / others[(others.size - 1) // 2])
    if not ratio > LARGEST_SPREAD_RATIO:
        return None
    share = moments.squared_deviations[widest] / moments.total_squared_deviations
    return DataWarning(
        f"Column {moments.feature_columns[widest]} varies {ratio:,.0f} times as much as a typical other one and makes "
        f"up {share:.1%} of the total variance: the largest components describe little else.",
        "scaling=standardize",
    )


def _constant_columns(moments: Moments) -> DataWarning | None:
    """Columns with one value in all rows: no component can have a part in them."""
    constant = np.flatnonzero(moments.maximum == moments.minimum)
    if not constant.size or moments.row_count < 2:
        return None
    columns = [f"{moments.feature_columns[place]} (always {moments.minimum[place] + 0.0:g})" for place in constant]
    alone = len(columns) == 1
    return DataWarning(
        f"{'Column' if alone else 'Columns'} {_named(columns)} {'tells' if alone else 'tell'} the model nothing.",
        f"feature_columns without {'it' if alone else 'them'}",
    )


def _distant_zeros(moments: Moments) -> DataWarning | None:
    """Columns whose gaps, filled with 0 far from all other values, make up much of what the columns vary by."""
    if moments.missing_values != "zero":
        return None
    rows, gaps = moments.row_count, moments.null_count
    present = np.maximum(rows - gaps, 1)
    mean = moments.mean * rows / present
    # Chan's update the other way round: the zeros by themselves do not vary.
    added = mean**2 * gaps * present / rows
    others = moments.squared_deviations - added
    distant = np.flatnonzero((gaps > 0) & (gaps < rows) & (added > LARGEST_ADDED_VARIANCE * others))
    if not distant.size:
        return None
    columns = [
        f"{moments.feature_columns[place]} ({gaps[place]:,} of {rows:,} rows, the mean of the others {mean[place]:.3g})"
        for place in distant
    ]
    return DataWarning(
        f"Gaps of {_named(columns)} were filled with 0, so far from the other values that the model takes it for "
        "a pattern.",
        "missing_values=mean",
    )


def _named(columns: list[str]) -> str:
    more = len(columns) - NAMED_COLUMNS
    return f"{', '.join(columns[:NAMED_COLUMNS])}{f' and {more:,} more' if more > 0 else ''}"
