from __future__ import annotations

import numpy as np

from sagemaker_pca.steps.smoke_test import LARGEST_BODY_BYTES, csv_line, rows_of_one_call


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
