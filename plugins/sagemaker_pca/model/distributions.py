"""Quantiles of the distributions that limits come from, without SciPy, which is larger than all else of the package."""

from __future__ import annotations

import math

# The continued fraction converges in some square root of the larger parameter: enough for 10⁹ rows.
MOST_STEPS = 200_000
SMALLEST = 1e-300
STIRLING_FROM = 1_000.0
PRECISION = 1e-15


def f_quantile(level: float, numerator: float, denominator: float) -> float:
    """What a number of the F distribution with these degrees of freedom stays below with a probability of `level`.

    F = (d₂/d₁) · B/(1 - B) for B of the beta distribution with d₁/2 and d₂/2.
    """

    def share_below(value: float) -> float:
        whole = numerator * value + denominator
        return incomplete_beta(numerator * value / whole, denominator / whole, numerator / 2, denominator / 2)

    low, high = 0.0, 1.0
    while share_below(high) < level:
        low, high = high, high * 2
    # Bisection: it cannot fail, and 100 halvings leave no digit open.
    for _ in range(100):
        middle = (low + high) / 2
        if share_below(middle) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularized incomplete beta function of x, with 1 - x given apart, for it may be tiny.

    The continued fraction 8.17.22 of the NIST Digital Library of Mathematical Functions, which converges fast below the
    distribution's mean; above it the function of 1 - x is taken.
    """
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(rest, x, b, a)
    # Whichever is near 1 is taken from the other: of its own digits a large power leaves nothing.
    log_x, log_rest = (math.log(x), math.log1p(-x)) if x < 0.5 else (math.log1p(-rest), math.log(rest))
    small, large = sorted((a, b))
    front = math.exp(_log_gamma_growth(large, small) - math.lgamma(small) + a * log_x + b * log_rest)
    return front * _fraction(x, a, b) / a


def _log_gamma_growth(z: float, step: float) -> float:
    """Ln Γ(z + step) - ln Γ(z), of large z by Stirling's series, term by term: their difference has lost its digits."""
    if z < STIRLING_FROM:
        return math.lgamma(z + step) - math.lgamma(z)
    end = z + step
    correction = (1 / end - 1 / z) / 12 - (1 / end**3 - 1 / z**3) / 360
    return (z - 0.5) * math.log1p(step / z) + step * (math.log(end) - 1) + correction


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction from the front, by Lentz (1976) with Thompson and Barnett's guard against zeros."""
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MOST_STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < PRECISION:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > SMALLEST else SMALLEST
