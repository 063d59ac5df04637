"""A model and the statistics of its training rows, computed as plainly as possible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.moments import Moments

Rows = NDArray[np.float64]


def scatter_of(rows: Rows) -> Rows:
    """Sum of (x - mean)(x - mean)ᵀ over rows (n, d)."""
    centred = rows - rows.mean(axis=0)
    return np.asarray(centred.T @ centred)


def train(rows: Rows, components: int) -> PcaModel:
    """What the service trains on rows (n, d): eigenvectors of the scatter matrix, the largest last."""
    values, vectors = np.linalg.eigh(scatter_of(rows))
    return PcaModel(rows.mean(axis=0), np.sqrt(np.maximum(values[-components:], 0)), vectors[:, -components:])


def make_moments(rows: Rows) -> Moments:
    """What the processing job writes of rows (n, d) without missing values; columns are named Ch5, Ch6 and so on."""
    scatter = scatter_of(rows)
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
