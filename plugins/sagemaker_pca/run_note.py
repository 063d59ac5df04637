"""A run's note in Airflow: how the run ended, in the line that its last task left, or of the task that failed it."""

from __future__ import annotations

import textwrap
from typing import Any

from airflow import settings
from airflow.models.dagrun import DagRunNote
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import and_, insert, select, update
from sqlalchemy.orm import Session, object_session
from sqlalchemy.orm.attributes import set_committed_value

from sagemaker_pca.run.tasks import FAILURE_KEY, RUN_NOTE_KEY, failure_line

# Whose the note is: what a person, or another DAG, wrote stays.
AUTHOR = "sagemaker_pca"
LONGEST_NOTE = 1000
# A task that did not run this time may have left words of an earlier one.
ENDED_STATES = ("success", "failed", "skipped")


def write_note(dag_run: Any) -> None:
    """Write the note of a run whose tasks said how it ended, in the run's own session.

    Another one would wait for the scheduler's locks, for ever. Its session is neither flushed nor committed here, and
    where a statement fails, its connection goes back to a savepoint: to the scheduler nothing has happened.
    """
    # `airflow dags test` has let go of the run, and has the thread's session.
    session = object_session(dag_run) or settings.get_session()()
    with session.no_autoflush, session.connection().begin_nested():
        line = how_it_ended(session, dag_run.id)
        note = session.get(DagRunNote, dag_run.id, populate_existing=True) if line else None
        if line is None or (note is not None and note.user_id != AUTHOR):
            return
        write = insert(DagRunNote) if note is None else update(DagRunNote).where(DagRunNote.dag_run_id == dag_run.id)
        content = textwrap.shorten(line, LONGEST_NOTE, placeholder=" …")
        session.execute(write.values(dag_run_id=dag_run.id, content=content, user_id=AUTHOR))
        # The notifier of a failed run finds the note in its context.
        written = session.get(DagRunNote, dag_run.id, populate_existing=True)
        set_committed_value(dag_run, "dag_run_note", written)


def how_it_ended(session: Session, dag_run_id: int) -> str | None:
    """What a task said of the whole run, else why the first one failed; None where none said anything."""
    said = session.execute(
        select(XComModel.task_id, XComModel.key, XComModel.value)
        .join(
            TaskInstance,
            and_(
                XComModel.dag_id == TaskInstance.dag_id,
                XComModel.run_id == TaskInstance.run_id,
                XComModel.task_id == TaskInstance.task_id,
                XComModel.map_index == TaskInstance.map_index,
            ),
        )
        .where(XComModel.dag_run_id == dag_run_id, XComModel.key.in_((RUN_NOTE_KEY, FAILURE_KEY)))
        .where(TaskInstance.state.in_(ENDED_STATES))
        .order_by(XComModel.timestamp)
    ).all()
    notes = (str(row.value) for row in said if row.key == RUN_NOTE_KEY)
    failures = (failure_line(row.task_id, row.value["reason"]) for row in said if row.key == FAILURE_KEY)
    return next(notes, None) or next(failures, None)
