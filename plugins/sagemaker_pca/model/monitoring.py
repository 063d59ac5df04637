"""Which rows are strange, and which column makes them so: Hotelling's T² and Q of rows under a trained model. Pure.

Everything is in the units that the model was trained in: raw ones, or scaled ones where features were standardized.
Jackson, "A User's Guide to Principal Components" (1991), chapters 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.artifact import FloatArray, PcaModel

# A component whose singular value is float32's rounding of the largest one varies by nothing that can be told.
SMALLEST_SINGULAR_SHARE = float(np.finfo(np.float32).eps)


class Scores(NamedTuple):
    """Rows under a model: projections (n, k) in the artifact's order, PC1 last, and both statistics, (n,) each."""

    projections: FloatArray
    t_squared: FloatArray
    q: FloatArray


class Contributions(NamedTuple):
    """Each column's part (n, d) in both statistics of each row; parts of Q are not negative, those of T² may be."""

    t_squared: FloatArray
    q: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class MonitoredModel:
    """A model with what its rows' statistics need; `scale` (d,) is 1 where features were not standardized.

    :param mean: (d,), raw units
    :param components: (d, k) in the units of training, PC1 last as in the artifact
    :param variances: (k,) of the components over the rows of training, s² / (n - 1)
    """

    mean: FloatArray
    scale: FloatArray
    components: FloatArray
    variances: FloatArray

    @classmethod
    def of(cls, served: PcaModel, row_count: int, scale: FloatArray | None) -> Self:
        """The monitored model of a served artifact, in which the scaling is folded in.

        :param row_count: how many rows it was trained on; nothing varies in a single one
        :param scale: (d,) what standardizing divided by; None where features were not standardized
        """
        divisor = np.ones(len(served.mean)) if scale is None else np.asarray(scale, dtype=np.float64)
        return cls(
            mean=served.mean,
            scale=divisor,
            components=served.components * divisor[:, np.newaxis],
            variances=served.singular_values**2 / max(row_count - 1, 1),
        )

    @property
    def precisions(self) -> FloatArray:
        """(k,) 1 / variance of each component; 0, so that it counts for nothing, where that is float32's rounding."""
        varies = self.variances > SMALLEST_SINGULAR_SHARE**2 * self.variances.max(initial=0.0)
        return np.divide(1.0, self.variances, out=np.zeros_like(self.variances), where=varies)

    @property
    def rank(self) -> int:
        """How many components vary."""
        return int(np.count_nonzero(self.precisions))

    def score(self, rows: FloatArray) -> Scores:
        """Projections and statistics of rows (n, d) in raw units."""
        centred = self._centred(rows)
        projections = centred @ self.components
        residuals = centred - projections @ self.components.T
        return Scores(projections, projections**2 @ self.precisions, np.einsum("ij,ij->i", residuals, residuals))

    def contributions(self, rows: FloatArray) -> Contributions:
        """What each column adds to the statistics of rows (n, d) in raw units: over columns they sum to them."""
        centred = self._centred(rows)
        projections = centred @ self.components
        residuals = centred - projections @ self.components.T
        return Contributions(centred * ((projections * self.precisions) @ self.components.T), residuals**2)

    def reconstruct(self, rows: FloatArray) -> FloatArray:
        """What the components keep of rows (n, d), both in raw units."""
        reconstruction: FloatArray = (self._centred(rows) @ self.components @ self.components.T) * self.scale
        return reconstruction + self.mean

    def _centred(self, rows: FloatArray) -> FloatArray:
        rows = np.asarray(rows, np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise InputError(
                f"rows have shape {rows.shape}, expected (n, {len(self.mean)}). Give every feature column."
            )
        centred: FloatArray = (rows - self.mean) / self.scale
        return centred
