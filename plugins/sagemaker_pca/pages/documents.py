"""What the pages read from S3, without waiting long and without failing: a page says what it could not read."""

from __future__ import annotations

from typing import NamedTuple

from sagemaker_pca.exceptions import Failure
from sagemaker_pca.hooks.clients import PAGE_PATIENCE
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.report.document import RunReport
from sagemaker_pca.report.summary import RunSummary
from sagemaker_pca.variables import AWS_CONN_ID


class ReadReport(NamedTuple):
    """A run's report, or why there is none to show."""

    report: RunReport | None = None
    problem: str = ""


def page_hook() -> SageMakerPcaHook:
    """The hook of the pipelines' connection, for somebody who waits for a page."""
    return SageMakerPcaHook(aws_conn_id=AWS_CONN_ID, config=PAGE_PATIENCE)


def read_report(summary: RunSummary | None) -> ReadReport:
    """The report whose address a run left; one call to S3."""
    if summary is None or not summary.report_json_uri:
        return ReadReport()
    try:
        text = page_hook().read_bytes(summary.report_json_uri)
        return ReadReport(RunReport.read(text, summary.report_json_uri))
    except Exception as error:
        return ReadReport(problem=f"Its report cannot be read: {Failure.of(error)}")
