from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as expected

from quickstart.own_pipeline import OWN_DAG_ID
from quickstart.ui import DAG_ID
from tests.airflow_api import DagRun, RunsApi, wait_for
from tests.airflow_pages import AirflowPages
from tests.airflow_services import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[3]
RUN_SECONDS = 400
READY_SECONDS = 60


@dataclass
class RunningUi:
    """A `make ui` in a copy of the project, as a user of a fresh clone would have it."""

    root: Path
    process: subprocess.Popen[str]
    address: str
    password: str

    def api(self) -> RunsApi:
        api, deadline = RunsApi(self.address, self.password), time.monotonic() + READY_SECONDS
        # On a busy machine an answer of Airflow's may take longer than `make ui` waits for one.
        while unready := api.unready_part(DAG_ID):
            assert time.monotonic() < deadline, unready
            time.sleep(1)
        return api

    def stop(self) -> str:
        return subprocess.run(
            [sys.executable, "-m", "quickstart", "stop"],
            cwd=self.root,
            env=environment(self.root),
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if folder_of(process) == str(self.root)]


def folder_of(process: psutil.Process) -> str | None:
    try:
        return str(process.cwd())
    except psutil.Error:
        return None


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'plugins'}"}


def start_ui(root: Path, *options: str) -> RunningUi:
    process = subprocess.Popen(
        [sys.executable, "-m", "quickstart", "ui", "--port", str(free_port()), *options],
        cwd=root,
        env=environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if "ends everything" in line:
            break
    shown = re.search(r"^Airflow +(http://127\.0\.0\.1:\d+)\nlogin +admin / (\S+)$", output, re.MULTILINE)
    assert shown, output
    return RunningUi(root, process, shown[1], shown[2])


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningUi]:
    root = tmp_path_factory.mktemp("ui") / "fresh clone"
    for name in ("dags", "plugins", "processing", "sagemaker_local", "quickstart"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "my data.csv").write_text("when;a;b\n" + "".join(f"day {n};{n},5;{n * n}\n" for n in range(500)))
    running = start_ui(root, "--data", "my data.csv")
    yield running
    running.stop()
    assert running.process.wait(60) == 0
    assert running.processes() == []


def test_a_run_triggered_through_the_api_succeeds_and_its_logs_can_be_read(ui: RunningUi) -> None:
    run = ui.api().trigger(DAG_ID, "from_the_api", {})
    assert run.wait_until_ended(RUN_SECONDS) == "success"
    assert "deploys to endpoint pca-endpoint" in run.log("preflight")


def test_the_dag_over_the_users_own_data_succeeds(ui: RunningUi) -> None:
    assert ui.api().unready_part(OWN_DAG_ID) == ""
    run = ui.api().trigger(OWN_DAG_ID, "over_my_data", {})
    assert run.wait_until_ended(RUN_SECONDS) == "success"


def test_clicks_while_a_run_goes_on_never_meet_a_locked_database(ui: RunningUi) -> None:
    api = ui.api()
    run = api.trigger(DAG_ID, "meanwhile", {})
    token = httpx.post(f"{ui.address}/auth/token", json={"username": "admin", "password": ui.password}).json()

    def click(number: int) -> int:
        body = {"dag_run_id": f"click_{number}", "logical_date": None, "conf": {"force": True}}
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        runs = f"{ui.address}/api/v2/dags/{DAG_ID}/dagRuns"
        return httpx.post(runs, json=body, headers=headers, timeout=60).status_code

    with ThreadPoolExecutor(4) as clicks:
        assert set(clicks.map(click, range(12))) == {200}
    for number in range(12):
        DagRun(api, DAG_ID, f"click_{number}").set_state("failed")
    assert run.wait_until_ended(RUN_SECONDS) == "success"


def test_a_user_triggers_the_pipeline_from_the_form_and_sees_it_succeed(
    ui: RunningUi, browser: webdriver.Chrome
) -> None:
    pages = AirflowPages(browser, ui.address)
    pages.sign_in(ui.password)
    run = DagRun(ui.api(), DAG_ID, pages.trigger(DAG_ID, {}))
    assert run.wait_until_ended(RUN_SECONDS) == "success"
    success = (By.XPATH, "//h2[contains(., 'manual__')]/following::*[text()='Success'][1]")
    assert pages.wait.until(expected.visibility_of_element_located(success))


def test_every_port_is_on_loopback(ui: RunningUi) -> None:
    programs = {process.pid for process in ui.processes()}
    assert len(programs) >= 6
    listening = [
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.laddr and connection.status == psutil.CONN_LISTEN and connection.pid in programs
    ]
    assert len(listening) == 2
    assert set(listening) == {"127.0.0.1"}


@pytest.mark.parametrize("foreign", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
def test_airflow_gives_pages_of_other_sites_nothing(ui: RunningUi, foreign: dict[str, str]) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    runs = f"{ui.address}/api/v2/dags/{DAG_ID}/dagRuns"
    answers = [
        httpx.options(runs, headers={**asked, **foreign}),
        httpx.get(runs, headers=foreign),
        httpx.post(runs, headers=foreign, json={"logical_date": None}),
    ]
    assert [answer.status_code for answer in answers] == [405, 401, 401]
    assert [name for answer in answers for name in answer.headers if name.startswith("access-control-")] == []


def test_secrets_are_for_their_owner_alone(ui: RunningUi) -> None:
    home = ui.root / ".local" / "ui" / "airflow"
    for name in ("airflow.cfg", "passwords.json"):
        assert (home / name).stat().st_mode & 0o077 == 0
    assert json.loads((home / "passwords.json").read_text()) == {"admin": ui.password}


def test_a_second_ui_in_the_same_folder_is_refused_in_one_sentence(ui: RunningUi) -> None:
    command = [sys.executable, "-m", "quickstart", "ui", "--port", str(free_port())]
    second = subprocess.run(command, cwd=ui.root, env=environment(ui.root), capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stderr == "make ui runs already in this folder. End it first: make stop\n"


@pytest.mark.parametrize("ending", ["interrupt", "kill and stop"])
def test_nothing_is_left_running(tmp_path: Path, ui: RunningUi, ending: str) -> None:
    root = tmp_path / "fresh clone"
    shutil.copytree(ui.root, root, ignore=shutil.ignore_patterns("ui", "__pycache__"))
    running = start_ui(root)
    assert len(running.processes()) >= 6
    running.process.send_signal(signal.SIGINT if ending == "interrupt" else signal.SIGKILL)
    running.process.wait(60)
    if ending != "interrupt":
        assert running.stop() == f"Ended {running.address}.\n"
    wait_for(lambda: not running.processes() or None, 10)
    assert running.stop() == "make ui is not running in this folder.\n"
