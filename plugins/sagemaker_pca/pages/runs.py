"""A pipeline's runs as Airflow's own database has them, each with the summary that its last task left.

Airflow's records rather than an index in S3: they are complete whatever was lost there, need no call to AWS, and are
gone when somebody deletes them. A summary is one XCom of the run, written before the run ends whatever its verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from airflow.models.asset import TaskOutletAssetReference
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from pydantic import ValidationError
from sqlalchemy import Row, Select, and_, select
from sqlalchemy.orm import Session

from sagemaker_pca.exceptions import Failure
from sagemaker_pca.report.document import JobUse
from sagemaker_pca.report.summary import RunSummary
from sagemaker_pca.run import tasks

# Airflow's kinds of runs, in words.
STARTERS = {"asset_triggered": "new data", "scheduled": "schedule", "backfill": "backfill", "manual": "by hand"}

TASK_KEY = ("dag_id", "run_id", "task_id", "map_index")
UNFINISHED = frozenset({"queued", "running"})

Left = TypeVar("Left", RunSummary, Failure)


@dataclass(frozen=True, slots=True)
class PipelineRunRow:
    """One run: what Airflow knows of it, and its summary; None while it runs, and of a run that left none."""

    run_id: str
    state: str
    started_by: str
    started_at: datetime | None
    ended_at: datetime | None
    summary: RunSummary | None

    @property
    def is_running(self) -> bool:
        """Whether it has not come to its end."""
        return self.state in UNFINISHED

    @property
    def explained(self) -> float | None:
        """Share of the variance that all its components explain; None without a model."""
        return (sum(self.summary.explained_variance) or None) if self.summary else None

    @property
    def jobs(self) -> tuple[JobUse, ...]:
        """Its jobs, with their time."""
        return self.summary.jobs if self.summary else ()

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    def as_document(self) -> dict[str, Any]:
        """The run as plain JSON: what its summary says, and what Airflow knows of any run."""
        summary = self.summary.model_dump(mode="json") if self.summary else dict.fromkeys(RunSummary.model_fields)
        costs = [job.cost for job in self.jobs if job.cost is not None]
        return {
            **summary,
            "run_id": self.run_id,
            "state": self.state,
            "started_by": self.started_by,
            "started_at": self.started_at and self.started_at.isoformat(),
            "seconds": self.seconds,
            "explained_variance_total": self.explained,
            "job_seconds": sum(job.seconds or 0 for job in self.jobs),
            "billable_seconds": sum((job.billable_seconds or 0) * (job.instance_count or 1) for job in self.jobs),
            "cost": sum(costs) if costs else None,
        }


def is_pipeline(session: Session, dag_id: str) -> bool:
    """Whether a DAG is one of ours: its last task updates a model's asset."""
    query = select(TaskOutletAssetReference.dag_id).where(
        TaskOutletAssetReference.dag_id == dag_id, TaskOutletAssetReference.task_id == tasks.PUBLISH_REPORT
    )
    return session.scalar(query.limit(1)) is not None


def runs_of(session: Session, dag_id: str, limit: int) -> list[PipelineRunRow]:
    """A pipeline's newest runs, the newest first; one query, whatever their number."""
    query = _runs(dag_id).order_by(DagRun.run_after.desc(), DagRun.id.desc()).limit(limit)
    return [_row(found) for found in session.execute(query)]


def find_run(session: Session, dag_id: str, run_id: str) -> PipelineRunRow | None:
    """One run of a DAG, None when there is none."""
    found = session.execute(_runs(dag_id).where(DagRun.run_id == run_id)).one_or_none()
    return None if found is None else _row(found)


def tasks_of(session: Session, dag_id: str, run_id: str) -> list[tuple[str, str]]:
    """A run's tasks and their states, in the order they began; those that have not begun are left out."""
    query = (
        select(TaskInstance.task_id, TaskInstance.state)
        .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.start_date.is_not(None))
        .order_by(TaskInstance.start_date)
    )
    return [(task_id, str(state)) for task_id, state in session.execute(query)]


def failures_of(session: Session, dag_id: str, run_id: str) -> list[tuple[str, Failure]]:
    """Why tasks of a run failed, by task, the first one first; a task that somebody cleared has not failed."""
    query = (
        select(XComModel.task_id, XComModel.value)
        .join(TaskInstance, and_(*(getattr(TaskInstance, name) == getattr(XComModel, name) for name in TASK_KEY)))
        .where(XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == tasks.FAILURE_KEY)
        .where(TaskInstance.state.in_(("failed", "up_for_retry")))
        .order_by(XComModel.timestamp)
    )
    read = ((found.task_id, _left(found, Failure)) for found in session.execute(query))
    return [(task_id, failure) for task_id, failure in read if failure is not None]


def _runs(dag_id: str) -> Select[Any]:
    summary = and_(
        XComModel.dag_run_id == DagRun.id,
        XComModel.task_id == tasks.PUBLISH_REPORT,
        XComModel.key == tasks.RUN_SUMMARY_KEY,
        XComModel.map_index == -1,
    )
    columns = (
        DagRun.run_id, DagRun.state, DagRun.run_type, DagRun.triggering_user_name, DagRun.start_date, DagRun.end_date,
        XComModel.value,
    )  # fmt: skip
    return select(*columns).outerjoin(XComModel, summary).where(DagRun.dag_id == dag_id)


def _row(found: Row[Any]) -> PipelineRunRow:
    by_person = found.run_type == "manual" and found.triggering_user_name
    return PipelineRunRow(
        run_id=found.run_id,
        state=str(found.state),
        started_by=str(found.triggering_user_name if by_person else STARTERS.get(found.run_type, found.run_type)),
        started_at=found.start_date,
        ended_at=found.end_date,
        # While a run goes on, what stands there is of its time before somebody cleared it.
        summary=None if found.state in UNFINISHED else _left(found, RunSummary),
    )


def _left(found: Row[Any], document: type[Left]) -> Left | None:
    """What a task left; None of what a later release wrote, or a backend of the deployment's own keeps elsewhere."""
    try:
        return document.model_validate(XComModel.deserialize_value(found))
    except ValidationError:
        return None
