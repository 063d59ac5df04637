"""Does to Airflow, the embedded service and the runs under way what a plan asks for."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from sagemaker_pca.run import tasks
from tests.airflow_api import ENDED_RUN_STATES, DagRun, pauses
from tests.airflow_services import AirflowServices
from tests.pipeline_process import PipelineClient
from tests.run_plans import DAG_ID
from tests.soak.invariants import UserAction
from tests.soak.plan import Disturbance, Fault, PlannedRun

# What a user may mark or clear: the tasks before those that clean up after whatever happened.
DISTURBED_TASKS = (
    tasks.PREFLIGHT,
    tasks.STAGE_INPUTS,
    tasks.START_PROFILING,
    tasks.WAIT_FOR_PROFILING,
    tasks.START_PROCESSING,
    tasks.WAIT_FOR_PROCESSING,
    tasks.START_TRAINING,
    tasks.WAIT_FOR_TRAINING,
    tasks.EVALUATE_MODEL,
    tasks.CREATE_MODEL,
    tasks.CREATE_ENDPOINT_CONFIG,
    tasks.DEPLOY_ENDPOINT,
    tasks.WAIT_FOR_ENDPOINT,
    tasks.SMOKE_TEST,
)
# How long a task to disturb is waited for: at times all runs are between two of theirs.
PATIENCE_SECONDS = 15.0
UNDER_WAY = ("running", "deferred")
BEGUN = (*UNDER_WAY, "success", "failed", "up_for_retry")


class InVainError(Exception):
    """There was nothing to disturb, or Airflow refused; the message says what of."""


@dataclass
class StartedRun:
    """A run of a round, and what users did to it."""

    planned: PlannedRun
    client: PipelineClient
    run: DagRun
    user_actions: list[UserAction] = field(default_factory=list)


class Disturber:
    """Carries disturbances out and answers with what it did, in words.

    :param service: process of the embedded service
    """

    def __init__(self, airflow: AirflowServices, service: subprocess.Popen[str]) -> None:
        self._airflow = airflow
        self._service = service

    def disturb(self, disturbance: Disturbance, runs: Sequence[StartedRun]) -> str:
        """Do it.

        :param runs: the runs of the round that were started

        Raises:
            InVainError: when it could not be done.
        """
        kind = disturbance.kind
        if kind == "freeze service":
            return self._freeze_service(disturbance.seconds)
        if kind == "kill task":
            return self._kill_task(disturbance.pick)
        if kind.endswith(("triggerer", "scheduler")):
            return self._replace(kind.split()[1], kind.split()[0])
        under_way = [started for started in runs if started.run.state() not in ENDED_RUN_STATES]
        if not under_way:
            raise InVainError("no run is under way")
        return self._act(kind, under_way[disturbance.run % len(under_way)], disturbance.pick)

    def _freeze_service(self, seconds: float) -> str:
        with frozen(self._service):
            time.sleep(seconds)
        return f"the service was frozen for {seconds:.0f} s"

    def _kill_task(self, pick: float) -> str:
        for _ in pauses(PATIENCE_SECONDS):
            path = f"dags/{DAG_ID}/dagRuns/~/taskInstances"
            running = self._airflow.api.call("GET", path, state="running", limit=100)["task_instances"]
            processes = self._airflow.scheduled_processes()
            if found := [task for task in running if task["pid"] in processes]:
                task = picked(found, pick)
                with contextlib.suppress(psutil.NoSuchProcess):
                    processes[task["pid"]].kill()
                return f"SIGKILL of {task['task_id']} of {task['dag_run_id']}"
        raise InVainError("no task is running")

    def _replace(self, name: str, how: str) -> str:
        signal_number = signal.SIGKILL if how == "kill" else signal.SIGTERM
        # What loses its scheduler loses the machine: what the scheduler started goes with it.
        with self._airflow.without(name, signal_number, with_family=name == "scheduler" and how == "kill"):
            pass
        return f"{how} {name}: it is back"

    def _act(self, kind: str, run: StartedRun, pick: float) -> str:
        task_id = "" if kind == "mark run failed" else self._task(kind, run.run, pick)
        if task_id is None:
            raise InVainError(f"{run.run.run_id} has no task to do it to")
        what = f"{task_id} of {run.run.run_id}" if task_id else run.run.run_id
        # Noted first: what is refused, or answered with an error, may have happened all the same.
        run.user_actions.append((kind, task_id))
        actions: dict[str, Callable[[], None]] = {
            "mark task failed": lambda: run.run.set_task_state(task_id, "failed"),
            "mark task success": lambda: run.run.set_task_state(task_id, "success"),
            "mark run failed": lambda: run.run.set_state("failed"),
            "clear task": lambda: run.run.clear(task_id),
        }
        try:
            actions[kind]()
        except AssertionError as refusal:
            self._airflow.verify_running()
            raise InVainError(f"{what} refused: {str(refusal)[:150]}") from None
        return f"{kind}: {what}"

    def _task(self, kind: str, run: DagRun, pick: float) -> str | None:
        """A task that a user may do this to, None where there is none for a while."""
        wanted = BEGUN if kind == "clear task" else UNDER_WAY
        for _ in pauses(PATIENCE_SECONDS):
            states = run.task_states()
            if candidates := [task_id for task_id in DISTURBED_TASKS if states[task_id] in wanted]:
                return str(picked(candidates, pick))
        return None


def plan_fault(client: PipelineClient, fault: Fault, run_id: str) -> str:
    """Let the embedded service fail something of a run, or of its endpoint."""
    request: dict[str, Any] = {"fault": fault.fault, "target": fault.target, "times": fault.times}
    name = client.endpoint_name if fault.of_endpoint else f"-{run_id}-"
    client.plan_fault(**request, seconds=fault.seconds, name=name)
    details = [fault.target, f"{fault.times} times" if fault.times > 1 else ""]
    details += [f"{fault.seconds:.0f} s" if fault.seconds else "", f"for {name.strip('-')}"]
    return f"fault: {fault.fault} {' '.join(filter(None, details))}"


@contextlib.contextmanager
def frozen(service: subprocess.Popen[str]) -> Iterator[None]:
    """Let the embedded service answer nobody; a frozen process would not end, so it goes on however this is left."""
    service.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        service.send_signal(signal.SIGCONT)


def picked(candidates: list[Any], pick: float) -> Any:
    """One of the candidates, by a number from 0 to 1."""
    return candidates[min(int(pick * len(candidates)), len(candidates) - 1)]
