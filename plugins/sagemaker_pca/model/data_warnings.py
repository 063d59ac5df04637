"""What is lawful in the data and most likely not meant: said of a run, which it does not refuse. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sagemaker_pca.model.moments import Moments

# Shares of variance go with the square: a column above it outweighs ten thousand others.
LARGEST_SPREAD_RATIO = 100


@dataclass(frozen=True, slots=True)
class DataWarning:
    """What to know about the data, a sentence, and the setting that cures it, as name=value."""

    message: str
    cure: str


def data_warnings(moments: Moments) -> tuple[DataWarning, ...]:
    """Everything there is to warn of in the data as training sees it."""
    unequal = _unequal_spreads(moments)
    return () if unequal is None else (unequal,)


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
