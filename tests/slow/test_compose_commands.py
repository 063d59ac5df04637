"""What docker-compose.yaml would run in containers, run on this machine against a real PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from quickstart.compose_env import generated_settings
from quickstart.embedded_service import upload_raw_data
from quickstart.processes import end_programs, last_lines
from quickstart.sample_ecg import write_recordings
from quickstart.ui import DAG_ID
from tests.airflow_api import RunsApi, wait_for
from tests.airflow_services import free_port
from tests.postgresql_server import PostgresqlServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
STARTING_ORDER = ("sagemaker-local", "api-server", "scheduler", "dag-processor", "triggerer")
HEALTHY_SECONDS = 240
RUN_SECONDS = 400


@dataclass
class Machine:
    """This machine in the part of the containers: their paths, hosts and ports mean folders and ports of its own."""

    folder: Path
    database_port: int
    secrets: Mapping[str, str]
    api_port: int = field(default_factory=free_port)
    sagemaker_port: int = field(default_factory=free_port)
    health_port: int = field(default_factory=free_port)
    programs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def here(self, text: str) -> str:
        text = re.sub(r"(?<!\$)\$\{(\w+):\?[^}]*\}", lambda match: self.secrets[match[1]], text)
        text = re.sub(r"(?<!\$)\$\{\w+:-\}", "", text).replace("$$", "$")
        for there, local in (
            ("@postgres:5432", f"@127.0.0.1:{self.database_port}"),
            ("api-server:8080", f"127.0.0.1:{self.api_port}"),
            ("127.0.0.1:8080", f"127.0.0.1:{self.api_port}"),
            ("127.0.0.1:8974", f"127.0.0.1:{self.health_port}"),
            ("sagemaker-local:5055", f"127.0.0.1:{self.sagemaker_port}"),
            ("127.0.0.1:5055", f"127.0.0.1:{self.sagemaker_port}"),
            ("/opt/airflow", str(self.folder)),
            ("/tmp/sagemaker_local", str(self.folder / "sagemaker_local_data")),
        ):
            text = text.replace(there, local)
        return {"0.0.0.0": "127.0.0.1", "5055": str(self.sagemaker_port)}.get(text, text)  # noqa: S104 - replaced

    def environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        image = {
            "AIRFLOW_HOME": str(self.folder),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{self.folder}{os.pathsep}{self.folder / 'plugins'}",
        }
        ports = {"API__PORT": self.api_port, "SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": self.health_port}
        given = {name: self.here(value) for name, value in service["environment"].items()}
        return {**image, **given, **{f"AIRFLOW__{name}": str(port) for name, port in ports.items()}}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        service = COMPOSE[name]
        command = [self.here(word) for word in [*service.get("entrypoint", ()), *service["command"]]]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.programs[name] = subprocess.Popen(
                command, env=self.environment(service), cwd=self.folder, stdout=log, stderr=log, process_group=0
            )
        return self.programs[name]

    def wait_until_healthy(self, name: str) -> None:
        kind, *command = (self.here(word) for word in COMPOSE[name]["healthcheck"]["test"])
        assert kind == "CMD"
        deadline = time.monotonic() + HEALTHY_SECONDS
        while subprocess.run(command, env=self.environment(COMPOSE[name]), check=False, capture_output=True).returncode:
            log = last_lines(self.folder / f"{name}.log")
            assert self.programs[name].poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(1)


@pytest.fixture(scope="module")
def machine(postgresql: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if not shutil.which("curl"):
        pytest.skip("needs curl, which the image has (Debian: apt-get install curl)")
    folder = tmp_path_factory.mktemp("compose") / "opt airflow"
    folder.mkdir()
    for name in ("dags", "plugins", "processing", "sagemaker_local"):
        (folder / name).symlink_to(ROOT / name)
    secrets = {**generated_settings("admin's password"), "POSTGRES_PASSWORD": postgresql.password}
    machine = Machine(folder, postgresql.port, secrets)
    yield machine
    end_programs([psutil.Process(program.pid) for program in machine.programs.values() if program.poll() is None])


def test_every_service_starts_becomes_healthy_and_runs_the_pipeline(machine: Machine, tmp_path: Path) -> None:
    assert machine.start("airflow-init").wait(300) == 0, last_lines(machine.folder / "airflow-init.log")
    for name in STARTING_ORDER:
        machine.start(name)
    for name in STARTING_ORDER:
        machine.wait_until_healthy(name)
    upload_raw_data(f"http://127.0.0.1:{machine.sagemaker_port}", write_recordings(tmp_path, recordings=1, seconds=10))
    api = RunsApi(f"http://127.0.0.1:{machine.api_port}", machine.secrets["ADMIN_PASSWORD"])
    wait_for(lambda: not api.unready_part(DAG_ID) or None, HEALTHY_SECONDS)
    run = api.trigger(DAG_ID, "under_compose", {"poll_seconds": 1})
    assert run.wait_until_ended(RUN_SECONDS) == "success"
