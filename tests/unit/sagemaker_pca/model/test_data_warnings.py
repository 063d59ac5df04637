"""What a run is warned of: columns whose units hide all others."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from quickstart.sample_ecg import ecg_signal
from sagemaker_pca.model.data_warnings import data_warnings
from sagemaker_pca.model.moments import Moments

Rows = NDArray[np.float64]
Measure = Callable[[Rows], Moments]


def rows_that_vary_by(*spreads: float) -> Rows:
    return np.random.default_rng(1).normal(size=(400, len(spreads))) * spreads


def test_raw_wine_data_is_warned_of_proline_and_scaling_cures_it(make_moments: Measure) -> None:
    from sklearn.datasets import load_wine  # type: ignore[import-untyped]

    wine = load_wine()
    moments = replace(make_moments(wine.data), feature_columns=tuple(wine.feature_names))
    (warning,) = data_warnings(moments)
    assert warning.message.startswith("Column proline varies 444 times as much as a typical other one")
    assert "makes up 99.8% of the total variance" in warning.message
    assert warning.cure == "scaling=standardize"
    assert data_warnings(replace(moments, scale=moments.standard_deviations, scaling="standardize")) == ()


def test_the_sample_ecg_is_not_warned_of(make_moments: Measure) -> None:
    assert data_warnings(make_moments(ecg_signal(20, np.random.default_rng(3)))) == ()


@pytest.mark.parametrize(
    ("spreads", "is_warned_of"),
    [
        ((1, 1, 1, 90), False),
        ((1, 1, 1, 120), True),
        ((1, 1000), True),
        ((1, 1000, 1000, 1000), False),
        ((1, 1, 0, 0, 0), False),
        ((1,), False),
        ((0, 0), False),
    ],
    ids=["less", "more", "one of two", "one small among large", "constants", "alone", "nothing varies"],
)
def test_one_column_has_to_outweigh_half_of_the_others_that_vary(
    make_moments: Measure, spreads: tuple[float, ...], is_warned_of: bool
) -> None:
    assert bool(data_warnings(make_moments(rows_that_vary_by(*spreads)))) is is_warned_of
