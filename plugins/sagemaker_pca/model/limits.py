"""Limits of Hotelling's T² and of Q, frozen when a model is trained: later data never moves them. Pure."""

from __future__ import annotations

from typing import Literal

from sagemaker_pca.model.sections import Number, Section

LimitKind = Literal["empirical", "theoretical"]


class LimitPair(Section):
    """What 5 and 1 % of ordinary rows exceed; None where no such limit is defined."""

    at_95: Number = None
    at_99: Number = None


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
    def current(self) -> StatisticLimits:
        """The limits that rows are held against."""
        return self.empirical if self.in_force == "empirical" and self.empirical else self.theoretical
