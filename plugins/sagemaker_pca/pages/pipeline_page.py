"""A pipeline's runs: a table, trends over runs, and two of them side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query, Response

from sagemaker_pca.pages import runs
from sagemaker_pca.pages.access import Format, SessionDep, TableFormat, dag_router
from sagemaker_pca.pages.documents import read_report
from sagemaker_pca.pages.rendering import html_page, json_document
from sagemaker_pca.pages.runs import PipelineRunRow
from sagemaker_pca.report.side_by_side import side_by_side
from sagemaker_pca.report.summary import RunSummary
from sagemaker_pca.report.trends import Trend, trend
from sagemaker_pca.report.wording import number_text, percent_text, points_text

router = dag_router()

SHOWN_RUNS = 50
# Points that can still be told apart in a picture.
TREND_RUNS = 200
MOST_RUNS = 10_000

Count = Annotated[int, Query(ge=1, le=MOST_RUNS)]


@router.get("/runs")
def pipeline(dag_id: str, session: SessionDep, answer: TableFormat = "html", limit: Count = SHOWN_RUNS) -> Response:
    """The newest runs as a page, as JSON or as CSV."""
    found = runs.runs_of(session, dag_id, max(limit, TREND_RUNS) + 1)
    if answer == "json":
        return json_document([row.as_document() for row in found[:limit]])
    if answer == "csv":
        name = quote(f"{dag_id}-runs.csv", safe="")
        return Response(
            _csv(found[:limit]),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
        )
    context = {
        "dag_id": dag_id,
        "is_pipeline": (bool(found) and any(row.summary for row in found)) or runs.is_pipeline(session, dag_id),
        "rows": _with_changes(found)[:limit],
        "more": len(found) > limit,
        "next_limit": min(limit * 4, MOST_RUNS),
        "trends": list(_trends([row.summary for row in reversed(found[:TREND_RUNS]) if row.summary])),
        "most_runs": MOST_RUNS,
    }
    return html_page("pipeline.html", context)


@router.get("/comparison")
def comparison(
    dag_id: str,
    session: SessionDep,
    run: Annotated[list[str], Query(max_length=10, default_factory=list)],
    answer: Format = "html",
) -> Response:
    """Two runs side by side, the earlier one first; from each its report, so two calls to S3."""
    chosen = [found for run_id in dict.fromkeys(run) if (found := runs.find_run(session, dag_id, run_id))]
    context: dict[str, Any] = {"dag_id": dag_id, "problem": "", "chosen": (), "compared": None}
    if len(chosen) != 2:
        context["problem"] = f"{len(chosen)} of this pipeline's runs are chosen. Go back and tick exactly two."
        return html_page("comparison.html", context, status=400)
    chosen.sort(key=lambda row: (row.started_at is None, row.started_at))
    session.commit()  # no connection of Airflow's database is kept while S3 answers
    read = [read_report(row.summary) for row in chosen]
    context["chosen"] = chosen
    missing = [row.run_id for row, found in zip(chosen, read, strict=True) if found.report is None]
    if missing:
        problems = " ".join(found.problem for found in read if found.problem)
        context["problem"] = f"There is no report of {' and '.join(missing)}. {problems}".rstrip()
        if answer == "json":
            return json_document({"problem": context["problem"]})
        return html_page("comparison.html", context)
    first, second = (found.report for found in read if found.report)
    compared = side_by_side(first, second)
    if answer == "json":
        return json_document(compared)
    return html_page("comparison.html", context | {"compared": compared})


def _with_changes(found: Sequence[PipelineRunRow]) -> list[tuple[PipelineRunRow, str]]:
    """Each run, and by how many points it explains more or less than the run before that has a model."""
    rows, before = [], None
    for row in reversed(found):
        change = ""
        if row.explained and before:
            change = points_text(before, row.explained)
        rows.append((row, change))
        before = row.explained or before
    return rows[::-1]


def _trends(summaries: Sequence[RunSummary]) -> Iterator[Trend]:
    limits = {check.name: check.limit for summary in summaries for check in summary.checks}
    pictures = (
        trend("Explained variance", summaries, lambda run: sum(run.explained_variance) or None, percent_text,
              limits.get("explained_variance")),
        trend("Rows", summaries, lambda run: run.rows, number_text, limits.get("rows")),
        trend("Missing values, the emptiest column", summaries, lambda run: run.null_fraction, percent_text,
              limits.get("null_fraction")),
        trend("Angle to the model before", summaries, lambda run: run.angle_degrees, lambda x: f"{number_text(x, 3)}°"),
        trend("Rows beyond the 99% limits of the model before", summaries, lambda run: run.share_beyond_limits,
              percent_text, limits.get("exceedance")),
        trend("Mean Q, times the model before's", summaries, lambda run: run.q_ratio, lambda x: number_text(x, 3)),
    )  # fmt: skip
    yield from filter(None, pictures)


CSV_COLUMNS = (
    "run_id", "state", "verdict", "started_at", "seconds", "started_by", "rows", "skipped_rows",
    "explained_variance_total", "null_fraction", "angle_degrees", "job_seconds", "billable_seconds",
    "cost", "reason", "report_uri",
)  # fmt: skip


def _csv(rows: Iterable[PipelineRunRow]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(CSV_COLUMNS)
    for row in rows:
        document = row.as_document()
        writer.writerow(_cell(document[name]) for name in CSV_COLUMNS)
    return lines.getvalue()


def _cell(value: Any) -> Any:
    """The value; text that a spreadsheet would take for a formula is quoted, for anybody may have named a run."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
