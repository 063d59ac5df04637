"""`make soak`: rounds of disturbed runs until the time is over, or until something that must hold does not."""

from __future__ import annotations

import argparse
import secrets
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from quickstart.processes import programs_end_here
from tests.airflow_api import ENDED_RUN_STATES
from tests.airflow_services import AirflowServices
from tests.pipeline_process import PipelineClient, raw_csv
from tests.postgresql_server import MISSING, PostgresqlServer
from tests.run_plans import DAG_ID
from tests.service_process import ServiceProcess
from tests.soak.disturbances import Disturber, InVainError, StartedRun, plan_fault
from tests.soak.facts import endpoint_facts, run_facts
from tests.soak.invariants import RunFacts, violations
from tests.soak.plan import ENDPOINTS, FLAVOURS, Disturbance, PlannedRun, Round, draw_round
from tests.soak.terminal import Terminal, table

RAW_ROWS = 500
ROUND_SECONDS = 1800.0
# Jobs and endpoints take their time to start, as on AWS; what they are delayed by beside is in the plan.
SERVICE_SETTINGS = {
    "SAGEMAKER_LOCAL_JOB_STARTING_SECONDS": "3",
    "SAGEMAKER_LOCAL_ENDPOINT_CREATING_SECONDS": "5",
    "SAGEMAKER_LOCAL_MAX_CONCURRENT_JOBS": "64",
}
# Airflow looks every five minutes for what a scheduler that died has left.
AIRFLOW_SETTINGS = {
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
}


class Soak:
    """Rounds on one Airflow and one embedded service, whose endpoints outlive a round."""

    def __init__(self, airflow: AirflowServices, service: ServiceProcess, seed: int, terminal: Terminal) -> None:
        self.airflow = airflow
        self.seed = seed
        self.terminal = terminal
        self.clients = {name: PipelineClient(service.url, f"soak-{name}") for name in ENDPOINTS}
        self.disturber = Disturber(airflow, service.process)
        self.counts: dict[str, Counter[str]] = {"Disturbances": Counter(), "Runs": Counter(), "Verdicts": Counter()}
        self.ended: list[RunFacts] = []
        self._data_sets = 0
        for client in self.clients.values():
            self._put_data(client)

    def play(self, plan: Round) -> list[str]:
        """Play a round to its end; what does not hold then."""
        begun, started = time.monotonic(), list[StartedRun]()
        for event in plan.timeline():
            self.terminal.waiting_for = "what the plan has next"
            time.sleep(max(0.0, begun + event.at_seconds - time.monotonic()))
            if isinstance(event, PlannedRun):
                started.append(self._start(event))
            else:
                self._disturb(event, plan, started)
        if late := self._wait(started, begun + ROUND_SECONDS):
            found = [f"{run.run.run_id} has not ended after {ROUND_SECONDS:.0f} s." for run in late]
        else:
            next(iter(self.clients.values())).forget_faults()
            facts = [self._facts(run) for run in started]
            found = violations(facts, self.ended, [endpoint_facts(client) for client in self.clients.values()])
            self.ended += facts
        for run in started if found else ():
            self.terminal.say(f"{run.run.run_id} {run.run.state()}: {run.run.task_states()}; users: {run.user_actions}")
        return found

    def _start(self, planned: PlannedRun) -> StartedRun:
        client = self.clients[planned.endpoint]
        if planned.flavour == "new data":
            self._put_data(client)
        run = self.airflow.api.trigger(DAG_ID, planned.run_id, client.conf(**FLAVOURS[planned.flavour]))
        self.counts["Runs"][planned.flavour] += 1
        self.terminal.say(f"{planned.run_id} starts: {planned.flavour}, {client.endpoint_name}")
        return StartedRun(planned, client, run)

    def _disturb(self, disturbance: Disturbance, plan: Round, started: list[StartedRun]) -> None:
        if disturbance.fault:
            about = plan.runs[disturbance.run]
            done, kind = (
                plan_fault(self.clients[about.endpoint], disturbance.fault, about.run_id),
                disturbance.fault.fault,
            )
        else:
            kind = disturbance.kind
            self.terminal.say(f"{kind} ...")
            try:
                done = self.disturber.disturb(disturbance, started)
            except InVainError as reason:
                done, kind = f"{kind}: in vain, {reason}", "in vain"
        self.counts["Disturbances"][kind] += 1
        self.terminal.say(done)

    def _wait(self, started: list[StartedRun], give_up_at: float) -> list[StartedRun]:
        """Wait until all runs have ended; those that have not in time."""
        going_on = started
        while going_on and time.monotonic() < give_up_at:
            time.sleep(2)
            going_on = [run for run in going_on if run.run.state() not in ENDED_RUN_STATES]
            self.terminal.waiting_for = ", ".join(run.run.run_id for run in going_on)
        return going_on

    def _facts(self, run: StartedRun) -> RunFacts:
        settings: dict[str, Any] = FLAVOURS[run.planned.flavour]
        facts = run_facts(run.client, run.run, settings, tuple(run.user_actions))
        verdict = str(facts.verdict or "no report")
        self.counts["Verdicts"][verdict] += 1
        self.terminal.say(f"{run.run.run_id} ended {facts.state}: {verdict}. {facts.reason[:150]}")
        return facts

    def _put_data(self, client: PipelineClient) -> None:
        self._data_sets += 1
        client.put_raw("recording.csv", raw_csv(RAW_ROWS, offset=0.001 * self._data_sets))


def main() -> int:
    """Soak; 1 where something did not hold, or could not be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="no round begins that would end later than this")
    parser.add_argument("--seed", type=int, help="of an earlier soak, to repeat its plans")
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    print(f"Seed {seed}: make soak SEED={seed} draws the same plans again.", flush=True)
    if MISSING:
        print(f"The soak test {MISSING}.")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="sagemaker-pca-soak-"))
    keep = True
    try:
        with programs_end_here(), Terminal() as terminal:
            keep = not soak(folder, seed, options.minutes * 60, terminal)
    except (KeyboardInterrupt, SystemExit):
        keep = False
        raise
    finally:
        if keep:
            print(f"Airflow's logs are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return int(keep)


def soak(folder: Path, seed: int, seconds: float, terminal: Terminal) -> bool:
    """Play rounds while there is time for another one; whether everything held."""
    with (
        PostgresqlServer() as database,
        ServiceProcess(SERVICE_SETTINGS) as service,
        AirflowServices(service.url, folder / "airflow", AIRFLOW_SETTINGS, database.url) as airflow,
    ):
        rounds = Soak(airflow, service, seed, terminal)
        number, longest, found = 0, 0.0, list[str]()
        while not found and (number == 0 or terminal.seconds + longest < seconds):
            number, begun = number + 1, terminal.seconds
            terminal.say(f"Round {number}")
            found = rounds.play(draw_round(seed, number))
            longest = max(longest, terminal.seconds - begun)
        print(f"\n{table({'Rounds': Counter(all=number), **rounds.counts})}\n")
        for sentence in found:
            print(f"Seed {seed}, round {number}: {sentence}")
        return not found


if __name__ == "__main__":
    raise SystemExit(main())
