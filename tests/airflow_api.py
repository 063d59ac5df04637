"""Runs of a DAG seen and changed through Airflow's REST API, as its web interface does."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx

from quickstart.airflow_api import AirflowApi

T = TypeVar("T")

# The api-server needs some 20 ms of a processor for an answer.
POLL_SECONDS = 1.0
RUNNING_POLL_SECONDS = 0.3  # a task may run for a moment only
# SQLite refuses a write where another one came between, and the api-server answers that with an error.
DATABASE_ATTEMPTS = 5
ENDED_RUN_STATES = frozenset({"success", "failed"})
ENDED_TASK_STATES = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class RunsApi(AirflowApi):
    """The quick start's client, with runs and their tasks on top.

    :param verify_running: asked before each call, to fail where Airflow has ended
    """

    def __init__(self, address: str, password: str, verify_running: Callable[[], None] = lambda: None) -> None:
        super().__init__(address, password)
        self._verify_running = verify_running
        # The api-server blocks itself when it is asked to write twice at once, on SQLite.
        self._one_write = threading.Lock()
        self._client.timeout = httpx.Timeout(60)  # a loaded machine answers late

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        """Answer of a call below `/api/v2/`; an error's own words are in the exception."""
        self._verify_running()
        with contextlib.nullcontext() if method == "GET" else self._one_write:
            for _ in range(DATABASE_ATTEMPTS):
                answer = self._client.request(method, f"/api/v2/{path}", json=body, params=query)
                if answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR:
                    break
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json()

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> DagRun:
        """Start a run as a program does: without a logical date."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        self.call("POST", f"dags/{dag_id}/dagRuns", body)
        return DagRun(self, dag_id, run_id)


class DagRun:
    """One run of a DAG."""

    def __init__(self, api: RunsApi, dag_id: str, run_id: str) -> None:
        self._api = api
        self._dag_id = dag_id
        self.run_id = run_id
        self._path = f"dags/{dag_id}/dagRuns/{run_id}"

    def state(self) -> str:
        """State of the run."""
        return str(self._api.call("GET", self._path)["state"])

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Task instances, by task id."""
        found = self._api.call("GET", f"{self._path}/taskInstances", limit=100)["task_instances"]
        return {task["task_id"]: task for task in found}

    def task_states(self) -> dict[str, str | None]:
        """State of every task, by task id."""
        return {task_id: task["state"] for task_id, task in self.tasks().items()}

    def task(self, task_id: str) -> dict[str, Any]:
        """A task instance at its newest try."""
        found: dict[str, Any] = self._api.call("GET", f"{self._path}/taskInstances/{task_id}")
        return found

    def try_states(self, task_id: str) -> list[str | None]:
        """How each try of a task ended, first to last."""
        tries = self._api.call("GET", f"{self._path}/taskInstances/{task_id}/tries")["task_instances"]
        return [attempt["state"] for attempt in sorted(tries, key=lambda attempt: attempt["try_number"])]

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        """What a task left for the others, out of the JSON that Airflow stores."""
        entry = self._api.call("GET", f"{self._path}/taskInstances/{task_id}/xcomEntries/{key}")["value"]
        return json.loads(entry) if isinstance(entry, str) else entry

    def note(self) -> str | None:
        """Note of the run."""
        note: str | None = self._api.call("GET", self._path)["note"]
        return note

    def set_note(self, note: str) -> None:
        """Write the note as a user does."""
        self._api.call("PATCH", self._path, {"note": note})

    def events(self, task_id: str, try_number: int | None = None) -> list[dict[str, Any]]:
        """Log of a try (the newest unless given), the triggerer's part included, as the web interface gets it."""
        number = try_number or self.task(task_id)["try_number"]
        answer = self._api.call("GET", f"{self._path}/taskInstances/{task_id}/logs/{number}", full_content="true")
        events: list[dict[str, Any]] = answer["content"]
        return events

    def log(self, task_id: str, try_number: int | None = None) -> str:
        """Likewise as text, one event a line."""
        return "\n".join(" ".join(map(str, event.values())) for event in self.events(task_id, try_number))

    def link(self, task_id: str, name: str) -> str:
        """Where a button of a task leads."""
        found = self._api.call("GET", f"{self._path}/taskInstances/{task_id}/links")["extra_links"]
        return str(found[name])

    def was_in_triggerer(self, task_id: str) -> bool:
        """Whether the task's newest try waits, or has waited, in the triggerer."""
        return re.search(r"^.*trigger .* starting", self.log(task_id), re.MULTILINE) is not None

    def set_state(self, state: str) -> None:
        """Mark the run as a user does."""
        self._api.call("PATCH", self._path, {"state": state})

    def set_task_state(self, task_id: str, state: str) -> None:
        """Mark a task as a user does."""
        self._api.call("PATCH", f"{self._path}/taskInstances/{task_id}", {"new_state": state})

    def clear(self, *task_ids: str, downstream: bool = True) -> None:
        """Clear tasks, and what comes after them, as a user does."""
        body = {
            "dry_run": False,
            "dag_run_id": self.run_id,
            "task_ids": list(task_ids),
            "only_failed": False,
            "include_downstream": downstream,
        }
        self._api.call("POST", f"dags/{self._dag_id}/clearTaskInstances", body)

    def wait_until_ended(self, seconds: float) -> str:
        """State in which the run ends."""
        return wait_for(lambda: state if (state := self.state()) in ENDED_RUN_STATES else None, seconds, self._progress)

    def wait_until_ended_again(self, seconds: float) -> str:
        """State in which the run ends after some of its tasks were cleared."""
        wait_for(lambda: self.state() not in ENDED_RUN_STATES or None, seconds, self._progress)
        return self.wait_until_ended(seconds)

    def wait_for_task(self, task_id: str, state: str, seconds: float) -> dict[str, Any]:
        """The task instance once it is in a state; fails at once where it has ended in another one."""

        def look() -> dict[str, Any] | None:
            task = self.task(task_id)
            assert task["state"] == state or task["state"] not in ENDED_TASK_STATES, (
                f"{task_id} ended {task['state']} before it was {state}. {self._progress()}"
            )
            return task if task["state"] == state else None

        every = RUNNING_POLL_SECONDS if state == "running" else POLL_SECONDS
        return wait_for(look, seconds, self._progress, every)

    def _progress(self) -> str:
        return f"Run {self.run_id} is {self.state()}: {self.task_states()}"


def wait_for(
    look: Callable[[], T | None], seconds: float, progress: Callable[[], str] = str, every: float = POLL_SECONDS
) -> T:
    """What `look` finds, as soon as it is not None; fails with the progress made where it finds nothing in time."""
    for _ in pauses(seconds, every):
        found = look()
        if found is not None:
            return found
    raise AssertionError(f"not within {seconds:.0f} s. {progress()}")


def pauses(seconds: float, every: float = POLL_SECONDS) -> Iterator[None]:
    """Time to look again, until the seconds are over."""
    give_up_at = time.monotonic() + seconds
    yield
    while time.monotonic() < give_up_at:
        time.sleep(every)
        yield
