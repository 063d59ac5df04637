"""The plain models of `tests.plain_models` as fixtures."""

from collections.abc import Callable

import pytest

from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.moments import Moments
from tests import plain_models
from tests.plain_models import Rows

Train = Callable[[Rows, int], PcaModel]
Measure = Callable[[Rows], Moments]


@pytest.fixture(scope="session")
def scatter_of() -> Callable[[Rows], Rows]:
    """Sum of (x - mean)(x - mean)ᵀ over rows (n, d)."""
    return plain_models.scatter_of


@pytest.fixture(scope="session")
def train() -> Train:
    """What the service trains on rows (n, d)."""
    return plain_models.train


@pytest.fixture(scope="session")
def make_moments() -> Measure:
    """What the processing job writes of rows (n, d)."""
    return plain_models.make_moments
