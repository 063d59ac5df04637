"""What pages make of text that somebody else wrote."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sagemaker_pca.exceptions import Failure
from sagemaker_pca.pages.rendering import html_page
from sagemaker_pca.pages.runs import PipelineRunRow
from sagemaker_pca.report.document import Verdict
from sagemaker_pca.report.summary import RunSummary

HOSTILE = "\"'><script>alert(1)</script>"
MOMENT = datetime(2026, 11, 22, tzinfo=UTC)
SUMMARY = RunSummary(verdict=Verdict.FAILED, reason=HOSTILE, started_at=MOMENT, finished_at=MOMENT)
RUN = PipelineRunRow(HOSTILE, "failed", HOSTILE, MOMENT, MOMENT, SUMMARY)
FAILURE = Failure(reason=HOSTILE, hint=HOSTILE, link="javascript:alert(1)", log_tail=(HOSTILE,))
COMMON = {"dag_id": HOSTILE, "is_pipeline": True}


@pytest.mark.parametrize(
    ("template", "context"),
    [
        ("pipeline.html", {"rows": [(RUN, HOSTILE)], "more": True, "next_limit": 1, "trends": [], "most_runs": 1}),
        (
            "run_without_report.html",
            {
                "run": RUN,
                "summary": SUMMARY,
                "problem": HOSTILE,
                "tasks": [(HOSTILE, HOSTILE)],
                "failures": [(HOSTILE, FAILURE), (HOSTILE, FAILURE.model_copy(update={"reason": "another"}))],
            },
        ),
        ("comparison.html", {"problem": HOSTILE, "chosen": [RUN], "compared": None}),
        ("message.html", {"title": HOSTILE, "hint": HOSTILE, "detail": HOSTILE}),
    ],
)
def test_names_and_reasons_from_elsewhere_stay_text(template: str, context: dict[str, Any]) -> None:
    page = bytes(html_page(template, COMMON | context).body).decode()
    assert "<script" not in page
    assert 'href="javascript' not in page
    assert "&lt;script&gt;alert(1)" in page.replace("<wbr>", "")


def test_of_a_failed_run_the_cause_is_told_once() -> None:
    verdict = Failure(reason=f"AirflowFailException: failed: {FAILURE.reason} Report: s3://bucket/report.html")
    context = {"run": RUN, "summary": None, "problem": "", "tasks": [("preflight", "failed"), ("late", "skipped")]}
    failures = [("preflight", FAILURE), ("publish_report", verdict)]
    page = bytes(html_page("run_without_report.html", COMMON | context | {"failures": failures}).body).decode()
    assert "AirflowFailException" not in page
    assert "1 task did not run." in page
