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
    with Session(engine) as session, prohibit_commit(session):
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


def test_the_note_that_somebody_else_wrote_stays(session: Session, dag_run: DagRun) -> None:
    dag_run.note = ("Do not touch", "anna")
    session.flush()
    leave(session, dag_run, "publish_report", RUN_NOTE_KEY, "promoted: all", state="success")
    on_dag_run_success(dag_run)
    assert session.get_one(DagRunNote, dag_run.id, populate_existing=True).content == "Do not touch"


def test_the_run_of_another_dag_gets_none(session: Session, dag_run: DagRun) -> None:
    leave(session, dag_run, "extract", "return_value", failure("no failure at all"))
    on_dag_run_failed(dag_run)
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
