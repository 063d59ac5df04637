"""The job's scores beside the card's."""

from __future__ import annotations

import numpy as np
import pytest

from sagemaker_pca.model.monitoring import MonitoredModel, Scores
from sagemaker_pca.steps.check_scores import differing_scores, shares
from tests.plain_models import train

ROWS = np.random.default_rng(4).normal(size=(500, 5)) @ np.random.default_rng(5).normal(size=(5, 5))


def scores_of(kept: int) -> tuple[Scores, Scores]:
    """The same scores by two orders of summing."""
    model = MonitoredModel.of(train(ROWS, kept), len(ROWS), None)
    turned = MonitoredModel(model.mean, model.scale, model.components[:, ::-1], model.variances[::-1])
    again = turned.score(ROWS)
    return model.score(ROWS), again._replace(projections=again.projections[:, ::-1])


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_rounding_is_no_difference_even_where_q_is_nothing_else(kept: int) -> None:
    assert differing_scores(*scores_of(kept)) == []


@pytest.mark.parametrize(("name", "member"), [("projections", "projections"), ("T²", "t_squared"), ("Q", "q")])
def test_a_number_that_differs_is_named(name: str, member: str) -> None:
    scores, again = scores_of(3)
    broken = getattr(again, member).copy()
    broken[7] *= 1.001
    assert differing_scores(scores, again._replace(**{member: broken})) == [name]
    broken[7] = np.nan
    assert differing_scores(again._replace(**{member: broken}), scores) == [name]


def test_another_number_of_components_differs() -> None:
    assert differing_scores(scores_of(2)[0], scores_of(3)[0]) == ["projections"]


def test_shares_are_of_all_rows() -> None:
    files = [{"name": "a", "rows": 60, "T2_95": 6, "Q_99": 0}, {"name": "b", "rows": 40, "T2_95": 4, "Q_99": 2}]
    assert shares(files, 100) == {"T2_95": 0.1, "Q_99": 0.02}
