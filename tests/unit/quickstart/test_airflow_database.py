from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from quickstart.airflow_database import DATABASE, Step, begun_runs, begun_steps


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE dag_run (dag_id, run_id)")
        columns = "dag_id, task_id, try_number, state, start_date, end_date, duration, retry_reason"
        database.execute(f"CREATE TABLE task_instance ({columns})")
    return tmp_path


def fill(home: Path, table: str, *rows: tuple[object, ...]) -> None:
    with contextlib.closing(sqlite3.connect(home / DATABASE)) as database, database:
        values = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({values})", rows)  # noqa: S608 - the test's own names


def test_steps_come_in_the_order_they_started_and_one_that_runs_has_no_duration_yet(home: Path) -> None:
    fill(
        home,
        "task_instance",
        ("pca", "second", 2, "running", "2026-11-24 15:00:09", None, 4.0, None),
        ("pca", "first", 1, "success", "2026-11-24 15:00:01", "2026-11-24 15:00:03", 2.0, None),
    )
    assert begun_steps(home, "pca") == [
        Step("first", 1, "success", 2.0, None),
        Step("second", 2, "running", None, None),
    ]


def test_steps_that_were_never_tried_and_steps_of_other_dags_are_left_out(home: Path) -> None:
    fill(
        home,
        "task_instance",
        ("pca", "not_reached", 0, "upstream_failed", "2026-11-24 15:00:01", "2026-11-24 15:00:01", 0.0, None),
        ("other", "first", 1, "success", "2026-11-24 15:00:01", "2026-11-24 15:00:03", 2.0, None),
    )
    assert begun_steps(home, "pca") == []


def test_a_writer_at_work_keeps_nobody_from_reading(home: Path) -> None:
    fill(home, "dag_run", ("pca", "manual__1"), ("other", "manual__2"))
    with contextlib.closing(sqlite3.connect(home / DATABASE)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        assert begun_runs(home, "pca") == ["manual__1"]


def test_a_home_without_a_database_has_begun_nothing_and_gets_none(tmp_path: Path) -> None:
    assert begun_runs(tmp_path, "pca") == []
    assert list(tmp_path.iterdir()) == []
