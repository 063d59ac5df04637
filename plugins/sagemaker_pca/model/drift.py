"""How far new data has moved from what the model in service was trained on. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sagemaker_pca.model.artifact import FloatArray
from sagemaker_pca.model.limits import left_out_eigenvalues
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.model.monitoring import MonitoredModel
from sagemaker_pca.model.sections import Number, Section

if TYPE_CHECKING:
    from sagemaker_pca.model.card import ModelCard


class ColumnDrift(Section):
    """One column of the new data beside the served model's training data.

    :param mean_shift: difference of the means, in standard deviations of the served model's training data
    :param deviation_ratio: standard deviation of the new data over that of the served model's training data
    :param null_fraction: share of missing values in the new data
    :param served_null_fraction: likewise in the served model's training data
    """

    name: str
    mean_shift: Number = None
    deviation_ratio: Number = None
    null_fraction: Number = None
    served_null_fraction: Number = None


class Drift(Section):
    """The new data under the model in service.

    :param mean_t_squared: over all rows of the new data, by the closed form
    :param served_mean_t_squared: likewise of the data that the served model was trained on
    :param sample_rows: how many sampled rows the shares are of
    :param share_beyond_95: share of sampled rows whose T² or Q exceeds the served model's 95 % limit in force
    :param share_beyond_99: likewise its 99% limit
    """

    mean_t_squared: Number = None
    served_mean_t_squared: Number = None
    mean_q: Number = None
    served_mean_q: Number = None
    sample_rows: int = 0
    share_beyond_95: Number = None
    share_beyond_99: Number = None
    columns: tuple[ColumnDrift, ...] = ()

    @property
    def most_shifted_column(self) -> ColumnDrift | None:
        """The column whose mean moved most, in its own deviations; the first of equals."""
        known = [column for column in self.columns if column.mean_shift is not None]
        return max(known, key=lambda column: abs(column.mean_shift or 0.0), default=None)


def drift_of(served: ModelCard, moments: Moments, sample: FloatArray) -> Drift:
    """New data under the model in service, from its moments alone but for the shares of a sample.

    :param served: the card of that model, of the same columns in the same order
    :param moments: of the new data
    :param sample: (n, d) of its rows, raw units, gaps filled
    """
    monitored, eigenvalues = served.monitored, served.model.eigenvalues
    means, of_training = mean_statistics(monitored, moments), (served.data.row_count - 1) / served.data.row_count
    served_mean_q = None
    if eigenvalues is not None:
        served_mean_q = left_out_eigenvalues(eigenvalues, monitored.components.shape[1]).sum() * of_training
    shares: dict[str, float] = {}
    if served.model.limits is not None and len(sample):
        limits, scores = served.model.limits.current, monitored.score(sample)
        exceeded = np.maximum(limits.t_squared.exceeded(scores.t_squared), limits.q.exceeded(scores.q))
        shares = {f"share_beyond_{level}": float(np.mean(exceeded >= level)) for level in (95, 99)}
    return Drift(
        mean_t_squared=None if means is None else means[0],
        served_mean_t_squared=monitored.rank * of_training,
        mean_q=None if means is None else means[1],
        served_mean_q=served_mean_q,
        sample_rows=len(sample),
        columns=tuple(_columns(served, moments)),
        **shares,
    )


def mean_statistics(model: MonitoredModel, moments: Moments) -> tuple[float, float] | None:
    """Means of T² and Q over all rows of some data under a model, without a look at the rows; None for wide data.

    With S, the mean of (x - m)(x - m)ᵀ about the model's own mean m: tr(Λ⁻¹ VᵀSV), and tr(RSRᵀ) for R = 1 - VVᵀ, which
    takes a row to what its reconstruction leaves of it.
    """
    if moments.scatter is None:
        return None
    offset = moments.mean - model.mean
    about_mean = moments.scatter / moments.row_count + np.outer(offset, offset)
    spread = about_mean / np.outer(model.scale, model.scale)
    t_squared = float(np.sum(model.components * (spread @ model.components), axis=0) @ model.precisions)
    residual = np.eye(len(model.mean)) - model.components @ model.components.T
    return t_squared, float(np.sum((residual @ spread) * residual))


def _columns(served: ModelCard, moments: Moments) -> Iterator[ColumnDrift]:
    measured = zip(served.data.columns, moments.mean, moments.standard_deviations, moments.null_fraction, strict=True)
    for before, mean, deviation, null_fraction in measured:
        # Of a column that was constant, any change is infinitely many of its deviations: Q tells of that.
        varied = bool(before.std) and before.mean is not None and before.minimum != before.maximum
        yield ColumnDrift(
            name=before.name,
            mean_shift=(mean - before.mean) / before.std if varied else None,
            deviation_ratio=deviation / before.std if varied else None,
            null_fraction=null_fraction,
            served_null_fraction=before.null_fraction,
        )
