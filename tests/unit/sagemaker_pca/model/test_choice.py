"""The fewest components that explain a share of the variance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from quickstart.sample_ecg import ecg_signal
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.choice import choose_components, fewest
from sagemaker_pca.model.moments import Moments

Rows = NDArray[np.float64]
SHARES = np.array([0.6, 0.3, 0.06, 0.04])


@pytest.mark.parametrize(
    ("share", "count", "one_fewer"),
    [(0.1, 1, None), (0.6, 1, None), (0.61, 2, 0.6), (0.9, 2, 0.6), (0.95, 3, 0.9), (1.0, 4, 0.96)],
)
def test_the_fewest_that_reach_the_share(share: float, count: int, one_fewer: float | None) -> None:
    choice = fewest(SHARES, share)
    assert choice.count == count
    assert choice.explained == pytest.approx(SHARES[:count].sum())
    assert choice.one_fewer == pytest.approx(one_fewer)


def test_everything_is_explained_by_no_more_components_than_vary() -> None:
    assert fewest(np.array([0.7, 0.3, 0.0, 0.0]), 1.0).count == 2
    assert fewest(np.full(10, 0.1), 1.0).count == 10, "whatever rounding their sum ends with"


@pytest.mark.parametrize("subtract_mean", [True, False])
@pytest.mark.parametrize("scaled", [False, True])
def test_the_share_told_before_training_is_the_artifacts(
    make_moments: Callable[[Rows], Moments], scaled: bool, subtract_mean: bool
) -> None:
    rows = ecg_signal(20, np.random.default_rng(3))
    moments = make_moments(rows)
    if scaled:
        moments = replace(moments, scale=rows.std(axis=0), center=rows.mean(axis=0), scaling="standardize")
    choice = choose_components(moments, 0.97, subtract_mean)

    trained_on = (rows - rows.mean(axis=0)) / rows.std(axis=0) if scaled else rows
    centre = trained_on.mean(axis=0) if subtract_mean else 0
    values = np.linalg.svd((trained_on - centre).astype(np.float32), compute_uv=False)[: choice.count][::-1]
    artifact = PcaModel(np.zeros(4), values.astype(float), np.eye(4)[:, : choice.count]).as_stored()
    share = artifact.explained_variance_ratio(float(np.sum((trained_on - centre) ** 2))).sum()
    assert choice.explained == pytest.approx(share, abs=1e-4)
    assert share >= 0.97 - 1e-4


def test_where_nothing_varies_nothing_is_chosen(make_moments: Callable[[Rows], Moments]) -> None:
    with pytest.raises(InputError, match=r"=0\.9 chooses no number of components: no column varies\."):
        choose_components(make_moments(np.ones((5, 3))), 0.9, True)


def test_without_a_scatter_matrix_nothing_is_chosen(make_moments: Callable[[Rows], Moments]) -> None:
    wide = replace(make_moments(np.eye(3)), scatter=None)
    with pytest.raises(InputError, match="of so many columns no spectrum is kept"):
        choose_components(wide, 0.9, True)
