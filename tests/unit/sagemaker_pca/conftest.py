"""A model and the statistics of its training rows, computed as plainly as possible."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.moments import Moments

Rows = NDArray[np.float64]
Train = Callable[[Rows, int], PcaModel]
Measure = Callable[[Rows], Moments]


@pytest.fixture(scope="session")
def scatter_of() -> Callable[[Rows], NDArray[np.float64]]:
    """Sum of (x - mean)(x - mean)ᵀ over rows (n, d)."""
    return _scatter


@pytest.fixture(scope="session")
def train() -> Train:
    """What the service trains on rows (n, d): eigenvectors of the scatter matrix, the largest last."""

    def train(rows: Rows, components: int) -> PcaModel:
        values, vectors = np.linalg.eigh(_scatter(rows))
        return PcaModel(rows.mean(axis=0), np.sqrt(np.maximum(values[-components:], 0)), vectors[:, -components:])

    return train


@pytest.fixture(scope="session")
def make_moments() -> Measure:
    """What the processing job writes of rows (n, d) without missing values; columns are named Ch5, Ch6 and so on."""

    def make_moments(rows: Rows) -> Moments:
        scatter = _scatter(rows)
        return Moments(
            feature_columns=tuple(f"Ch{place}" for place in range(5, 5 + rows.shape[1])),
            row_count=len(rows),
            mean=rows.mean(axis=0),
            squared_deviations=np.diag(scatter),
            minimum=rows.min(axis=0),
            maximum=rows.max(axis=0),
            null_count=np.zeros(rows.shape[1], dtype=np.int64),
            scatter=scatter,
        )

    return make_moments


def _scatter(rows: Rows) -> NDArray[np.float64]:
    centred = rows - rows.mean(axis=0)
    return np.asarray(centred.T @ centred)
