"""The report document: what it keeps, what it refuses to read."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.report import Column, Projector, Run, RunReport, Setting, Step, Verdict


@pytest.mark.parametrize("outcome", ["promoted", "refused", "rolled_back", "failed_early"])
def test_a_report_read_back_is_the_report_that_was_written(outcome: str, request: pytest.FixtureRequest) -> None:
    report: RunReport = request.getfixturevalue(outcome)

    assert RunReport.from_json(report.to_json()) == report


def test_what_json_cannot_hold_is_null() -> None:
    column = Column(name="a", mean=math.nan, std=np.float64(np.inf), minimum=-math.inf, maximum=1.5)
    vector = Projector.model_validate({"mean": np.array([1.0, np.nan]), "components": np.array([[np.inf], [2.0]])})

    assert json.loads(column.model_dump_json())["mean"] is None
    assert column == Column(name="a", maximum=1.5)
    assert vector == Projector(mean=(1.0, None), components=((None,), (2.0,)))


def test_numpy_numbers_are_stored_as_plain_ones() -> None:
    projector = Projector.model_validate({"mean": np.zeros(2, dtype=np.float32), "components": np.eye(2)})

    assert type(projector.mean[0]) is float
    assert projector.components == ((1.0, 0.0), (0.0, 1.0))
    assert Step(task_id="a", duration_seconds=np.float64(2)).duration_seconds == 2


def test_a_setting_may_be_a_tuple() -> None:
    setting = Setting.model_validate({"name": "feature_columns", "value": ("a", "b"), "origin": "param"})

    assert setting.value == ["a", "b"]


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_schema_version_is_refused_by_name(failed_early: RunReport, version: Any) -> None:
    document = json.loads(failed_early.to_json()) | {"schema_version": version}

    with pytest.raises(InputError, match=rf"schema_version={version!r} is not the 1 that this code reads"):
        RunReport.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "<html>"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        RunReport.from_json(text)


def test_a_damaged_report_names_what_is_wrong(failed_early: RunReport) -> None:
    document = json.loads(failed_early.to_json())
    del document["run"]["verdict"]

    with pytest.raises(InputError, match="verdict"):
        RunReport.from_json(json.dumps(document))


def test_an_unknown_section_is_an_error(failed_early: RunReport) -> None:
    with pytest.raises(ValidationError, match="surprise"):
        RunReport(run=failed_early.run, steps=(), settings=(), surprise=1)  # type: ignore[call-arg]


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Run(dag_id="d", run_id="r", run_name="n", started_at=datetime(2026, 1, 1), verdict=Verdict.FAILED)


def test_run_steps_and_settings_are_enough() -> None:
    run = Run(
        dag_id="d", run_id="r", run_name="n", started_at=datetime(2026, 1, 1, tzinfo=UTC), verdict=Verdict.SKIPPED
    )

    assert RunReport(run=run, steps=(), settings=()).schema_version == 1
