"""How many components explain a share of the variance, told before training is paid for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.comparison import spectrum_in_training_units
from sagemaker_pca.model.moments import Moments

# Sums of shares end as many ulps off 1 as there are components.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class ComponentChoice:
    """The fewest components that explain what was asked for; one fewer explains less, None where there is but one."""

    count: int
    explained: float
    one_fewer: float | None


def choose_components(moments: Moments, share: float, subtract_mean: bool) -> ComponentChoice:
    """The fewest components that explain a share of the variance of all rows.

    :param share: above 0, up to 1
    :param subtract_mean: whether training centres the features
    Raises:
        InputError: when nothing varies, or the data is too wide to know its spectrum.
    """
    # Standardized features are centred already.
    is_centred = subtract_mean or moments.scale is not None
    shares = spectrum_in_training_units(moments, moments.mean if is_centred else np.zeros_like(moments.mean))
    if shares is None:
        reason = "no column varies" if moments.scatter is not None else "of so many columns no spectrum is kept"
        raise InputError(
            f"explained_variance={share:g} chooses no number of components: {reason}.",
            hint="Set num_components instead, or look at the data.",
        )
    return fewest(shares, share)


def fewest(shares: np.ndarray[tuple[int], np.dtype[np.float64]], share: float) -> ComponentChoice:
    """The choice on a spectrum: (d,) shares of one, the largest first."""
    sums = np.cumsum(shares)
    count = int(np.searchsorted(sums, min(share, float(sums[-1])) - ROUNDING)) + 1
    return ComponentChoice(count, float(sums[count - 1]), float(sums[count - 2]) if count > 1 else None)
