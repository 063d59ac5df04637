"""A model as the processing job gets it: to fill gaps, to project, and to hold rows against its limits. Pure."""

from __future__ import annotations

import io

import numpy as np

from sagemaker_pca.model.artifact import FloatArray
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.model.limits import LimitPair


def scoring_file(card: ModelCard) -> bytes:
    """An .npz of what `processing.scores` reads, in float64: the same card gives the same bytes.

    `mean` and `scale` (d,), `components` (d, k) in the units of training with PC1 last, `precisions` (k,), the
    limits in force at 95 and 99%, (2,) each, NaN where there is none, and `fill` (d,), the means of the training data.
    """
    monitored, limits = card.monitored, card.model.limits
    nothing = LimitPair()
    content = io.BytesIO()
    np.savez(
        content,
        mean=monitored.mean,
        scale=monitored.scale,
        components=monitored.components,
        precisions=monitored.precisions,
        t_squared_limits=_pair(limits.current.t_squared if limits else nothing),
        q_limits=_pair(limits.current.q if limits else nothing),
        fill=np.array([column.mean for column in card.data.columns], np.float64),
    )
    return content.getvalue()


def _pair(limits: LimitPair) -> FloatArray:
    return np.array([limits.at_95, limits.at_99], dtype=np.float64)
