"""What a report shows of single rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.model.limits import Limits
from sagemaker_pca.model.sampled_rows import SampledRows
from sagemaker_pca.report.document import ProjectionSample
from sagemaker_pca.report.row_sample import is_recording, projection_sample
from tests.plain_models import Rows, make_moments, train
from tests.unit.sagemaker_pca.model.test_drift import card_of

RANDOM = np.random.default_rng(8)


def sampled(rows: Rows, *, files: int = 1, leading: Rows | None = None) -> SampledRows:
    """All rows as a sample of several files of equal size."""
    leading = np.empty((0, rows.shape[1])) if leading is None else leading
    per_file = len(rows) // files
    places = np.arange(len(rows))
    return SampledRows(
        rows=rows,
        file=places // per_file,
        row=places % per_file + 1,
        files=tuple(f"raw/{name}.csv" for name in "abcdefgh"[:files]),
        leading=leading,
        leading_row=np.arange(1, len(leading) + 1),
        leading_file="raw/a.csv",
    )


def test_rows_of_all_files_are_shown_with_their_place_and_the_largest_component_first(
    card: ModelCard, ecg: Rows
) -> None:
    sample = projection_sample(card, sampled(ecg, files=4))
    assert len(sample.projections) == len(sample.t_squared) == len(sample.q) == len(sample.row_numbers)
    assert 490 <= len(sample.projections) <= 500
    assert sample.files == ("raw/a.csv", "raw/b.csv", "raw/c.csv", "raw/d.csv")
    assert (np.bincount(sample.file_numbers) > 100).all()
    spreads = np.array(sample.projections, float).std(axis=0)
    assert (np.diff(spreads) < 0).all()
    assert ProjectionSample.read(sample.model_dump_json(), "sample") == sample


def test_a_broken_row_is_named_with_the_column_that_breaks_it(card: ModelCard, ecg: Rows) -> None:
    rows = ecg.copy()
    rows[2_777, 3] += 40 * ecg[:, 3].std()
    sample = projection_sample(card, sampled(rows, files=2))
    worst = sample.outlying_rows[0]
    assert (worst.file, worst.row) == ("raw/a.csv", 2_778)
    assert worst.contributions[0].name == "Ch8"
    whole = worst.t_squared if worst.statistic == "T²" else worst.q
    assert sum(share.value or 0 for share in worst.contributions) == pytest.approx(whole)
    assert len(sample.outlying_rows) == 10, "one in a hundred of the training rows lies beyond, too"
    assert 2_778 in sample.row_numbers, "what stands out is drawn"


def test_without_limits_nothing_stands_out(card: ModelCard, ecg: Rows) -> None:
    old = card.model_copy(update={"model": card.model.model_copy(update={"limits": None})})
    assert projection_sample(old, sampled(ecg)).outlying_rows == ()


def test_a_single_row_is_shown(card: ModelCard, ecg: Rows) -> None:
    assert projection_sample(card, sampled(ecg[:1])).row_numbers == (1,)


def test_of_ten_thousand_columns_a_few_are_named() -> None:
    rows = RANDOM.normal(size=(40, 10_000))
    moments = replace(make_moments(rows[:, :4]), feature_columns=tuple(f"c{place}" for place in range(10_000)))
    model = train(rows[:, :4], 2)
    wide = replace(model, mean=rows.mean(axis=0), components=np.linalg.qr(RANDOM.normal(size=(10_000, 2)))[0])
    card = card_of(rows[:, :4], train, make_moments)
    columns = [{"name": name} for name in moments.feature_columns]
    document: dict[str, Any] = card.model_dump()
    document["data"]["columns"] = columns
    document["model"]["served"] = {"mean": wide.mean, "components": wide.components}
    document["model"]["singular_values"] = model.singular_values
    nothing = {"at_95": 0.0, "at_99": 1e-9}
    limits = {"t_squared": nothing, "q": nothing}
    document["model"]["limits"] = Limits.model_validate(
        {"in_force": "theoretical", "why": "x", "sample_rows": 40, "theoretical": limits}
    )
    sample = projection_sample(ModelCard.model_validate(document), sampled(rows))
    assert all(len(row.contributions) == 8 for row in sample.outlying_rows)


def test_a_recording_is_shown_beside_its_reconstruction(card: ModelCard, ecg: Rows) -> None:
    signals = projection_sample(card, sampled(ecg, leading=ecg[:300])).signals
    assert signals is not None
    assert (signals.file, signals.first_row, len(signals.columns)) == ("raw/a.csv", 1, 4)
    np.testing.assert_allclose(np.array(signals.original, float), ecg[:300].T)
    np.testing.assert_allclose(np.array(signals.reconstruction, float), card.monitored.reconstruct(ecg[:300]).T)


def test_rows_in_no_order_are_no_recording(card: ModelCard, ecg: Rows) -> None:
    shuffled = RANDOM.permutation(ecg[:300])
    assert projection_sample(card, sampled(ecg, leading=shuffled)).signals is None
    assert projection_sample(card, sampled(ecg, leading=ecg[:20])).signals is None, "too few to tell"
    assert not is_recording(np.ones((60, 2)))
