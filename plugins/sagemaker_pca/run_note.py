"""A run's note in Airflow: how the run ended, in the line that its last task left, or of the task that failed it."""

from __future__ import annotations

import textwrap
from typing import Any

from airflow import settings
from airflow.models.dagrun import DagRunNote
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import and_, delete, insert, inspect, select, update
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
        content = line and textwrap.shorten(line, LONGEST_NOTE, placeholder=" …")
        of_run = DagRunNote.dag_run_id == dag_run.id
        stored = session.execute(select(DagRunNote.content, DagRunNote.user_id).where(of_run)).one_or_none()
        if stored is not None and stored.content and stored.user_id != AUTHOR:
            return
        if has_unwritten_note(dag_run):
            note = dag_run.dag_run_note
            # Airflow's form for a run's state sends the note along, as it found it: none, or ours.
            if content and note is not None and note.content in (None, "", stored and stored.content):
                note.content, note.user_id = content, AUTHOR
            return
        if content is None:
            if stored is None or stored.user_id != AUTHOR:
                return
            # What failed has been cleared since, and went well.
            session.execute(delete(DagRunNote).where(of_run))
        else:
            write = insert(DagRunNote) if stored is None else update(DagRunNote).where(of_run)
            session.execute(write.values(dag_run_id=dag_run.id, content=content, user_id=AUTHOR))
        # The notifier of a failed run finds the note in its context.
        written = session.get(DagRunNote, dag_run.id, populate_existing=True)
        set_committed_value(dag_run, "dag_run_note", written)


def has_unwritten_note(dag_run: Any) -> bool:
    """Whether the run's note was changed in its session, as by a request of the API, and is not in the database yet."""
    relation = inspect(dag_run).attrs.dag_run_note
    note = inspect(dag_run).dict.get("dag_run_note")
    return relation.history.has_changes() or (note is not None and inspect(note).modified)


def how_it_ended(session: Session, dag_run_id: int) -> str | None:
    """What a task said of the whole run, else why the first one failed; None where none said anything."""
    said = session.execute(
        select(XComModel.task_id, XComModel.key, XComModel.value, TaskInstance.state)
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
    notes = (row.value for row in said if row.key == RUN_NOTE_KEY and _is_text(row.value))
    # One that somebody marked success keeps what it said when it failed.
    failed = (row for row in said if row.key == FAILURE_KEY and row.state == "failed" and isinstance(row.value, dict))
    failures = (failure_line(row.task_id, row.value["reason"]) for row in failed if _is_text(row.value.get("reason")))
    return next(notes, None) or next(failures, None)


def _is_text(value: Any) -> bool:
    """Whether it is a sentence: any DAG may use these keys, and an XCom backend may leave the address of the value."""
    return isinstance(value, str) and " " in value
