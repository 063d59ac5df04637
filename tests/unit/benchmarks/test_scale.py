from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scale import comparisons, feature_differences, model_differences

ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)
MODEL = {
    "mean": np.array([1.0, 2.0]),
    "singular_values": np.array([0.5, 3.0]),
    "components": np.array([[0.6, 0.8], [-0.8, 0.6]]),
}
TAKEN = {
    hosts: {
        "most_rows": 12 / hosts,
        "processing_seconds": 1.0,
        "processing_processor_seconds": 1.0 + hosts,
        "training_seconds": 1.0,
        "training_processor_seconds": 1.0,
    }
    for hosts in (1, 2)
}


def test_features_of_a_file_are_held_against_each_other_row_by_row() -> None:
    other = ROWS.copy()
    assert feature_differences({"a.csv": other}, {"a.csv": ROWS}) == 0
    other[1, 0] += 1e-3
    assert feature_differences({"a.csv": other}, {"a.csv": ROWS}) == 1
    assert feature_differences({"a.csv": ROWS[::-1]}, {"a.csv": ROWS}) == 2, "the row in the middle is where it was"


@pytest.mark.parametrize("ours", [{}, {"a.csv": ROWS[:2]}, {"a.csv": ROWS, "b.csv": ROWS}])
def test_a_file_of_which_rows_are_missing_or_that_nobody_had_differs_whole(ours: dict[str, np.ndarray]) -> None:
    assert feature_differences(ours, {"a.csv": ROWS}) == 3


def test_numbers_of_the_model_are_no_features() -> None:
    assert feature_differences({"a.csv": ROWS, **MODEL}, {"a.csv": ROWS}) == 0


def test_a_component_may_point_either_way_and_nowhere_else() -> None:
    turned = MODEL | {"components": MODEL["components"] * [1, -1]}
    assert model_differences(turned, MODEL) == 0
    assert model_differences(MODEL | {"components": MODEL["components"][:, ::-1]}, MODEL) > 0
    assert model_differences(MODEL | {"singular_values": np.array([0.5, 3.1])}, MODEL) == 1


def test_a_host_with_more_than_its_share_and_a_feature_that_differs_miss_their_limits() -> None:
    made = {hosts: {"a.csv": ROWS + (hosts - 1), **MODEL} for hosts in (1, 2)}
    rows = comparisons(2, TAKEN | {2: TAKEN[2] | {"most_rows": 7}}, made)
    assert [row.name for row in rows if row.is_met is False] == [
        "2 hosts: rows of the host that has the most",
        "2 hosts: rows of features that differ",
    ]
    even = comparisons(2, TAKEN, dict.fromkeys((1, 2), made[1]))
    assert {row.is_met for row in even} == {True, None}
