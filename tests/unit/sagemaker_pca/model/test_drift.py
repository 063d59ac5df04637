"""How far new data has moved, told from its moments: the same as from all its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.card import DataFile, ModelCard
from sagemaker_pca.model.drift import Drift, drift_of, mean_statistics
from sagemaker_pca.model.evaluation import check_drift, evaluate
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.settings.pipeline import PcaRunConfig

Rows = NDArray[np.float64]
Train = Callable[[Rows, int], PcaModel]
Measure = Callable[[Rows], Moments]
RANDOM = np.random.default_rng(5)
MIX = RANDOM.normal(size=(6, 6)) * np.array([100, 10, 1, 1, 0.1, 0.01])


def rows_of(count: int, *, shift: float = 0.0) -> Rows:
    return np.asarray(RANDOM.normal(size=(count, 6)) @ MIX + 50 + shift)


def card_of(rows: Rows, train: Train, make_moments: Measure, *, scaled: bool = False, **settings: Any) -> ModelCard:
    """The card of a model of rows, three components kept."""
    moments = make_moments(rows)
    if scaled:
        scale = rows.std(axis=0)
        moments = replace(moments, scale=scale, center=rows.mean(axis=0), scaling="standardize")
        served = train((rows - rows.mean(axis=0)) / scale, 3).with_scaling_folded_in(rows.mean(axis=0), scale)
    else:
        served = train(rows, 3)
    config = PcaRunConfig(feature_columns=moments.feature_columns, **settings)
    return ModelCard.of(
        settings=config.model_dump(mode="json"),
        trained=served,
        served=served,
        artifact_uri="s3://bucket/model.tar.gz",
        moments=moments,
        data_files=(DataFile(name="r.csv", rows=len(rows)),),
        evaluation=evaluate(served, moments, config),
    ).with_limits(config.monitoring_limits, rows)


@pytest.mark.parametrize("scaled", [False, True], ids=["raw", "standardized"])
@pytest.mark.parametrize("shift", [0.0, 30.0])
def test_means_over_new_data_are_those_over_its_rows(
    train: Train, make_moments: Measure, scaled: bool, shift: float
) -> None:
    card = card_of(rows_of(4_000), train, make_moments, scaled=scaled)
    new = rows_of(3_000, shift=shift)
    found = mean_statistics(card.monitored, make_moments(new))
    scores = card.monitored.score(new)
    assert found == pytest.approx((scores.t_squared.mean(), scores.q.mean()), rel=1e-6)


def test_the_served_means_are_those_over_its_own_training_data(train: Train, make_moments: Measure) -> None:
    rows = rows_of(4_000)
    card = card_of(rows, train, make_moments)
    drift = drift_of(card, make_moments(rows), rows)
    assert (drift.mean_t_squared, drift.mean_q) == pytest.approx(
        (drift.served_mean_t_squared, drift.served_mean_q), rel=1e-9
    )
    assert drift.share_beyond_95 is not None
    assert 0.05 <= drift.share_beyond_95 <= 0.1, "T² or Q, of which 5 % each"
    assert [column.mean_shift for column in drift.columns] == pytest.approx([0.0] * 6, abs=1e-12)
    assert [column.deviation_ratio for column in drift.columns] == pytest.approx([1.0] * 6)


def test_a_column_that_moved_is_the_most_shifted_one(train: Train, make_moments: Measure) -> None:
    rows = rows_of(4_000)
    card = card_of(rows, train, make_moments)
    new = rows.copy()
    new[:, 2] = rows[:, 2].mean() + 2 * (rows[:, 2] - rows[:, 2].mean()) + 3 * rows[:, 2].std()
    nulls = np.array([0, 0, 400, 0, 0, 0])
    drift = drift_of(card, replace(make_moments(new), null_count=nulls), new)
    moved = drift.most_shifted_column
    assert moved is not None
    assert (moved.name, moved.null_fraction, moved.served_null_fraction) == ("Ch7", 0.1, 0.0)
    assert (moved.mean_shift, moved.deviation_ratio) == pytest.approx((3.0, 2.0))
    assert (drift.share_beyond_99 or 0) > 0.3


def test_what_is_not_known_is_none(train: Train, make_moments: Measure) -> None:
    rows = rows_of(2_000)
    rows[:, 3] = 7
    card = card_of(rows, train, make_moments)
    old = card.model_copy(update={"model": card.model.model_copy(update={"limits": None, "total_variance": None})})
    drift = drift_of(old, replace(make_moments(rows), scatter=None), rows)
    unknown = (drift.mean_t_squared, drift.mean_q, drift.served_mean_q, drift.share_beyond_95, drift.share_beyond_99)
    assert unknown == (None,) * 5
    assert drift.columns[3].mean_shift is drift.columns[3].deviation_ratio is None, "it never varied"


def test_a_card_survives_its_file(train: Train, make_moments: Measure) -> None:
    card = card_of(rows_of(2_000), train, make_moments)
    again = ModelCard.read(card.model_dump_json(), "card")
    assert again == card
    assert again.model.limits is not None
    assert again.model.eigenvalues == pytest.approx(np.linalg.eigvalsh(MIX.T @ MIX)[::-1], rel=0.2)


DRIFT = Drift(share_beyond_99=0.2, sample_rows=1000, columns=({"name": "a", "mean_shift": -1.5},))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "drift", "results"),
    [
        ({}, DRIFT, []),
        ({"max_exceedance": 0.3, "max_mean_shift": 2}, DRIFT, [("exceedance", True), ("mean_shift", True)]),
        ({"max_exceedance": 0.1, "max_mean_shift": 1}, DRIFT, [("exceedance", False), ("mean_shift", False)]),
        ({"max_exceedance": 0.1, "max_mean_shift": 1}, None, [("exceedance", True), ("mean_shift", True)]),
        ({"max_mean_shift": 1}, Drift(), [("mean_shift", True)]),
    ],
    ids=["not asked for", "within", "beyond", "nothing to tell it by", "no column known"],
)
def test_drift_is_judged_where_somebody_asks_for_it(
    settings: dict[str, Any], drift: Drift | None, results: list[tuple[str, bool]]
) -> None:
    assert [(check.name, check.passed) for check in check_drift(drift, PcaRunConfig(**settings))] == results


def test_a_refusal_names_the_column_and_what_to_do() -> None:
    (check,) = check_drift(DRIFT, PcaRunConfig(max_mean_shift=1))
    assert check.message == (
        "mean_shift=1.5 of column a is above max_mean_shift=1 by 0.5. Look at the new data; if it is as it should be, "
        "raise the limit for this run."
    )
