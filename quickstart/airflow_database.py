"""What the quick start reads from its own Airflow's database: which runs began, and how their steps stand.

`airflow dags test` serves no API, and its log is for people. Airflow keeps SQLite in WAL mode, where nobody waits for a
reader.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DATABASE = "airflow.db"
# How long a program waits for another's write; SQLite's own 5 s are short for a machine at work.
PATIENCE_SECONDS = 30.0


class Step(NamedTuple):
    """One try of a task, as Airflow has it.

    :param state: an Airflow task instance state
    :param seconds: from its start to its end, waiting in between included; None until it has ended
    :param retry_reason: why it is tried again, where the retry policy said so
    """

    task_id: str
    try_number: int
    state: str
    seconds: float | None
    retry_reason: str | None


def begun_runs(home: Path, dag_id: str) -> list[str]:
    """Ids of the DAG's runs; none where Airflow has not come to having a database."""
    if not (home / DATABASE).exists():
        return []
    with reader(home) as database:
        rows = database.execute("SELECT run_id FROM dag_run WHERE dag_id = ?", (dag_id,)).fetchall()
    return [run_id for (run_id,) in rows]


def begun_steps(home: Path, dag_id: str) -> list[Step]:
    """The latest try of each task that Airflow has started, the earliest first."""
    with reader(home) as database:
        # What was never tried has no place in a story: its upstream failed, or a task before it skipped it.
        rows = database.execute(
            "SELECT task_id, try_number, coalesce(state, ''), CASE WHEN end_date IS NOT NULL THEN duration END,"
            " retry_reason FROM task_instance WHERE dag_id = ? AND try_number > 0 ORDER BY start_date",
            (dag_id,),
        ).fetchall()
    return [Step(*row) for row in rows]


@contextlib.contextmanager
def reader(home: Path) -> Iterator[sqlite3.Connection]:
    """Connect for reading alone."""
    address = f"{(home / DATABASE).absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=PATIENCE_SECONDS)) as database:
        yield database
