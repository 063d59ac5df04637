"""The samples of several hosts as one, and the model that a processing job gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from processing.scores import ScoringModel
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.sampled_rows import SampledRows, evenly
from sagemaker_pca.model.scoring_file import scoring_file
from tests.unit.sagemaker_pca.model.test_drift import Measure, Train, card_of, rows_of


def host(name: str, files: list[str], rows: int, kept: int, leading: int = 2) -> tuple[dict[str, Any], dict[str, Any]]:
    document = {
        "host": name,
        "sample_rows": kept,
        "files": [{"name": file, "rows": 1} for file in files],
        "row_count": rows,
    }
    place = evenly(rows, kept)
    arrays = {
        "rows": np.column_stack([place, place]).astype(float),
        "file_number": place * len(files) // max(rows, 1),
        "row": place + 1,
        "leading": np.zeros((leading, 2)),
        "leading_row": np.arange(1, leading + 1),
        "leading_file_number": np.int64(len(files) - 1),
    }
    return document, arrays


def together(*hosts: tuple[dict[str, Any], dict[str, Any]]) -> SampledRows:
    kept = {document["host"]: arrays for document, arrays in hosts}
    return SampledRows.of_hosts([document for document, _ in hosts], kept.__getitem__)


def test_each_host_counts_as_much_as_it_has_rows() -> None:
    sample = together(host("algo-2", ["c.csv"], 100, 100), host("algo-1", ["a.csv", "b.csv"], 900, 100))
    assert sample.files == ("a.csv", "b.csv", "c.csv")
    assert np.bincount(sample.file).tolist() == [45, 45, 10]
    assert (np.diff(sample.file) >= 0).all()
    assert sample.leading_file == "b.csv"


def test_of_few_rows_all_are_taken_and_a_host_without_files_has_none() -> None:
    sample = together(host("algo-1", ["a.csv"], 30, 30), host("algo-2", [], 0, 0, leading=0))
    assert sample.row.tolist() == list(range(1, 31))
    assert sample.scores is None


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(InputError, match="it kept no sample rows"):
        together(host("algo-1", ["a.csv"], 5, 0))


def test_the_job_scores_rows_as_the_card_does(train: Train, make_moments: Measure, tmp_path: Path) -> None:
    rows = rows_of(2_000)
    card = card_of(rows, train, make_moments, scaled=True)
    path = tmp_path / "model.npz"
    path.write_bytes(scoring_file(card))
    model = ScoringModel.read(path, 6)
    scores, expected = model.score(rows.T), card.monitored.score(rows)
    np.testing.assert_allclose(scores[:-2].T, expected.projections, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scores[-2], expected.t_squared, rtol=1e-9)
    np.testing.assert_allclose(scores[-1], expected.q, rtol=1e-9)
    assert card.model.limits is not None
    assert model.t_squared_limits.tolist() == list(card.model.limits.current.t_squared.model_dump().values())
    np.testing.assert_allclose(model.fill, rows.mean(axis=0))
    assert scoring_file(card) == path.read_bytes(), "the same card, the same name in S3"


def test_of_a_card_without_limits_the_job_gets_none(train: Train, make_moments: Measure, tmp_path: Path) -> None:
    card = card_of(rows_of(500), train, make_moments)
    old = card.model_copy(update={"model": card.model.model_copy(update={"limits": None})})
    (tmp_path / "model.npz").write_bytes(scoring_file(old))
    assert np.isnan(ScoringModel.read(tmp_path / "model.npz", 6).q_limits).all()
