"""The report of one run, made anew from the numbers that the run left in S3; without them, what Airflow knows of it."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException, Response

from sagemaker_pca.pages import runs
from sagemaker_pca.pages.access import Format, SessionDep, dag_router
from sagemaker_pca.pages.documents import ReadReport, read_report
from sagemaker_pca.pages.rendering import html_page, json_document, opening_page
from sagemaker_pca.report.page import render_html

router = dag_router()

RUNNING_REFRESH_SECONDS = 5


@router.get("/runs/{run_id}/report")
def report(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    answer: Format = "html",
    *,
    opening: bool = False,
) -> Response:
    """The run's report as a page, or the document itself as JSON.

    :param opening: answer at once, with a page that goes on to the report and stands until that is there
    """
    run = runs.find_run(session, dag_id, run_id)
    if run is None:
        raise HTTPException(404, f"{dag_id} has no run {run_id}.")
    if opening:
        return opening_page("report", "Reading the run's report")
    session.commit()  # no connection of Airflow's database is kept while S3 answers
    read = ReadReport() if run.is_running else read_report(run.summary)
    if answer == "json":
        return json_document(read.report or run.as_document())
    if read.report is not None:
        return Response(render_html(read.report, embedded=True), media_type="text/html")
    again = {"Refresh": str(RUNNING_REFRESH_SECONDS)} if run.is_running else {}
    return html_page("run_without_report.html", _what_airflow_knows(session, dag_id, run, read), headers=again)


def _what_airflow_knows(session: SessionDep, dag_id: str, run: runs.PipelineRunRow, read: ReadReport) -> dict[str, Any]:
    is_pipeline = run.summary is not None or runs.is_pipeline(session, dag_id)
    return {
        "dag_id": dag_id,
        "run": run,
        "summary": run.summary,
        "is_pipeline": is_pipeline,
        "problem": read.problem,
        "tasks": runs.tasks_of(session, dag_id, run.run_id) if is_pipeline else (),
        "failures": runs.failures_of(session, dag_id, run.run_id) if is_pipeline else (),
    }
