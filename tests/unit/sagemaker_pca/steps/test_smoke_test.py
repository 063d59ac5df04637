from __future__ import annotations

import numpy as np
import pytest

from sagemaker_pca.exceptions import SmokeTestError
from sagemaker_pca.hooks.endpoint_client import csv_line
from sagemaker_pca.steps.smoke_test import LARGEST_BODY_BYTES, check_agreement, rows_of_one_call


def test_few_rows_go_in_one_call() -> None:
    rows = np.arange(8.0).reshape(2, 4)
    assert rows_of_one_call(rows).tolist() == rows.tolist()


def test_wide_rows_are_as_many_as_one_call_may_carry() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 10_000))
    many = rows_of_one_call(rows)
    assert sum(map(len, map(csv_line, many))) <= LARGEST_BODY_BYTES
    assert sum(map(len, map(csv_line, rows[: len(many) + 1]))) > LARGEST_BODY_BYTES


def test_a_line_keeps_every_digit() -> None:
    assert csv_line(np.array([0.1, 1 / 3])) == "0.1,0.3333333333333333\n"


def test_a_component_that_differs_is_named_by_its_rank() -> None:
    answer, expected = np.array([[1.0, 2.0, 3.5]]), np.array([[1.0, 2.0, 3.0]])
    with pytest.raises(SmokeTestError, match=r"row 1, PC1 is 3\.5, the artifact says 3 "):
        check_agreement("e", "one row a call", answer, expected, np.full((1, 3), 0.1))
