"""Airflow's api-server, scheduler with LocalExecutor, DAG processor and triggerer as processes, ended for certain."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from quickstart.airflow_home import ROOT, airflow_environment, create_airflow_home
from quickstart.processes import end_programs, last_lines, send, start_program
from quickstart.ui import DAG_ID, SERVICES, admin_password, ui_settings
from tests.airflow_api import DagRun, RunsApi, wait_for
from tests.run_plans import DEPLOYMENT_VARIABLE

READY_SECONDS = 240.0
PROCESS_POLL_SECONDS = 0.1
# More tasks at once than a desktop wants: a task that backs off from a throttled service holds its place all the while.
SETTINGS = {"CORE__PARALLELISM": "16", "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600"}


class AirflowServices:
    """The services of `make ui`, with a home and a port of their own, for as long as the `with` block lasts.

    :param service_url: address of the embedded SageMaker
    :param home: folder for the Airflow home
    :param settings: further Airflow settings, as `SECTION__KEY`
    :param database: SQLAlchemy's address of an empty database, in place of the home's SQLite
    :param dags: folder of DAG files
    :param path: `/folder` that all addresses begin with, as behind a proxy
    """

    def __init__(
        self,
        service_url: str,
        home: Path,
        settings: Mapping[str, str] | None = None,
        database: str | None = None,
        dags: Path = ROOT / "dags",
        path: str = "",
    ) -> None:
        create_airflow_home(home)
        self._home = home
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}{path}"
        self.password = admin_password(home / "passwords.json")
        self.api = RunsApi(self.address, self.password, self.verify_running)
        addresses = {"API__BASE_URL": self.address, "CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/"}
        own = {**ui_settings(home, self.port, {"pipelines": dags}), **addresses, **SETTINGS, **(settings or {})}
        if database is not None:
            own["DATABASE__SQL_ALCHEMY_CONN"] = database
        self.environment = airflow_environment(home, service_url, own) | DEPLOYMENT_VARIABLE
        self._has_empty_database = database is not None
        self._programs: dict[str, subprocess.Popen[bytes]] = {}
        self._away: set[str] = set()

    def __enter__(self) -> Self:
        # A plain SIGTERM would end the tests without what ends the services.
        self._on_sigterm = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            if self._has_empty_database:
                command = [sys.executable, "-m", "airflow", "db", "migrate"]
                subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=READY_SECONDS)
            for name in SERVICES:
                self._start(name)
            self._wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def verify_running(self) -> None:
        """Say at once which service has ended, where a test would wait for it for ever."""
        for name, program in self._programs.items():
            if name not in self._away:
                assert program.poll() is None, f"{name} ended:\n{last_lines(self._home / f'{name}.log', 40)}"

    def kill_task_process(self, run: DagRun, task_id: str, seconds: float = 120, *, resumed: bool = False) -> None:
        """SIGKILL the very process that works on a task, as the kernel does when memory runs out.

        It is found by its title: to ask Airflow which tasks run takes longer than some of them do.

        :param resumed: whether the task is deferred, and it is its next process that is meant
        """
        title = f"airflow worker -- {run.task(task_id)['id']}"

        def task_process() -> psutil.Process | None:
            for process in self.scheduled_processes().values():
                with contextlib.suppress(psutil.Error):
                    if process.cmdline()[:1] == [title]:
                        return process
            return None

        if resumed:
            wait_for(lambda: None if task_process() else True, seconds)
        wait_for(task_process, seconds, every=PROCESS_POLL_SECONDS).kill()

    def scheduled_processes(self) -> dict[int, psutil.Process]:
        """What the scheduler has started, by process id: the processes that work on tasks are among it."""
        return {child.pid: child for child in psutil.Process(self._programs["scheduler"].pid).children(recursive=True)}

    @contextlib.contextmanager
    def without(
        self, name: str, signal_number: signal.Signals = signal.SIGTERM, *, with_family: bool = False
    ) -> Iterator[None]:
        """End one of the services by a signal, and start it anew at the end of the block.

        :param with_family: whether the signal goes to all that it started as well, as when its machine is lost
        """
        program = self._programs[name]
        self._away.add(name)
        family = psutil.Process(program.pid).children(recursive=True)
        program.send_signal(signal_number)
        if with_family:
            send(family, signal_number)
        try:
            program.wait(timeout=60)
        except subprocess.TimeoutExpired:  # it waits for a task; whoever looks after services kills it then
            send([psutil.Process(program.pid), *family], signal.SIGKILL)
            program.wait(timeout=60)
        psutil.wait_procs(family, timeout=60)
        try:
            yield
        finally:
            self._start(name)
            self._away.discard(name)
        wait_for(lambda: True if self._health()[name]["status"] == "healthy" else None, READY_SECONDS)

    def processes(self) -> list[psutil.Process]:
        """Every process of this machine that belongs to this Airflow."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("AIRFLOW_HOME") == str(self._home):
                    found.append(process)
        return found

    def _start(self, name: str) -> None:
        group = next((program.pid for program in self._programs.values()), 0)
        arguments = [*SERVICES[name], *(("--port", str(self.port)) if name == "api-server" else ())]
        self._programs[name] = start_program(arguments, self.environment, self._home / f"{name}.log", group)

    def _end(self) -> None:
        self.api.close()
        running = [psutil.Process(program.pid) for program in self._programs.values() if program.poll() is None]
        end_programs(running, grace_seconds=5)
        signal.signal(signal.SIGTERM, self._on_sigterm)

    def _wait_until_ready(self) -> None:
        def look() -> bool | None:
            self.verify_running()
            return None if self.api.unready_part(DAG_ID) else True

        wait_for(look, READY_SECONDS, lambda: f"Airflow waits for {self.api.unready_part(DAG_ID)}.")

    def _health(self) -> dict[str, dict[str, str]]:
        health: dict[str, dict[str, str]] = self.api.call("GET", "monitor/health")
        return health


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
