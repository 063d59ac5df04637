"""The table of a pipeline's runs: changes from run to run, and what a spreadsheet makes of it."""

import csv
import io
from datetime import UTC, datetime

import pytest

from sagemaker_pca.pages.pipeline_page import CSV_COLUMNS, _csv, _with_changes
from sagemaker_pca.pages.runs import PipelineRunRow
from sagemaker_pca.report.document import JobUse, Verdict
from sagemaker_pca.report.summary import RunSummary

MOMENT = datetime(2026, 11, 22, tzinfo=UTC)


def row(*explained: float, **values: object) -> PipelineRunRow:
    summary = RunSummary(
        verdict=Verdict.PROMOTED, started_at=MOMENT, finished_at=MOMENT, explained_variance=explained
    ).model_copy(update=values)
    return PipelineRunRow("a-run", "success", "schedule", MOMENT, MOMENT, summary)


WITHOUT_SUMMARY = PipelineRunRow("=1+1", "running", "@SUM(A1)", MOMENT, None, None)


def test_a_change_is_in_points_from_the_newest_run_before_that_has_a_model() -> None:
    found = [row(0.9), WITHOUT_SUMMARY, row(0.5, 0.39996), row(), row(0.5, 0.4), row(0.25, 0.25)]
    assert [change for _, change in _with_changes(found)] == ["same", "", "same", "", "+40.00", ""]
    assert [change for _, change in _with_changes([row(0.5), row(0.9)])] == ["-40.00", ""]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(text: str) -> None:
    (line,) = csv.DictReader(io.StringIO(_csv([row(reason=text, report_uri="s3://bucket/a,b")]), newline=""))
    assert line["reason"] == f"'{text}"
    assert line["report_uri"] == "s3://bucket/a,b"


def test_a_run_without_a_summary_is_a_line_of_what_airflow_knows() -> None:
    (line,) = csv.DictReader(io.StringIO(_csv([WITHOUT_SUMMARY])))
    known = {name: value for name, value in line.items() if value not in ("", "0")}
    assert tuple(line) == CSV_COLUMNS
    assert known == {
        "run_id": "'=1+1",
        "state": "running",
        "started_by": "'@SUM(A1)",
        "started_at": "2026-11-22T00:00:00+00:00",
    }


def test_the_document_of_a_run_adds_up_its_jobs() -> None:
    jobs = (
        JobUse(kind="processing job", name="a", seconds=60, billable_seconds=50, instance_count=2, cost=0.5),
        JobUse(kind="training job", name="b", seconds=30, billable_seconds=25, cost=0.25),
        JobUse(kind="training job", name="c", note="It could not be described."),
    )
    document = row(0.5, 0.25, jobs=jobs).as_document()
    assert (document["job_seconds"], document["billable_seconds"], document["cost"]) == (90, 125, 0.75)
    assert (document["explained_variance_total"], document["seconds"]) == (0.75, 0)
