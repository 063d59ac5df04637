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
    warnings = data_warnings(make_moments(rows_that_vary_by(*spreads)))
    assert any(warning.cure == "scaling=standardize" for warning in warnings) is is_warned_of


def test_constant_columns_are_told_with_their_value(make_moments: Measure) -> None:
    rows = rows_that_vary_by(1, 1, 1)
    rows[:, 1] = 5
    (warning,) = data_warnings(replace(make_moments(rows), feature_columns=("a", "b", "c")))
    assert warning.message == "Column b (always 5) tells the model nothing."
    assert warning.cure == "feature_columns without it"
    rows[:, 2] = 0
    (warning,) = data_warnings(replace(make_moments(rows), feature_columns=("a", "b", "c")))
    assert warning.message == "Columns b (always 5), c (always 0) tell the model nothing."


def test_of_many_constant_columns_the_first_are_named(make_moments: Measure) -> None:
    rows = np.ones((10, 8)) * np.arange(8)
    (warning,) = data_warnings(replace(make_moments(rows), feature_columns=tuple("abcdefgh")))
    assert warning.message.startswith("Columns a (always 0), b (always 1), ")
    assert "e (always 4) and 3 more tell the model nothing." in warning.message


def with_gaps(make_moments: Measure, rows: Rows, column: int, gaps: int, fill: float) -> Moments:
    rows = rows.copy()
    rows[:gaps, column] = fill
    nulls = np.zeros(rows.shape[1], np.int64)
    nulls[column] = gaps
    return replace(make_moments(rows), null_count=nulls, missing_values="zero" if fill == 0 else "mean")


def test_a_gap_in_the_iris_data_that_a_zero_fills_is_warned_of_and_the_mean_cures_it(make_moments: Measure) -> None:
    from sklearn.datasets import load_iris

    iris = load_iris()
    spoilt = with_gaps(make_moments, iris.data, 0, 1, 0.0)
    (warning,) = data_warnings(replace(spoilt, feature_columns=tuple(iris.feature_names)))
    assert warning.message.startswith(
        "Gaps of sepal length (cm) (1 of 150 rows, the mean of the others 5.85) were filled"
    )
    assert warning.cure == "missing_values=mean"
    assert data_warnings(with_gaps(make_moments, iris.data, 0, 1, float(iris.data[:, 0].mean()))) == ()


@pytest.mark.parametrize(
    ("offset", "gaps", "is_warned_of"), [(0, 40, False), (10, 1, True), (10, 0, False), (0.3, 4, False)]
)
def test_zeros_matter_as_far_as_they_add_to_what_a_column_varies_by(
    make_moments: Measure, offset: float, gaps: int, is_warned_of: bool
) -> None:
    moments = with_gaps(make_moments, rows_that_vary_by(1, 1) + offset, 1, gaps, 0.0)
    assert bool(data_warnings(moments)) is is_warned_of
