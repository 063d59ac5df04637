"""Quantiles without SciPy equal SciPy's."""

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from sagemaker_pca.model.distributions import f_quantile

LEVELS = [0.5, 0.95, 0.99, 0.999]


@pytest.mark.parametrize("rest", [1, 2, 5, 30, 147, 1_000, 100_000, 1_500_000])
@pytest.mark.parametrize("components", [1, 2, 3, 10, 50, 1_999])
def test_quantiles_of_f_equal_scipys(components: int, rest: int) -> None:
    found = [f_quantile(level, components, rest) for level in LEVELS]
    np.testing.assert_allclose(found, stats.f.ppf(LEVELS, components, rest), rtol=1e-9)


@pytest.mark.parametrize("rest", [50_000_000, 1_000_000_000])
@pytest.mark.parametrize("components", [1, 3, 200])
def test_of_very_many_rows_too(components: int, rest: int) -> None:
    found = [f_quantile(level, components, rest) for level in LEVELS]
    np.testing.assert_allclose(found, stats.f.ppf(LEVELS, components, rest), rtol=2e-8)
