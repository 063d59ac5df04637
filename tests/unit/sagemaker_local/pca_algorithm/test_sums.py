import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.accumulation import accumulate
from sagemaker_local.pca_algorithm.sums import Components, NotFiniteError, ScatterSums, SketchSums

Rows = NDArray[np.float64]


def fit(rows: Rows, k: int, blocks: int = 3, lanes: int = 2, subtract_mean: bool = True) -> Components:
    parts = np.array_split(rows, blocks)
    return accumulate(parts, lambda _: ScatterSums(rows.shape[1], subtract_mean), lanes).components(k)


def correlated(n: int, d: int, seed: int = 5) -> Rows:
    """Rows whose singular values fall over four decades, their directions mixed by a reflection."""
    rng = np.random.default_rng(seed)
    rows: Rows = rng.normal(size=(n, d)) * np.geomspace(1, 1e-4, d)
    mirror = rng.normal(size=d)
    mirror /= np.linalg.norm(mirror)
    return rows - 2 * np.outer(rows @ mirror, mirror)


def mean_of(found: Components) -> Rows:
    assert found.mean is not None
    return found.mean


@pytest.mark.parametrize(
    ("n", "d", "offset"),
    [
        (300, 4, 0.0),
        (300, 4, 1e6),
        (2000, 34, 1e6),
        (1500, 256, 0.0),
        (50, 80, 1e6),
        (700, 600, 0.0),
        (2200, 2000, 1e6),
    ],
)
def test_singular_values_are_those_of_double_precision(n: int, d: int, offset: float) -> None:
    spread = correlated(n, d)
    # Rounding to steps that survive the offset makes both cases hold the same rows, exactly.
    rows = np.round(spread * 2**20) / 2**20 + offset
    exact = rows - offset

    found = fit(rows, d)

    centred = exact - exact.mean(axis=0)
    expected = np.sqrt(np.maximum(np.linalg.eigvalsh(centred.T @ centred), 0))
    significant = expected >= 1e-3 * expected.max()
    np.testing.assert_allclose(found.singular_values[significant], expected[significant], rtol=1e-5)
    assert np.isfinite(found.singular_values).all()
    assert (found.singular_values >= 0).all()
    assert (np.diff(found.singular_values) >= 0).all()


def test_tall_data_far_from_zero_keep_their_digits() -> None:
    rows = np.random.default_rng(1).normal(loc=1e6, size=(200_000, 3)) * [1, 1, 0.01]

    found = fit(rows, 3, blocks=40)

    expected = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)[::-1]
    np.testing.assert_allclose(found.singular_values, expected, rtol=1e-9)
    np.testing.assert_allclose(mean_of(found), rows.mean(axis=0, dtype=np.longdouble), rtol=1e-14)


def test_components_are_eigh_of_the_lower_triangle_untouched() -> None:
    rows = correlated(500, 6)
    centred = rows - rows.mean(axis=0)

    found = fit(rows, 4)

    expected = np.linalg.eigh(centred.T @ centred, UPLO="L").eigenvectors[:, -4:]
    np.testing.assert_allclose(found.vectors, expected, atol=1e-6)


def test_constant_columns_have_singular_value_zero() -> None:
    rows = np.column_stack([np.arange(50.0), np.full(50, 1e9), np.full(50, -3.0)])

    np.testing.assert_array_equal(fit(rows, 3).singular_values[:2], [0, 0])


def test_without_subtracting_the_mean_the_raw_rows_are_decomposed() -> None:
    rows = correlated(100, 4) + 5

    found = fit(rows, 4, subtract_mean=False)

    assert found.mean is None
    np.testing.assert_allclose(found.singular_values, np.linalg.svd(rows, compute_uv=False)[::-1], rtol=1e-7)


@pytest.mark.parametrize("lanes", [1, 2, 5])
@pytest.mark.parametrize("blocks", [1, 2, 7, 100])
def test_neither_blocks_nor_lanes_change_the_result(lanes: int, blocks: int) -> None:
    rows = correlated(100, 4) + 1e4

    found, reference = fit(rows, 4, blocks, lanes), fit(rows, 4, 1, 1)

    np.testing.assert_allclose(found.singular_values, reference.singular_values, rtol=1e-7)
    np.testing.assert_allclose(mean_of(found), mean_of(reference), rtol=1e-14)


def test_the_same_blocks_give_the_same_bits_every_time() -> None:
    rows = correlated(5000, 8)

    first, second = fit(rows, 8, blocks=50), fit(rows, 8, blocks=50)

    np.testing.assert_array_equal(first.vectors, second.vectors)


def test_hosts_without_rows_change_nothing() -> None:
    rows = correlated(40, 3)
    sums, idle = ScatterSums(3, True), ScatterSums(3, True)
    sums.add(rows)
    sums.flush()

    sums.merge_state(idle.state())
    idle.merge_state(sums.state())

    np.testing.assert_allclose(idle.components(3).singular_values, sums.components(3).singular_values)
    np.testing.assert_array_equal(idle.mean, sums.mean)


@pytest.mark.parametrize(("value", "has_nan"), [(np.nan, True), (np.inf, False), (-np.inf, False), (1e200, False)])
@pytest.mark.parametrize("row", [0, 30, 59])
def test_values_that_are_not_finite_are_found_wherever_they_are(value: float, has_nan: bool, row: int) -> None:
    rows = correlated(60, 3)
    rows[row, 1] = value

    with pytest.raises(NotFiniteError) as found:
        fit(rows, 2)

    assert found.value.has_nan is has_nan


def test_infinities_of_both_signs_are_not_taken_for_missing_values() -> None:
    rows = correlated(60, 3)
    rows[5, 1], rows[6, 1] = np.inf, -np.inf

    with pytest.raises(NotFiniteError) as found:
        fit(rows, 2, blocks=1)

    assert found.value.has_nan is False


def sketched(rows: Rows, k: int, subtract_mean: bool = True, lanes: int = 2) -> Components:
    def new_sums(lane: int) -> SketchSums:
        return SketchSums(rows.shape[1], subtract_mean, k + max(10, k), seed=(0, lane))

    return accumulate(np.array_split(rows, 4), new_sums, lanes).components(k)


def low_rank(n: int, d: int, rank: int) -> Rows:
    rng = np.random.default_rng(2)
    return rng.normal(size=(n, rank)) * np.arange(rank, 0, -1) @ rng.normal(size=(rank, d)) + 1e3


@pytest.mark.parametrize("lanes", [1, 3])
def test_randomized_mode_finds_the_subspace_that_the_data_lie_in(lanes: int) -> None:
    rows = low_rank(4000, 60, rank=5)

    found = sketched(rows, 5, lanes=lanes)

    centred = rows - rows.mean(axis=0)
    assert found.vectors.shape == (60, 5)
    residual = centred - centred @ found.vectors @ found.vectors.T
    assert np.linalg.norm(residual) < 1e-7 * np.linalg.norm(centred)
    np.testing.assert_allclose(mean_of(found), rows.mean(axis=0))


def test_randomized_singular_values_ascend_and_are_of_the_size_of_the_exact_ones() -> None:
    rows = low_rank(4000, 60, rank=30)

    found = sketched(rows, 30)

    exact = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)[:30][::-1]
    assert (np.diff(found.singular_values) >= 0).all()
    assert np.linalg.norm(found.singular_values) == pytest.approx(np.linalg.norm(exact), rel=0.3)


def test_randomized_mode_can_keep_every_component() -> None:
    assert sketched(low_rank(100, 4, rank=4), 4, subtract_mean=False).vectors.shape == (4, 4)
