"""T², Q, their limits and contributions, beside an independent computation row by row."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import linalg, stats  # type: ignore[import-untyped]

from quickstart.sample_ecg import ecg_signal
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.limits import freeze_limits
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.model.monitoring import MonitoredModel

Rows = NDArray[np.float64]
Measure = Callable[[Rows], Moments]
REAL_ECG = Path(__file__).parents[5] / "shared" / "data" / "ptb_s0010_re.csv.gz"
# The others are sums of these.
LEADS = ("i", "ii", "v1", "v2", "v3", "v4", "v5", "v6")


def real_ecg() -> Rows:
    if not REAL_ECG.is_file():
        pytest.skip("the real recording is not beside the project")
    with gzip.open(REAL_ECG, "rt") as text:
        header = next(text).strip().split(",")
        places = [header.index(lead) for lead in LEADS]
        return np.loadtxt(text, delimiter=",", max_rows=20_000, usecols=places)


def sample_ecg() -> Rows:
    return ecg_signal(20, np.random.default_rng(3))


def two_hundred_columns() -> Rows:
    random = np.random.default_rng(11)
    return np.asarray(random.normal(size=(3_000, 200)) @ random.normal(size=(200, 200)) + 5)


def scales_apart() -> Rows:
    random = np.random.default_rng(12)
    return np.asarray(random.normal(size=(2_000, 6)) @ random.normal(size=(6, 6)) * np.logspace(-3, 3, 6))


DATA = pytest.mark.parametrize(
    ("make_rows", "kept"),
    [(real_ecg, 3), (sample_ecg, 2), (two_hundred_columns, 20), (scales_apart, 3), (sample_ecg, 4)],
    ids=["real ECG", "sample ECG", "200 columns", "scales 1e6 apart", "all components"],
)
SCALED = pytest.mark.parametrize("is_scaled", [False, True], ids=["raw", "standardized"])


class Trained:
    """A model of rows as its artifact has it, and the same numbers by plain linear algebra."""

    def __init__(self, rows: Rows, kept: int, *, is_scaled: bool = False) -> None:
        self.rows, self.count = rows, len(rows)
        self.scale = rows.std(axis=0) if is_scaled else np.ones(rows.shape[1])
        z = (rows - rows.mean(axis=0)) / self.scale
        _, values, basis = linalg.svd(z, full_matrices=False)
        stored = PcaModel(np.zeros(rows.shape[1]), values[:kept][::-1], basis[:kept][::-1].T).as_stored()
        self.served = stored.with_scaling_folded_in(rows.mean(axis=0), self.scale)
        self.eigenvalues = values**2 / (self.count - 1)
        self.monitored = MonitoredModel.of(self.served, self.count, self.scale if is_scaled else None)

    def statistics(self, rows: Rows) -> tuple[Rows, Rows, Rows, Rows]:
        """T² and Q by inverse and projector of the components, and each column's part in them."""
        components = self.served.components * self.scale[:, np.newaxis]
        z = (rows - self.served.mean) / self.scale
        inverse = components @ linalg.inv(np.diag(self.served.singular_values**2 / (self.count - 1))) @ components.T
        residual = z @ (np.eye(len(self.scale)) - components @ components.T)
        return (
            np.array([row @ inverse @ row for row in z]),
            np.array([linalg.norm(row) ** 2 for row in residual]),
            z * (z @ inverse),
            residual**2,
        )


@SCALED
@DATA
def test_statistics_and_contributions_equal_an_independent_computation(
    make_rows: Callable[[], Rows], kept: int, is_scaled: bool
) -> None:
    trained = Trained(make_rows(), kept, is_scaled=is_scaled)
    rows = trained.rows[:200]
    t_squared, q, of_t_squared, of_q = trained.statistics(rows)
    scores, parts = trained.monitored.score(rows), trained.monitored.contributions(rows)
    np.testing.assert_allclose(scores.t_squared, t_squared, rtol=1e-6)
    # Where every component is kept, what is left of a row is rounding of a computation, whichever it is.
    np.testing.assert_allclose(scores.q, q, rtol=1e-6, atol=1e-10 * np.sum(trained.eigenvalues))
    np.testing.assert_allclose(parts.t_squared, of_t_squared, rtol=1e-6, atol=1e-9 * t_squared.max())
    np.testing.assert_allclose(parts.q, of_q, rtol=1e-6, atol=1e-10 * np.sum(trained.eigenvalues))
    np.testing.assert_allclose(parts.t_squared.sum(axis=1), scores.t_squared, rtol=1e-9)
    np.testing.assert_allclose(parts.q.sum(axis=1), scores.q, rtol=1e-9)
    np.testing.assert_allclose(scores.projections, trained.served.project(rows), rtol=1e-9, atol=1e-12)


@DATA
def test_limits_equal_an_independent_computation(make_rows: Callable[[], Rows], kept: int) -> None:
    trained = Trained(make_rows(), kept)
    n = trained.count
    limits = freeze_limits(trained.monitored, n, trained.eigenvalues, trained.rows, "empirical")
    t_squared, q, _, _ = trained.statistics(trained.rows)
    assert limits.empirical is not None
    for place, level in (("at_95", 0.95), ("at_99", 0.99)):
        by_f = kept * (n**2 - 1) / (n * (n - kept)) * stats.f.ppf(level, kept, n - kept)
        assert getattr(limits.theoretical.t_squared, place) == pytest.approx(by_f, rel=1e-6)
        assert getattr(limits.empirical.t_squared, place) == pytest.approx(np.quantile(t_squared, level), rel=1e-6)
        left_out = trained.eigenvalues[kept:]
        if not len(left_out):
            assert getattr(limits.theoretical.q, place) is getattr(limits.empirical.q, place) is None
            continue
        one, two, three = (np.sum(left_out**power) for power in (1, 2, 3))
        h = 1 - 2 * one * three / (3 * two**2)
        z = stats.norm.ppf(level)
        by_moments = one * (z * np.sqrt(2 * two * h**2) / one + 1 + two * h * (h - 1) / one**2) ** (1 / h)
        assert getattr(limits.theoretical.q, place) == pytest.approx(by_moments, rel=1e-6)
        assert getattr(limits.empirical.q, place) == pytest.approx(np.quantile(q, level), rel=1e-6)


@pytest.mark.parametrize("kind", ["theoretical", "empirical"])
def test_five_and_one_percent_of_fresh_normal_rows_lie_beyond_the_limits(kind: Any) -> None:
    random = np.random.default_rng(2024)
    factor = random.normal(size=(12, 12)) * np.linspace(0.2, 3, 12)
    trained = Trained(random.normal(size=(50_000, 12)) @ factor, 4)
    sample = trained.rows[random.choice(50_000, 10_000, replace=False)]
    limits = freeze_limits(trained.monitored, trained.count, trained.eigenvalues, sample, kind)
    assert limits.in_force == kind
    fresh = trained.monitored.score(random.normal(size=(100_000, 12)) @ factor)
    for statistic, pair in ((fresh.t_squared, limits.current.t_squared), (fresh.q, limits.current.q)):
        exceeded = pair.exceeded(statistic)
        assert np.mean(exceeded >= 95) == pytest.approx(0.05, abs=0.005)
        assert np.mean(exceeded == 99) == pytest.approx(0.01, abs=0.0025)


@pytest.mark.parametrize("column", [1, 4, 7], ids=["ii", "v3", "v6"])
@pytest.mark.parametrize("fault", ["inverted", "stuck", "scaled"])
def test_a_planted_fault_is_flagged_and_the_contributions_name_its_column(fault: str, column: int) -> None:
    trained = Trained(real_ecg(), 3)
    limits = freeze_limits(trained.monitored, trained.count, trained.eigenvalues, trained.rows, "empirical").current
    centre, deviation = trained.rows.mean(axis=0)[column], trained.rows.std(axis=0)[column]
    broken = trained.rows[:5_000].copy()
    if fault == "inverted":
        broken[:, column] = 2 * centre - broken[:, column]
    elif fault == "stuck":
        broken[:, column] = centre + 4 * deviation
    else:
        broken[:, column] = centre + 5 * (broken[:, column] - centre)

    scores, parts = trained.monitored.score(broken), trained.monitored.contributions(broken)
    ratios = np.column_stack([scores.t_squared / (limits.t_squared.at_99 or 1), scores.q / (limits.q.at_99 or 1)])
    beyond = ratios.max(axis=1) > 1
    assert beyond.mean() > 0.05, "of the rows as trained at most 2 in 100"
    worst = np.argsort(-ratios.max(axis=1))[:20]
    named = [np.argmax(np.abs((parts.q if ratios[row, 1] > ratios[row, 0] else parts.t_squared)[row])) for row in worst]
    assert np.mean(np.array(named) == column) >= 0.9


def test_too_few_sampled_rows_leave_the_theoretical_limits_in_force() -> None:
    trained = Trained(scales_apart()[:150], 2)
    limits = freeze_limits(trained.monitored, 150, trained.eigenvalues, trained.rows, "empirical")
    assert limits.in_force == "theoretical"
    assert limits.why == "150 sampled rows are too few for a quantile at 99%, which takes 1,000."
    assert limits.empirical is not None, "kept all the same"


@pytest.mark.parametrize("eigenvalues", ["unknown", "known"])
def test_without_a_limit_of_q_nothing_is_beyond_it_and_the_reason_is_said(eigenvalues: str) -> None:
    trained = Trained(sample_ecg(), 4)
    known = trained.eigenvalues if eigenvalues == "known" else None
    limits = freeze_limits(trained.monitored, trained.count, known, trained.rows, "theoretical")
    assert limits.theoretical.q.at_99 is None
    assert (
        "every component that varies is kept" if known is not None else "the whole spectrum is needed"
    ) in limits.why
    assert not limits.current.q.exceeded(np.array([1e300])).any()


def test_a_spectrum_that_the_formula_is_not_for_has_no_theoretical_limit_of_q_and_the_reason_is_said() -> None:
    """Of one eigenvalue a hundred times above two hundred others the formula makes twice the true quantile."""
    model = PcaModel(np.zeros(202), np.array([1e3]), np.eye(202)[:, :1])
    eigenvalues = np.array([1e4, 10, *[0.1] * 200])
    limits = freeze_limits(MonitoredModel.of(model, 101, None), 101, eigenvalues, np.zeros((5, 202)), "theoretical")
    assert limits.current.q.at_99 is None
    assert limits.current.t_squared.at_99 is not None
    assert limits.is_judging
    assert limits.why.endswith("There is no limit of Q: its formula has none for this spectrum.")


def test_components_that_are_rounding_of_the_largest_count_for_nothing() -> None:
    rows = np.column_stack([sample_ecg(), sample_ecg()[:, :1]])
    trained = Trained(rows, 5)
    assert trained.monitored.rank == 4
    limits = freeze_limits(trained.monitored, trained.count, trained.eigenvalues, rows, "empirical")
    assert limits.theoretical.t_squared.at_99 == pytest.approx(stats.f.ppf(0.99, 4, trained.count) * 4, rel=1e-3)
    assert not limits.current.q.exceeded(trained.monitored.score(rows).q).any()


@pytest.mark.parametrize(
    "model",
    [
        PcaModel(np.zeros(2), np.zeros(1), np.array([[1.0], [0.0]])),
        PcaModel(np.zeros(2), np.array([np.nan]), np.array([[np.nan], [0.0]])),
    ],
    ids=["nothing varies", "not finite"],
)
def test_a_model_without_numbers_has_no_limits_and_flags_nothing(model: PcaModel) -> None:
    monitored, rows = MonitoredModel.of(model, 10, None), np.ones((2_000, 2))
    limits = freeze_limits(monitored, 10, None, rows, "empirical")
    assert limits.theoretical.t_squared.at_99 is None
    scores = monitored.score(rows)
    assert not limits.current.t_squared.exceeded(scores.t_squared).any()
    assert not limits.current.q.exceeded(scores.q).any()


def test_of_a_single_row_nothing_varies() -> None:
    model = PcaModel(np.zeros(2), np.array([1.0]), np.array([[1.0], [0.0]]))
    assert MonitoredModel.of(replace(model, singular_values=np.zeros(1)), 1, None).rank == 0


def test_a_reconstruction_lies_on_the_models_plane_in_raw_units() -> None:
    trained = Trained(sample_ecg(), 2, is_scaled=True)
    again = trained.monitored.reconstruct(trained.rows[:50])
    assert trained.monitored.score(again).q.max() < 1e-12
    np.testing.assert_allclose(
        trained.monitored.score(again).t_squared, trained.monitored.score(trained.rows[:50]).t_squared, rtol=1e-5
    )
