"""`make ui`: Airflow's services and the embedded SageMaker on this machine, until Ctrl-C or `make stop`."""

from __future__ import annotations

import contextlib
import fcntl
import json
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console

from quickstart.airflow_api import AirflowApi
from quickstart.airflow_home import ROOT, STATE, airflow_environment, create_airflow_home, write_private
from quickstart.embedded_service import POLL_SECONDS, start_service, upload_raw_data
from quickstart.own_pipeline import OWN_DAG_ID, OWN_PREFIX, OwnPipeline
from quickstart.processes import Interrupted, QuickstartError, last_lines, programs_end_here, start_program
from quickstart.running import end_running, write_running
from quickstart.sample_ecg import write_recordings
from sagemaker_pca.plurals import counted

UI_STATE = STATE / "ui"
RUNNING = UI_STATE / "running.json"
OWN_DAGS = UI_STATE / "dags"
DAG_ID = "pca_pipeline"
SERVICE_PORT = 5055
LOCAL_BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"
READY_SECONDS = 180.0
# The log servers would listen on every interface; on one machine the api-server reads the log files themselves.
SERVICES = {
    "api-server": [
        *("uvicorn", "quickstart.api_server:app", "--no-access-log"),
        *("--timeout-graceful-shutdown", "5", "--host", "127.0.0.1"),
    ],
    "scheduler": ["airflow", "scheduler", "--skip-serve-logs"],
    "dag-processor": ["airflow", "dag-processor"],
    "triggerer": ["airflow", "triggerer", "--skip-serve-logs"],
}
# A run is some twenty short tasks. Airflow looks once a second for the next one, and may notice the end of a task that
# was skipped a heartbeat late; for one person it may look more often.
PROMPTNESS = {"SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2", "WORKERS__MIN_HEARTBEAT_INTERVAL": "1"}
Programs = dict[str, subprocess.Popen[bytes]]


def run_ui(port: int, own: OwnPipeline | None, console: Console) -> int:
    """Start everything, say where it is, and keep it until it is told to end or one of the programs ends.

    :param own: a pipeline over the user's own data, beside the one over the sample
    """
    with only_one_ui(), programs_end_here():
        check_port(port)
        try:
            serve(port, own, console)
        except Interrupted:
            console.print("Ending Airflow and the embedded SageMaker.")
    return 0


def serve(port: int, own: OwnPipeline | None, console: Console) -> None:
    """Start the services and wait for one of them to end, which none should."""
    address = f"http://127.0.0.1:{port}"
    write_running(RUNNING, address, [])
    home = UI_STATE / "airflow"
    create_airflow_home(home)
    password = admin_password(home / "passwords.json")
    service, service_address = start_service(UI_STATE, service_port(port, console))
    with tempfile.TemporaryDirectory(prefix="sagemaker-pca-ui-") as recordings:
        upload_raw_data(service_address, write_recordings(Path(recordings)))
    pipelines = [DAG_ID, *prepare_own(own, service_address, console)]
    environment = airflow_environment(
        home, service_address, ui_settings(home, port, {"pipelines": ROOT / "dags", "own": OWN_DAGS})
    )
    programs = {"sagemaker_local": service, **start_airflow(UI_STATE, environment, port, group=service.pid)}
    write_running(RUNNING, address, programs.values())
    api = AirflowApi(address, password)
    console.print("Airflow starts; this takes about half a minute.")
    for dag_id in pipelines:
        wait_until_ready(api, dag_id, programs, console)
    api.set_missing_variable("sagemaker_pca", {"poll_seconds": POLL_SECONDS})
    console.print(
        f"\nAirflow            {address}\n"
        f"login              admin / {password}\n"
        f"embedded SageMaker {service_address}/sagemaker-local/\n"
        f"logs               {UI_STATE}\n\n"
        f"Trigger {' or '.join(pipelines)} there and watch it. Ctrl-C here, or make stop elsewhere, ends everything.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    while True:
        check_programs(programs)
        time.sleep(1)


def start_airflow(folder: Path, environment: Mapping[str, str], port: int, group: int) -> Programs:
    """Start Airflow's services, each with a log of its own in the folder.

    :param group: process group that they join
    """
    programs: Programs = {}
    for name, arguments in SERVICES.items():
        log = folder / f"{name}.log"
        log.unlink(missing_ok=True)
        further = ["--port", str(port)] if name == "api-server" else []
        programs[name] = start_program([*arguments, *further], environment, log, group=group)
    return programs


def prepare_own(own: OwnPipeline | None, service_address: str, console: Console) -> list[str]:
    """Put the user's data and the DAG over it in place, and return its id; without data there is none."""
    OWN_DAGS.mkdir(exist_ok=True)
    path = OWN_DAGS / f"{OWN_DAG_ID}.py"
    path.unlink(missing_ok=True)  # an earlier service's data is gone with it
    if own is None:
        return []
    uri = upload_raw_data(service_address, own.data.files, OWN_PREFIX)
    path.write_text(own.dag_file(uri), encoding="utf-8")
    for line in (
        *own.data.notes,
        f"{counted(len(own.data.files), 'raw file')} in {uri}",
        f"The DAG over them is {path}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return [OWN_DAG_ID]


def service_port(airflow_port: int, console: Console) -> int:
    """The embedded service's port: the same at every start, so that links of earlier runs lead to a service."""
    for port in range(SERVICE_PORT, SERVICE_PORT + 100):
        with contextlib.suppress(OSError):
            if port != airflow_port:
                listen(port)
                if port != SERVICE_PORT:
                    console.print(
                        f"Port {SERVICE_PORT} is taken; the embedded SageMaker takes {port}.", highlight=False
                    )
                return port
    raise QuickstartError(f"The ports from {SERVICE_PORT} to {SERVICE_PORT + 99} are taken. Free one of them.")


def listen(port: int) -> None:
    """Listen on a port for a moment; raises OSError where that cannot be."""
    socket.create_server(("127.0.0.1", port)).close()


def check_port(port: int) -> None:
    """Refuse a port that another program listens on, or that this user may not use."""
    try:
        listen(port)
    except PermissionError:
        raise QuickstartError(f"Port {port} is reserved for root. Choose one above 1023: make ui PORT=8081") from None
    except OSError:
        other = port + 1 if port < 65_535 else 8080
        raise QuickstartError(f"Port {port} is taken. Free it, or choose another: make ui PORT={other}") from None


@contextlib.contextmanager
def only_one_ui() -> Iterator[None]:
    """Hold the state folder for this process; the system lets go of it however the process ends."""
    UI_STATE.mkdir(parents=True, exist_ok=True)
    with (UI_STATE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise QuickstartError("make ui runs already in this folder. End it first: make stop") from None
        end_running(RUNNING)  # what a killed ui left
        try:
            yield
        finally:
            RUNNING.unlink(missing_ok=True)


def admin_password(path: Path) -> str:
    """Return the generated password, the same at every start, from a file only its owner may read."""
    if not path.exists():
        write_private(path, json.dumps({"admin": secrets.token_urlsafe(12)}))
    return str(json.loads(path.read_text())["admin"])


def ui_settings(home: Path, port: int, dags: Mapping[str, Path]) -> dict[str, str]:
    """Return Airflow's settings for one machine: SQLite, tasks as local processes, loopback only.

    :param dags: folders of DAG files, by the names of their bundles
    """
    return {
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        **PROMPTNESS,
        "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [
                {"name": name, "classpath": LOCAL_BUNDLE, "kwargs": {"path": str(folder), "refresh_interval": 30}}
                for name, folder in dags.items()
            ]
        ),
    }


def wait_until_ready(api: AirflowApi, dag_id: str, programs: Programs, console: Console) -> None:
    """Return once every service reports healthy and the pipeline can be triggered."""
    deadline = time.monotonic() + READY_SECONDS
    with console.status("") as status:
        while waiting_for := api.unready_part(dag_id):
            check_programs(programs)
            if time.monotonic() > deadline:
                raise QuickstartError(f"Airflow still waits for {waiting_for}; its logs are in {UI_STATE}.")
            status.update(f"waiting for {waiting_for}")
            time.sleep(0.5)


def check_programs(programs: Programs) -> None:
    """Raise with the end of its log when a program has ended."""
    for name, program in programs.items():
        if program.poll() is not None:
            end = last_lines(UI_STATE / f"{name}.log")
            raise QuickstartError(f"{name} ended with exit code {program.returncode}. The end of its log:\n{end}")


def stop_ui(console: Console) -> int:
    """End a running ui, also one whose own process was killed."""
    address = end_running(RUNNING)
    console.print(f"Ended {address}." if address else "make ui is not running in this folder.", highlight=False)
    return 0
