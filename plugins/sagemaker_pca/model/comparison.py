"""How the new model compares with the one now in service, both on the new data and in the new model's units.

Serving folds scaling into the components, which are then neither of length one nor at right angles in raw units;
multiplied by the scale again they are directions of the space that training saw, where shares of variance add up.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.moments import Moments

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The new and the serving model, both measured on the new data in the units the new model was trained in.

    Where the two cannot be compared there are no numbers, and the note says why.
    The angle is reported and not judged: between near-equal eigenvalues it jumps without any harm.
    """

    explained_variance: float | None
    served_explained_variance: float | None
    explained_variance_drop: float | None
    largest_principal_angle_degrees: float | None
    note: str


def compare(model: PcaModel, served: PcaModel, moments: Moments) -> Comparison:
    """Measure both models, given in raw units, on the data that the moments describe."""
    trained, served = in_training_units(model, moments.scale), in_training_units(served, moments.scale)
    total = total_in_training_units(model, moments)
    if not (np.isfinite(trained.components).all() and np.isfinite(served.components).all()):
        return Comparison(None, None, None, None, "One of the two models holds numbers that are not finite.")
    if moments.scatter is not None:
        scatter = _scatter_in_training_units(moments.scatter, moments.scale)
        new, old = captured_variance(trained.components, scatter), captured_variance(served.components, scatter)
        note = "Both models are measured on the new data."
    else:
        new = _ratio(float(np.sum(trained.singular_values**2)), total)
        old = captured_variance_bound(served.components, trained, total)
        note = (
            f"{len(moments.feature_columns)} columns are too many to keep a scatter matrix: the serving model's share "
            "is the most it can be, derived from the new model's components."
        )
    return Comparison(
        explained_variance=finite_or_none(new),
        served_explained_variance=finite_or_none(old),
        explained_variance_drop=finite_or_none(old - new),
        largest_principal_angle_degrees=finite_or_none(trained.largest_principal_angle(served)),
        note=note,
    )


def impossible_comparison(gone: str) -> Comparison:
    """What is left to say where somebody deleted what is in service.

    :param gone: what, by kind and name
    """
    return Comparison(None, None, None, None, f"No comparison possible: {gone} is gone.")


def captured_variance(components: FloatArray, scatter: FloatArray) -> float:
    """Share of the variance behind a scatter matrix S that lies in the span of the components C: tr(WᵀSW) / tr(S).

    W is an orthonormal basis of span(C), so that columns of any length and angle count once. NaN without variance.

    :param components: (d, k), in the same units as the scatter.
    :param scatter: (d, d), sum of (x - mean)(x - mean)ᵀ.
    """
    basis = _orthonormal_basis(components)
    return _ratio(float(np.sum(basis * (scatter @ basis))), float(np.trace(scatter)))


def captured_variance_bound(components: FloatArray, trained: PcaModel, total: float) -> float:
    """The most that `captured_variance` can be, known from the new model alone, where no scatter matrix was kept.

    The trained model says S = V diag(s²) Vᵀ + R, with R orthogonal to V, no eigenvalue of R above min(s²), and
    tr(R) = total - sum(s²). Hence tr(WᵀSW) ≤ sum_i s_i² |Wᵀv_i|² + min(tr(R), min(s²) · |W - VVᵀW|²). For no more
    components than the new model has, this never exceeds the new model's own share.
    """
    basis = _orthonormal_basis(components)
    variances = np.asarray(trained.singular_values, dtype=np.float64) ** 2
    overlap = np.sum((np.asarray(trained.components).T @ basis) ** 2, axis=1)
    outside = max(basis.shape[1] - float(overlap.sum()), 0.0)
    unexplained = max(total - float(variances.sum()), 0.0)
    known = float(variances @ overlap)
    return _ratio(known + min(unexplained, float(variances.min()) * outside), total)


def in_training_units(model: PcaModel, scale: FloatArray | None) -> PcaModel:
    """A served model with directions of the standardized space again: serving folded 1/scale into its components."""
    if scale is None:
        return model
    return replace(model, mean=model.mean / scale, components=model.components * scale[:, np.newaxis])


def total_in_training_units(model: PcaModel, moments: Moments) -> float:
    """Squared deviations about the model's own mean, so that singular values of uncentred data find their total too."""
    about_model_mean = moments.squared_deviations + moments.row_count * (moments.mean - model.mean) ** 2
    return float(np.sum(about_model_mean if moments.scale is None else about_model_mean / moments.scale**2))


def spectrum_in_training_units(moments: Moments, mean: FloatArray) -> FloatArray | None:
    """(d,) share of the variance of every component there is, kept or not, the largest first.

    None for wide data, and where no number is to be had.

    :param mean: (d,) what the model subtracts, about which it measures, as `total_in_training_units` does
    """
    if moments.scatter is None:
        return None
    offset = moments.mean - mean
    about_mean = moments.scatter + moments.row_count * np.outer(offset, offset)
    scatter = _scatter_in_training_units(about_mean, moments.scale)
    if not (np.isfinite(scatter).all() and np.trace(scatter) > 0):
        return None
    # Rounding alone makes an eigenvalue of a scatter matrix negative.
    shares: FloatArray = np.maximum(np.linalg.eigvalsh(scatter)[::-1], 0.0) / np.trace(scatter)
    return shares


def _scatter_in_training_units(scatter: FloatArray, scale: FloatArray | None) -> FloatArray:
    return scatter if scale is None else scatter / np.outer(scale, scale)


def _orthonormal_basis(components: FloatArray) -> FloatArray:
    """(d, rank) basis of the span; directions that rounding alone produced are left out."""
    left, lengths, _ = np.linalg.svd(np.asarray(components, dtype=np.float64), full_matrices=False)
    threshold = lengths.max(initial=0.0) * max(components.shape) * np.finfo(np.float64).eps
    basis: FloatArray = left[:, lengths > threshold]
    return basis


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def finite_or_none(value: float) -> float | None:
    """The number, or None for what a report cannot hold and a check has to refuse."""
    return float(value) if np.isfinite(value) else None
