from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from sagemaker_pca.exceptions import SmokeTestError
from sagemaker_pca.hooks.endpoint_client import LARGEST_BODY_BYTES, bodies, csv_line
from sagemaker_pca.steps.smoke_test import check_agreement


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
