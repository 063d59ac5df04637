"""The report document: what it keeps, what it refuses to read."""

import json
import math

import numpy as np
import pytest

from sagemaker_pca.model.card import AffineMap, Column
from sagemaker_pca.report.document import RunReport, Setting, Step


@pytest.mark.parametrize("outcome", ["promoted", "refused", "rolled_back", "failed_early"])
def test_a_report_read_back_is_the_report_that_was_written(outcome: str, request: pytest.FixtureRequest) -> None:
    report: RunReport = request.getfixturevalue(outcome)

    assert RunReport.read(report.to_json(), "report.json") == report


def test_what_json_cannot_hold_is_null() -> None:
    column = Column(name="a", mean=math.nan, std=np.float64(np.inf), minimum=-math.inf, maximum=1.5)
    vector = AffineMap.model_validate({"mean": np.array([1.0, np.nan]), "components": np.array([[np.inf], [2.0]])})

    assert json.loads(column.model_dump_json())["mean"] is None
    assert column == Column(name="a", maximum=1.5)
    assert vector == AffineMap(mean=(1.0, None), components=((None,), (2.0,)))


def test_numpy_numbers_are_stored_as_plain_ones() -> None:
    projector = AffineMap.model_validate({"mean": np.zeros(2, dtype=np.float32), "components": np.eye(2)})

    assert type(projector.mean[0]) is float
    assert projector.components == ((1.0, 0.0), (0.0, 1.0))
    assert Step(task_id="a", duration_seconds=np.float64(2)).duration_seconds == 2


def test_a_setting_may_be_a_tuple() -> None:
    setting = Setting.model_validate({"name": "feature_columns", "value": ("a", "b"), "origin": "run"})

    assert setting.value == ["a", "b"]


def test_what_a_later_minor_version_added_is_ignored(failed_early: RunReport) -> None:
    document = json.loads(failed_early.to_json()) | {"added_since": {"share": 0.1}}
    document["failed_step"]["failure"]["code"] = 7
    document["steps"][0]["pool"] = "default"

    assert RunReport.read(json.dumps(document), "report.json") == failed_early
