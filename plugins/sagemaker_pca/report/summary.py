"""What a table of runs says of one of them: small enough for XCom, whole without S3. Pure."""

from __future__ import annotations

import re
from typing import Self

from pydantic import AwareDatetime

from sagemaker_pca.documents import VersionedDocument
from sagemaker_pca.model.drift import Drift
from sagemaker_pca.model.sections import Number, Section
from sagemaker_pca.report.document import JobUse, RunReport, Verdict
from sagemaker_pca.report.wording import explained_variance
from sagemaker_pca.run.locations import RunFiles

LONGEST_REASON = 200


class CheckResult(Section):
    """A check of the quality gate without its sentence; value is None where it could not be measured."""

    name: str
    value: Number
    limit: float
    passed: bool


class RunSummary(VersionedDocument):
    """A run as one row: what it does not know is None or empty, of a run without a plan all but how and when it ended.

    Shares are of one. null_fraction is the largest of any column, and names it where it is above 0;
    explained_variance has PC1 first; served_explained_variance is that of the model before, on this run's data.
    share_beyond_limits is that of sampled rows beyond the 99% limits of the model before, and q_ratio the mean Q under
    it beside that of its own training data.
    """

    verdict: Verdict
    reason: str = ""
    started_at: AwareDatetime
    finished_at: AwareDatetime
    run_name: str = ""
    endpoint_name: str = ""
    verified: bool = False
    rows: int | None = None
    skipped_rows: int | None = None
    null_fraction: Number = None
    null_fraction_column: str | None = None
    explained_variance: tuple[float, ...] = ()
    served_explained_variance: Number = None
    angle_degrees: Number = None
    share_beyond_limits: Number = None
    q_ratio: Number = None
    checks: tuple[CheckResult, ...] = ()
    jobs: tuple[JobUse, ...] = ()
    artifact_uri: str | None = None
    report_uri: str | None = None
    report_json_uri: str | None = None

    @classmethod
    def of(cls, report: RunReport, files: RunFiles) -> Self:
        """The summary of a run that has a report, and where that is kept."""
        data, comparison = report.data, report.comparison
        emptiest = data.emptiest_column if data else None
        return cls(
            verdict=report.run.verdict,
            reason=short_reason(report.run.reason),
            started_at=report.run.started_at,
            finished_at=report.run.finished_at,
            run_name=report.run.run_name,
            endpoint_name=files.endpoint_name,
            verified=report.deployment.verified if report.deployment else False,
            rows=data.row_count if data else None,
            skipped_rows=data.skipped_rows if data else None,
            null_fraction=emptiest.null_fraction if emptiest else None,
            null_fraction_column=emptiest.name if emptiest and emptiest.null_fraction else None,
            explained_variance=tuple(explained_variance(report)),
            served_explained_variance=comparison.served_explained_variance if comparison else None,
            angle_degrees=comparison.largest_principal_angle_degrees if comparison else None,
            share_beyond_limits=report.drift.share_beyond_99 if report.drift else None,
            q_ratio=_q_ratio(report.drift),
            checks=tuple(CheckResult.model_validate(check, from_attributes=True) for check in report.checks),
            jobs=report.jobs,
            artifact_uri=report.model.artifact_uri if report.model else None,
            report_uri=files.report_html_uri,
            report_json_uri=files.report_json_uri,
        )


def _q_ratio(drift: Drift | None) -> float | None:
    if drift is None or drift.mean_q is None or not drift.served_mean_q:
        return None
    return drift.mean_q / drift.served_mean_q


def short_reason(reason: str) -> str:
    """The first sentence of a reason, cut where it is longer than a table has room for."""
    sentence = re.split(r"(?<=[.!?])\s|\n", reason.strip(), maxsplit=1)[0]
    return sentence if len(sentence) <= LONGEST_REASON else f"{sentence[: LONGEST_REASON - 1].rstrip()}…"
