"""Limits of Hotelling's T² and of Q, frozen when a model is trained: later data never moves them. Pure."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.model.artifact import FloatArray
from sagemaker_pca.model.distributions import f_quantile
from sagemaker_pca.model.monitoring import MonitoredModel, Scores
from sagemaker_pca.model.sections import Number, Section

LimitKind = Literal["empirical", "theoretical"]

LEVELS = (0.95, 0.99)
# Beyond the 99% quantile of as many lie ten.
FEWEST_SAMPLED_ROWS = 1_000
# A model in float32 leaves of each row some 1e-7 off its plane, which Q squares.
NOISE_SHARE = 1e-13


class LimitPair(Section):
    """What 5 and 1 % of ordinary rows exceed; None where no such limit is defined, which no row exceeds."""

    at_95: Number = None
    at_99: Number = None

    def exceeded(self, statistic: FloatArray) -> NDArray[np.int64]:
        """(n,) the highest level whose limit each number exceeds, in percent: 0, 95 or 99."""
        beyond_95, beyond_99 = (
            np.zeros(len(statistic), bool) if limit is None else statistic > limit for limit in (self.at_95, self.at_99)
        )
        return np.where(beyond_99, 99, np.where(beyond_95, 95, 0))


class StatisticLimits(Section):
    """The limits of both statistics, in the units that the model was trained in."""

    t_squared: LimitPair
    q: LimitPair


class Limits(Section):
    """Both kinds of limits, and which of them is in force.

    :param why: a sentence that says why that kind is in force
    :param sample_rows: how many rows of the training data the empirical ones are quantiles of
    """

    in_force: LimitKind
    why: str
    sample_rows: int
    theoretical: StatisticLimits
    empirical: StatisticLimits | None = None

    @property
    def is_judging(self) -> bool:
        """Whether any of the limits in force can be exceeded."""
        return self.current.t_squared.at_99 is not None or self.current.q.at_99 is not None

    @property
    def current(self) -> StatisticLimits:
        """The limits that rows are held against."""
        return self.empirical if self.in_force == "empirical" and self.empirical else self.theoretical


def freeze_limits(
    monitored: MonitoredModel,
    row_count: int,
    eigenvalues: FloatArray | None,
    sample: FloatArray,
    wanted: LimitKind,
) -> Limits:
    """The limits of a model, both kinds, from what it was trained on.

    :param row_count: how many rows that were
    :param eigenvalues: variances of all components there are, the largest first; None where they are not known
    :param sample: (n, d) of those rows, raw units
    :param wanted: the kind to be in force, if the sample is large enough for it
    """
    left_out = None if eigenvalues is None else left_out_eigenvalues(eigenvalues, monitored.components.shape[1])
    theoretical = theoretical_limits(row_count, monitored.rank, left_out)
    off_plane = left_out is None or bool(left_out.any())
    empirical = empirical_limits(monitored.score(sample), off_plane=off_plane) if len(sample) else None
    in_force, why = wanted, "monitoring_limits says so."
    if wanted == "empirical" and len(sample) < FEWEST_SAMPLED_ROWS:
        in_force = "theoretical"
        why = f"{len(sample):,} sampled rows are too few for a quantile at 99%, which takes {FEWEST_SAMPLED_ROWS:,}."
    if in_force == "theoretical" and theoretical.q.at_99 is None:
        why += f" There is no limit of Q: {_why_no_q_limit(left_out)}."
    return Limits(in_force=in_force, why=why, sample_rows=len(sample), theoretical=theoretical, empirical=empirical)


def _why_no_q_limit(left_out: FloatArray | None) -> str:
    if left_out is None:
        return "the whole spectrum is needed for it"
    return "its formula has none for this spectrum" if left_out.any() else "every component that varies is kept"


def left_out_eigenvalues(eigenvalues: FloatArray, kept: int) -> FloatArray:
    """Variances of the components that were not kept; 0 where all of them are rounding of the data or of the model."""
    left_out = eigenvalues[kept:]
    return left_out if left_out.sum() > NOISE_SHARE * eigenvalues.sum() else np.zeros_like(left_out)


def theoretical_limits(row_count: int, rank: int, left_out: FloatArray | None) -> StatisticLimits:
    """What independent rows of a normal distribution that training has not seen exceed in 5 and 1 % of cases.

    T²: k (n² - 1) / (n (n - k)) · F(k, n - k), for mean and variances are estimated, too (Tracy, Young and Mason 1992).
    Q: see `q_limit`.

    :param rank: how many components vary
    :param left_out: variances of those that were not kept; None where they are not known
    """
    t_squared: list[float | None] = [None, None]
    if 0 < rank < row_count:
        factor = rank * (row_count**2 - 1) / (row_count * (row_count - rank))
        t_squared = [factor * f_quantile(level, rank, row_count - rank) for level in LEVELS]
    q = [None if left_out is None else q_limit(level, left_out) for level in LEVELS]
    return StatisticLimits(
        t_squared=LimitPair(at_95=t_squared[0], at_99=t_squared[1]), q=LimitPair(at_95=q[0], at_99=q[1])
    )


def q_limit(level: float, left_out: FloatArray) -> float | None:
    """Jackson and Mudholkar 1979, "Control procedures for residuals associated with principal component analysis".

    Q to the power of h is about normal. None where nothing varies off the model's plane, and where h is not positive:
    one eigenvalue far above very many others, of which the formula makes a limit at twice where it should be.
    """
    theta = [float(np.sum(left_out**power)) for power in (1, 2, 3)]
    if not (np.isfinite(theta).all() and theta[1] > 0):
        return None
    h = 1 - 2 * theta[0] * theta[2] / (3 * theta[1] ** 2)
    deviation = h * math.sqrt(2 * theta[1]) / theta[0]
    base = NormalDist().inv_cdf(level) * deviation + 1 + theta[1] * h * (h - 1) / theta[0] ** 2
    return theta[0] * base ** (1 / h) if h > 0 and base > 0 else None


def empirical_limits(scores: Scores, *, off_plane: bool) -> StatisticLimits:
    """What 5 and 1 % of the scored rows exceed.

    :param off_plane: whether anything varies off the model's plane: Q is rounding otherwise, and has no limit
    """
    return StatisticLimits(t_squared=_quantiles(scores.t_squared), q=_quantiles(scores.q) if off_plane else LimitPair())


def _quantiles(statistic: FloatArray) -> LimitPair:
    at_95, at_99 = np.quantile(statistic, LEVELS)
    return LimitPair(at_95=at_95, at_99=at_99)
