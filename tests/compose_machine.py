"""What docker-compose.yaml would run in containers, run as programs of this machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

import psutil
import yaml

from quickstart.compose_env import generated_settings
from quickstart.processes import end_programs, family_of, last_lines, send
from quickstart.ui import DAG_ID
from tests.airflow_api import RunsApi, wait_for
from tests.airflow_services import free_port
from tests.postgresql_server import PostgresqlServer

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
HEALTHY_SECONDS = 240
# In the order in which they are started; what waits for what is in the file.
SERVICES = ("sagemaker-local", "api-server", "scheduler", "dag-processor", "triggerer")
WORKERS = ("worker-1", "worker-2")
PACKAGES = {"curl": "curl", "redis-server": "redis-server", "redis-cli": "redis-tools"}


@dataclass
class Machine:
    """This machine in the part of the containers: their paths, hosts and ports mean folders and ports of its own.

    A program is named after its service; where a service has several, `worker-2` is its second one.

    :param variables: what .env would hold, secrets included
    :param settings: environment variables for every program, on top of what the file says
    """

    folder: Path
    database_port: int
    variables: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    api_port: int = field(default_factory=free_port)
    sagemaker_port: int = field(default_factory=free_port)
    health_port: int = field(default_factory=free_port)
    redis_port: int = field(default_factory=free_port)
    programs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """A text of the file with this machine's variables, folders, hosts and ports."""
        text = re.sub(r"(?<!\$)\$\{(\w+):\?[^}]*\}", lambda match: self.variables[match[1]], text)
        text = re.sub(r"(?<!\$)\$\{(\w+):-([^}]*)\}", lambda match: self.variables.get(match[1], match[2]), text)
        for there, local in (
            ("$$", "$"),
            ("@postgres:5432", f"@127.0.0.1:{self.database_port}"),
            ("@redis:6379", f"@127.0.0.1:{self.redis_port}"),
            ("--port 6379", f"--port {self.redis_port} --bind 127.0.0.1"),
            ("--host 0.0.0.0 --port 5055", f"--host 127.0.0.1 --port {self.sagemaker_port}"),
            ("api-server:8080", f"127.0.0.1:{self.api_port}"),
            ("127.0.0.1:8080", f"127.0.0.1:{self.api_port}"),
            ("127.0.0.1:8974", f"127.0.0.1:{self.health_port}"),
            ("sagemaker-local:5055", f"127.0.0.1:{self.sagemaker_port}"),
            ("127.0.0.1:5055", f"127.0.0.1:{self.sagemaker_port}"),
            ("/opt/airflow", str(self.folder)),
            ("/tmp/sagemaker_local", f"'{self.folder / 'sagemaker_local_data'}'"),
        ):
            text = text.replace(there, local)
        whole = {"6379": str(self.redis_port)}
        return whole.get(text, text)

    def environment(self, name: str) -> dict[str, str]:
        """Environment of a program."""
        image = {
            "AIRFLOW_HOME": str(self.folder),
            "HOSTNAME": name,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{self.folder}{os.pathsep}{self.folder / 'plugins'}",
        }
        ports = {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.api_port),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.health_port),
        }
        given = {key: self.here(value) for key, value in service_of(name)["environment"].items()}
        return {**image, **given, **ports, **self.settings}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a program, for the first time or again."""
        service = service_of(name)
        command = [self.here(word) for word in [*service.get("entrypoint", ()), *service["command"]]]
        if name.startswith("worker"):
            command += ["--celery-hostname", name]  # containers have host names of their own
        with self.log(name).open("ab") as log:
            self.programs[name] = subprocess.Popen(
                command, env=self.environment(name), cwd=self.folder, stdout=log, stderr=log, process_group=0
            )
        return self.programs[name]

    def start_all(self, names: Iterable[str]) -> None:
        """Migrate the database and start programs, which may go on once all are healthy."""
        assert self.start("airflow-init").wait(300) == 0, last_lines(self.log("airflow-init"))
        for name in names:
            self.start(name)
        for name in names:
            self.wait_until_healthy(name)

    def wait_until_healthy(self, name: str) -> None:
        """Ask as Docker would, until the program says that it is well."""
        kind, *command = (self.here(word) for word in service_of(name)["healthcheck"]["test"])
        assert kind == "CMD"
        deadline = time.monotonic() + HEALTHY_SECONDS
        while subprocess.run(command, env=self.environment(name), check=False, capture_output=True).returncode:
            log = last_lines(self.log(name))
            assert self.programs[name].poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(1)

    def stop(self, name: str) -> int:
        """Ask a program to end, as `docker compose stop` does, and return its exit code."""
        self.programs[name].terminate()
        return self.programs[name].wait(timeout=HEALTHY_SECONDS)

    def kill(self, name: str) -> None:
        """SIGKILL a program and all that it started, as when its container is killed or loses its machine."""
        send(family_of(psutil.Process(self.programs[name].pid)), signal.SIGKILL)
        self.programs[name].wait(timeout=60)

    def worker_at_work(self, tasks: Mapping[int, str]) -> tuple[str, str] | None:
        """A worker and a task that it works on, out of tasks by their process ids; None where no worker has one."""
        for worker in WORKERS:
            for process in family_of(psutil.Process(self.programs[worker].pid)):
                if process.pid in tasks:
                    return worker, tasks[process.pid]
        return None

    def ready_api(self) -> RunsApi:
        """Airflow's API, once the pipeline can be triggered."""
        api = RunsApi(f"http://127.0.0.1:{self.api_port}", self.variables["ADMIN_PASSWORD"])
        wait_for(lambda: not api.unready_part(DAG_ID) or None, HEALTHY_SECONDS)
        return api

    @property
    def sagemaker_address(self) -> str:
        """Address of the embedded SageMaker."""
        return f"http://127.0.0.1:{self.sagemaker_port}"

    def log(self, name: str) -> Path:
        """Where a program's output goes."""
        return self.folder / f"{name}.log"


def missing_programs(*programs: str) -> str:
    """Which of the programs this machine lacks, and where they come from; nothing when it has all."""
    missing = (f"{program} (Debian: apt-get install {PACKAGES[program]})" for program in programs if not which(program))
    return ", ".join(missing)


def service_of(program: str) -> dict[str, Any]:
    """What the file says of a program."""
    service: dict[str, Any] = COMPOSE[re.sub(r"-\d+$", "", program)]
    return service


@contextmanager
def compose_machine(
    folder: Path,
    postgresql: PostgresqlServer,
    variables: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Machine]:
    """A machine with the file's folders mounted into one, whose programs end with the block."""
    folder.mkdir()
    for name in ("dags", "plugins", "processing", "quickstart", "sagemaker_local"):
        (folder / name).symlink_to(ROOT / name)
    secrets = {**generated_settings("admin's password"), "POSTGRES_PASSWORD": postgresql.password}
    machine = Machine(folder, postgresql.port, {**secrets, **(variables or {})}, settings or {})
    try:
        yield machine
    finally:
        running = [program for program in machine.programs.values() if program.poll() is None]
        for program in running:
            program.send_signal(signal.SIGCONT)  # a frozen one would not end
        end_programs([psutil.Process(program.pid) for program in running])
