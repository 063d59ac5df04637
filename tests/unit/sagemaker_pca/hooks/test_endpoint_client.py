from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_pca.exceptions import SmokeTestError
from sagemaker_pca.hooks.endpoint_client import LARGEST_BODY_BYTES, bodies, check_agreement, csv_line
from sagemaker_pca.model.artifact import PcaModel


def test_few_rows_go_in_one_call() -> None:
    assert list(bodies(["1,2\n", "3,4\n"], 2)) == [["1,2\n", "3,4\n"]]
    assert list(bodies([], 2)) == []


def test_many_rows_go_in_calls_as_large_as_may_be() -> None:
    lines = [f"{'1' * length}\n" for length in range(90_000, 100_000, 70)]
    calls = list(bodies(lines, 3))
    assert [line for call in calls for line in call] == lines
    assert all(sum(map(len, call)) <= LARGEST_BODY_BYTES for call in calls)
    assert all(sum(map(len, call)) + len(after[0]) > LARGEST_BODY_BYTES for call, after in pairwise(calls))


@pytest.mark.parametrize("components", [1, 3, 10_000])
def test_the_answer_of_a_call_is_no_larger_than_may_be(components: int) -> None:
    numbers = [-1.2345678901234567e-300] * components
    answer = len(json.dumps({"projection": numbers})) + len(", ")
    calls = list(bodies(["1\n"] * 300_000, components))
    assert sum(map(len, calls)) == 300_000
    assert max(map(len, calls)) * answer <= LARGEST_BODY_BYTES


def test_a_line_keeps_every_digit() -> None:
    assert csv_line(np.array([0.1, 1 / 3])) == "0.1,0.3333333333333333\n"


def test_a_component_that_differs_is_named_by_its_rank() -> None:
    answer, expected = np.array([[1.0, 2.0, 3.5]]), np.array([[1.0, 2.0, 3.0]])
    with pytest.raises(SmokeTestError, match=r"row 1, PC1 is 3\.5, the artifact says 3 "):
        check_agreement("e", "one row a call", answer, expected, np.full((1, 3), 0.1))


@given(st.sampled_from(["mean", "components"]), st.integers(0, 4), st.integers(0, 1), st.sampled_from([0.0, 1e4]))
def test_rows_about_the_mean_tell_a_model_from_one_that_differs_in_a_single_number(
    part: str, feature: int, component: int, offset: float
) -> None:
    basis, _ = np.linalg.qr(np.arange(10.0).reshape(5, 2) ** 2 + 1)
    model = PcaModel(mean=np.arange(5.0) + offset, singular_values=np.array([3.0, 90.0]), components=basis)
    other = PcaModel(model.mean.copy(), model.singular_values, model.components.copy())
    if part == "mean":
        other.mean[feature] += 0.05 * (1 + offset)  # within what float32 tells apart
    else:
        other.components[feature, component] += 0.05
    rows = model.rows_about_mean(10)
    expected, tolerance = model.project(rows), model.float32_tolerance(rows)
    as_served = (rows.astype(np.float32) - model.mean.astype(np.float32)) @ model.components.astype(np.float32)
    check_agreement("e", "one row a call", as_served.astype(float), expected, tolerance)
    with pytest.raises(SmokeTestError, match="Another model is in service"):
        check_agreement("e", "one row a call", other.project(rows), expected, tolerance)


def test_columns_of_which_the_components_say_nothing_vary_too() -> None:
    model = PcaModel(mean=np.zeros(3), singular_values=np.array([2.0]), components=np.array([[1.0], [0.0], [0.0]]))
    assert (model.rows_about_mean(5).std(axis=0) > 0.1).all()
    np.testing.assert_array_equal(model.rows_about_mean(5), model.rows_about_mean(5))
