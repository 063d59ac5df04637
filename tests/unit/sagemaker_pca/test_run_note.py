"""The note of a run, in a metadata database of Airflow's own tables."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.sqlalchemy import prohibit_commit
from sqlalchemy import create_engine, insert, text
from sqlalchemy.orm import Session

from sagemaker_pca.listener import on_dag_run_failed, on_dag_run_success
from sagemaker_pca.run.tasks import FAILURE_KEY, RUN_NOTE_KEY

NAMES = {"dag_id": "dag", "run_id": "run"}


@pytest.fixture
def session() -> Iterator[Session]:
    """A session that, as the scheduler's, must not be committed by anybody else."""
    import_all_models()
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine, autoflush=False) as session, prohibit_commit(session):
        yield session


@pytest.fixture
def dag_run(session: Session) -> DagRun:
    run = DagRun(dag_id="dag", run_id="run", run_type="manual")
    session.add(run)
    session.flush()
    return run


def leave(session: Session, dag_run: DagRun, task_id: str, key: str, value: Any, state: str = "failed") -> None:
    """Let a task of the run end with something in XCom."""
    session.execute(
        insert(TaskInstance).values(
            id=uuid.uuid4(), task_id=task_id, state=state, pool="p", pool_slots=1, max_tries=0, try_number=1, **NAMES
        )
    )
    session.execute(insert(XComModel).values(dag_run_id=dag_run.id, task_id=task_id, key=key, value=value, **NAMES))


def failure(reason: str) -> dict[str, str]:
    return {"reason": reason, "hint": "Do something."}


def test_the_note_is_what_the_last_task_said_of_the_run(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "smoke_test", FAILURE_KEY, failure("It answers otherwise."))
    leave(
        session, dag_run, "publish_report", RUN_NOTE_KEY, "rolled back: smoke_test \N{EN DASH} It answers\notherwise."
    )
    leave(session, dag_run, "late", FAILURE_KEY, failure("Afterwards."))
    on_dag_run_failed(dag_run)
    assert dag_run.note == "rolled back: smoke_test \N{EN DASH} It answers otherwise."


def test_where_no_task_spoke_of_the_run_it_is_its_first_failure(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "preflight", FAILURE_KEY, failure("x=1 is too small."))
    leave(session, dag_run, "report", FAILURE_KEY, failure("There is nothing to report."))
    on_dag_run_failed(dag_run)
    assert dag_run.note == "failed: preflight \N{EN DASH} x=1 is too small."


def test_what_a_task_said_in_an_earlier_try_of_the_run_does_not_count(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "check_projections", RUN_NOTE_KEY, "projected: 10 rows", state="upstream_failed")
    leave(session, dag_run, "preflight", FAILURE_KEY, failure("x=1 is too small."))
    on_dag_run_failed(dag_run)
    assert dag_run.note == "failed: preflight \N{EN DASH} x=1 is too small."


def test_a_run_that_succeeds_at_last_is_noted_anew(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "publish_report", RUN_NOTE_KEY, "failed: evil")
    on_dag_run_failed(dag_run)
    session.execute(text("UPDATE xcom SET value = '\"promoted: all\"'"))
    on_dag_run_success(dag_run)
    assert dag_run.note == "promoted: all"


def test_a_run_of_which_nothing_is_left_to_say_loses_its_note(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "idle", FAILURE_KEY, failure("x=1 is too small."))
    on_dag_run_failed(dag_run)
    session.execute(text("DELETE FROM xcom"))  # as a cleared task begins
    on_dag_run_success(dag_run)
    session.flush()
    assert dag_run.note is None
    assert session.get(DagRunNote, dag_run.id, populate_existing=True) is None


def test_the_note_that_somebody_else_wrote_stays(session: Session, dag_run: DagRun) -> None:
    dag_run.note = ("Do not touch", "anna")
    session.flush()
    leave(session, dag_run, "publish_report", RUN_NOTE_KEY, "promoted: all", state="success")
    on_dag_run_success(dag_run)
    assert session.get_one(DagRunNote, dag_run.id, populate_existing=True).content == "Do not touch"


def stored_note(session: Session, dag_run: DagRun) -> tuple[str | None, str | None]:
    """What is in the database once the caller has written what it changed."""
    session.flush()
    note = session.get_one(DagRunNote, dag_run.id, populate_existing=True)
    return note.content, note.user_id


def test_the_note_of_the_very_request_that_marks_the_run_stays(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "preflight", FAILURE_KEY, failure("x=1 is too small."))
    dag_run.note = ("Do not touch", "anna")
    on_dag_run_failed(dag_run)
    assert stored_note(session, dag_run) == ("Do not touch", "anna")


def test_a_note_that_the_very_request_changes_stays_changed(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "preflight", FAILURE_KEY, failure("x=1 is too small."))
    on_dag_run_failed(dag_run)
    dag_run.dag_run_note.content, dag_run.dag_run_note.user_id = "Do not touch", "anna"
    on_dag_run_failed(dag_run)
    assert stored_note(session, dag_run) == ("Do not touch", "anna")


def test_a_note_that_the_very_request_takes_away_stays_away(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "preflight", FAILURE_KEY, failure("x=1 is too small."))
    on_dag_run_failed(dag_run)
    dag_run.dag_run_note = None
    on_dag_run_failed(dag_run)
    session.flush()
    assert session.get(DagRunNote, dag_run.id, populate_existing=True) is None


@pytest.mark.parametrize("was_noted", [False, True])
def test_a_note_that_a_form_sends_back_as_it_was_is_nobodys(session: Session, dag_run: DagRun, was_noted: bool) -> None:
    leave(session, dag_run, "preflight", FAILURE_KEY, failure("x=1 is too small."))
    if was_noted:
        on_dag_run_failed(dag_run)
        dag_run.dag_run_note.user_id = "anna"
    else:
        dag_run.note = (None, "anna")
    leave(session, dag_run, "publish_report", RUN_NOTE_KEY, "failed: in short")
    on_dag_run_failed(dag_run)
    assert stored_note(session, dag_run) == ("failed: in short", "sagemaker_pca")


def test_the_run_of_another_dag_gets_none(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "extract", "return_value", failure("no failure at all"))
    on_dag_run_failed(dag_run)
    assert dag_run.note is None


@pytest.mark.parametrize(
    "value", ["s3://bucket/xcom/1", {"reason": "s3://bucket/xcom/1"}, {"reason": None}, [1], 1, None]
)
@pytest.mark.parametrize("key", [RUN_NOTE_KEY, FAILURE_KEY])
def test_what_a_backend_keeps_elsewhere_or_others_mean_by_the_key_is_no_note(
    session: Session, dag_run: DagRun, caplog: pytest.LogCaptureFixture, key: str, value: Any
) -> None:
    leave(session, dag_run, "task", key, value)
    on_dag_run_failed(dag_run)
    assert dag_run.note is None
    assert not caplog.records


def test_a_failure_of_a_task_that_somebody_marked_success_does_not_count(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "look", FAILURE_KEY, failure("x=1 is too small."), state="success")
    on_dag_run_success(dag_run)
    assert dag_run.note is None


def test_a_long_sentence_is_cut_to_what_the_database_takes(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "preflight", FAILURE_KEY, failure("word " * 400))
    on_dag_run_failed(dag_run)
    assert dag_run.note is not None
    assert 990 < len(dag_run.note) <= 1000


def test_where_no_note_can_be_written_the_schedulers_own_changes_are_kept(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "preflight", FAILURE_KEY, failure("x=1 is too small."))
    session.execute(text("DROP TABLE dag_run_note"))
    dag_run.state = "failed"
    on_dag_run_failed(dag_run)
    session.flush()
    assert session.execute(text("SELECT state FROM dag_run")).scalar_one() == "failed"


def test_nothing_that_goes_wrong_reaches_the_scheduler() -> None:
    no_run: Any = SimpleNamespace(id=1, **NAMES)
    on_dag_run_failed(no_run)
