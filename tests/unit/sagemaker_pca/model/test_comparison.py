"""Explained variance of two models on the same new data."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.comparison import captured_variance, captured_variance_bound, compare
from sagemaker_pca.model.moments import Moments

Rows = NDArray[np.float64]
Train = Callable[[Rows, int], PcaModel]
Measure = Callable[[Rows], Moments]
Scatter = Callable[[Rows], NDArray[np.float64]]


def make_rows(seed: int, columns: int = 6) -> Rows:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(300, columns)) @ generator.normal(size=(columns, columns)) + 5.0


def test_captured_variance_is_what_a_reconstruction_from_the_projections_keeps(
    train: Train, scatter_of: Scatter
) -> None:
    rows, old = make_rows(1), train(make_rows(2), 3)
    centred = rows - rows.mean(axis=0)
    rebuilt = centred @ old.components @ old.components.T

    lost = ((centred - rebuilt) ** 2).sum() / (centred**2).sum()

    assert captured_variance(old.components, scatter_of(rows)) == pytest.approx(1 - lost)


def test_captured_variance_depends_on_the_span_alone(train: Train, scatter_of: Scatter) -> None:
    scatter, components = scatter_of(make_rows(1)), train(make_rows(2), 3).components
    skewed = components @ np.array([[3.0, 1.0, 0.0], [0.0, 0.1, 2.0], [1.0, 0.0, 1.0]])

    assert captured_variance(skewed, scatter) == pytest.approx(captured_variance(components, scatter))


def test_a_repeated_component_counts_once(train: Train, scatter_of: Scatter) -> None:
    scatter, components = scatter_of(make_rows(1)), train(make_rows(2), 2).components

    doubled = np.hstack([components, components])

    assert captured_variance(doubled, scatter) == pytest.approx(captured_variance(components, scatter))


def test_the_new_model_captures_what_it_explained_in_training(
    train: Train, make_moments: Measure, scatter_of: Scatter
) -> None:
    rows = make_rows(1)
    model = train(rows, 2)

    found = compare(model, train(make_rows(2), 2), make_moments(rows))

    assert found.explained_variance == pytest.approx((model.singular_values**2).sum() / np.trace(scatter_of(rows)))
    assert found.explained_variance_drop is not None
    assert found.explained_variance_drop < 0


def test_models_with_scaling_folded_in_are_compared_in_the_units_of_training(
    train: Train, make_moments: Measure, scatter_of: Scatter
) -> None:
    rows = make_rows(1) * [1.0, 10.0, 100.0, 1.0, 1.0, 0.01]
    center, scale = rows.mean(axis=0), rows.std(axis=0)
    standardized = (rows - center) / scale
    model = train(standardized, 3)
    served = train(standardized + np.random.default_rng(3).normal(0, 0.3, rows.shape), 3)
    moments = replace(make_moments(rows), center=center, scale=scale)

    found = compare(model.with_scaling_folded_in(center, scale), served.with_scaling_folded_in(center, scale), moments)

    scatter = scatter_of(standardized)
    assert found.explained_variance == pytest.approx(captured_variance(model.components, scatter))
    assert found.served_explained_variance == pytest.approx(captured_variance(served.components, scatter))
    assert found.largest_principal_angle_degrees == pytest.approx(model.largest_principal_angle(served))


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), new=st.integers(1, 6), old=st.integers(1, 6))
def test_without_a_scatter_matrix_the_serving_share_is_an_upper_bound_that_never_refuses_alone(
    train: Train, scatter_of: Scatter, seed: int, new: int, old: int
) -> None:
    rows = make_rows(seed)
    model, served, scatter = train(rows, new), train(make_rows(seed + 1), old), scatter_of(rows)

    bound = captured_variance_bound(served.components, model, float(np.trace(scatter)))

    assert bound >= captured_variance(served.components, scatter) - 1e-9
    if old <= new:
        assert bound <= captured_variance(model.components, scatter) + 1e-9


def test_a_comparison_without_a_scatter_matrix_says_so(
    train: Train, make_moments: Measure, scatter_of: Scatter
) -> None:
    rows = make_rows(1)
    moments = replace(make_moments(rows), scatter=None)

    found = compare(train(rows, 3), train(make_rows(2), 3), moments)

    assert found.explained_variance == pytest.approx(captured_variance(train(rows, 3).components, scatter_of(rows)))
    assert "too many to keep a scatter matrix" in found.note
    assert found.explained_variance_drop is not None
    assert found.explained_variance_drop <= 1e-12
