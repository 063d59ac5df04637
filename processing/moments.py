"""Count, mean, range and scatter of rows, from batches and over hosts."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Document = Dict[str, Any]
MAX_SCATTER_COLUMNS = 2_000  # a scatter matrix of 2,000 columns takes 32 MB; wider data keeps variances only


class Moments:
    """Count, mean, range and scatter of rows that arrive in batches; NaN counts as absent."""

    def __init__(self, width: int, *, with_scatter: bool = False) -> None:
        self.count: Any = np.zeros(width, np.int64)
        self.mean = np.zeros(width)
        self.squared_deviations = np.zeros(width)
        self.minimum = np.full(width, np.nan)
        self.maximum = np.full(width, np.nan)
        self.scatter = np.zeros((width, width)) if with_scatter and width <= MAX_SCATTER_COLUMNS else None

    @classmethod
    def from_document(cls, document: Document) -> Moments:
        """What one host wrote; where gaps take the mean, its profile describes the values present."""
        moments = cls(len(document["mean"]))
        absent = np.array(document["null_count"]) if document["missing_values"] == "mean" else 0
        moments.count = moments.count + document["row_count"] - absent
        for name in ("mean", "squared_deviations", "minimum", "maximum"):
            setattr(moments, name, np.array(document[name], dtype=np.float64))
        return moments

    def add(self, rows: FloatArray) -> None:
        """Take in a batch of shape (d, n)."""
        if not rows.shape[1]:
            return
        batch, total = Moments(len(rows)), rows.sum(axis=1)
        batch.count, absent = np.full(len(rows), rows.shape[1]), None
        if np.isnan(total).any():
            absent = np.isnan(rows)
            batch.count -= absent.sum(axis=1)
            total = np.where(absent, 0.0, rows).sum(axis=1)
        batch.minimum, batch.maximum = np.fmin.reduce(rows, axis=1), np.fmax.reduce(rows, axis=1)
        batch.mean = total / np.maximum(batch.count, 1)
        centred = rows - batch.mean[:, np.newaxis]
        if absent is not None:
            centred[absent] = 0.0
        if self.scatter is not None:
            batch.scatter = centred @ centred.T
        batch.squared_deviations = np.einsum("ij,ij->i", centred, centred)
        self.merge(batch)

    def merge(self, other: Moments) -> None:
        """Chan, Golub, LeVeque 1979: the deviations within both sets, and those between their means."""
        total = self.count + other.count
        share = other.count / np.maximum(total, 1)
        delta, weight = other.mean - self.mean, self.count * share
        self.squared_deviations = self.squared_deviations + other.squared_deviations + delta**2 * weight
        if self.scatter is not None and other.scatter is not None:
            self.scatter += other.scatter + np.outer(delta * weight, delta)
        self.mean = self.mean + delta * share
        self.minimum, self.maximum = np.fmin(self.minimum, other.minimum), np.fmax(self.maximum, other.maximum)
        self.count = total
