"""The summary of a run: what a table of runs shows."""

import json

import pytest

from sagemaker_pca.report.document import RunReport, Verdict
from sagemaker_pca.report.summary import LONGEST_REASON, RunSummary, short_reason
from sagemaker_pca.run.locations import RunFiles

FILES = RunFiles("bucket", "run-1", "ecg-leads")


def test_a_promoted_run_is_summed_up_in_numbers(promoted: RunReport) -> None:
    summary = RunSummary.of(promoted, FILES)
    assert (summary.verdict, summary.reason, summary.verified) == (Verdict.PROMOTED, "", True)
    assert (summary.rows, summary.skipped_rows) == (6000, 4)
    assert summary.null_fraction == pytest.approx(19 / 6000)
    assert summary.null_fraction_column == "Ch7"
    assert summary.explained_variance == pytest.approx((0.851, 0.134, 0.013), abs=1e-3), "PC1 comes first"
    assert summary.served_explained_variance == pytest.approx(0.998, abs=1e-3)
    assert summary.angle_degrees == pytest.approx(0.8, abs=0.5)
    assert {check.name: check.limit for check in summary.checks}["explained_variance"] == 0.5
    assert all(check.passed for check in summary.checks)
    assert (summary.jobs, summary.endpoint_name) == (promoted.jobs, "ecg-leads")
    assert summary.report_json_uri == "s3://bucket/runs/run-1/report/report.json"


def test_a_refused_run_names_the_first_limit_it_missed(refused: RunReport) -> None:
    summary = RunSummary.of(refused, FILES)
    assert (summary.verdict, summary.verified) == (Verdict.REFUSED, False)
    assert [check.name for check in summary.checks if not check.passed] == ["explained_variance"]
    assert (summary.null_fraction, summary.null_fraction_column) == (0, None)


def test_a_run_that_failed_early_leaves_out_what_nobody_measured(failed_early: RunReport) -> None:
    summary = RunSummary.of(failed_early, FILES)
    assert "line 4711, column Ch7: 'n/a' is not a number." in summary.reason
    assert "\n" not in summary.reason
    assert (summary.rows, summary.explained_variance, summary.checks, summary.artifact_uri) == (None, (), (), None)


@pytest.mark.parametrize("outcome", ["promoted", "refused", "rolled_back", "failed_early"])
def test_a_summary_survives_xcom_and_is_small(outcome: str, request: pytest.FixtureRequest) -> None:
    summary = RunSummary.of(request.getfixturevalue(outcome), FILES)
    text = json.dumps(summary.model_dump(mode="json"))
    assert RunSummary.read(text, "the summary") == summary
    assert len(text) < 4000


def test_a_reason_is_its_first_sentence_and_no_longer_than_a_table_has_room_for() -> None:
    assert short_reason("rows=3 is below min_rows=100.5 by 97.5. Add raw files.") == (
        "rows=3 is below min_rows=100.5 by 97.5."
    )
    assert short_reason("\nbucket=X is wrong\nrole=Y is wrong") == "bucket=X is wrong"
    assert short_reason("x" * 999) == "x" * (LONGEST_REASON - 1) + "…"
