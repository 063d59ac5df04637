from __future__ import annotations

import re
import stat
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from quickstart import compose_env

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]


def test_the_file_is_what_the_compose_specification_allows() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]
    check = subprocess.run(command, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout


def test_it_runs_airflows_services_a_database_and_the_embedded_sagemaker() -> None:
    airflow = {"airflow-init", "api-server", "scheduler", "dag-processor", "triggerer"}
    assert set(SERVICES) == airflow | {"postgres", "sagemaker-local"}


def test_ports_are_published_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_secret_must_be_given_and_none_has_a_default() -> None:
    variables = [item for item in compose_variables() if not item[0].startswith("SAGEMAKER_")]
    assert {rest for _, rest in variables} == {":?is missing, run make compose-env"}
    assert {name for name, _ in variables} == set(compose_env.generated_settings("password"))


def test_every_variable_of_the_dags_reaches_airflow_and_may_be_left_out() -> None:
    passed_on = {name for name, rest in compose_variables() if rest == ":-"}
    sources = [path.read_text() for folder in ("dags", "plugins") for path in (ROOT / folder).rglob("*.py")]
    assert passed_on == set(re.findall(r'"(SAGEMAKER_(?:PCA|ENDPOINTS)_[A-Z_]+)"', "\n".join(sources)))


def compose_variables() -> list[tuple[str, str]]:
    return re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", COMPOSE_FILE.read_text())


def test_every_service_that_stays_says_whether_it_is_healthy() -> None:
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"airflow-init"}


def test_a_service_waits_only_for_what_exists_and_can_become_true() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            stays = "healthcheck" in SERVICES[name]
            assert wait["condition"] == ("service_healthy" if stays else "service_completed_successfully")


def test_mounted_and_copied_folders_exist_and_reach_the_build() -> None:
    mounts = {volume for service in SERVICES.values() for volume in service.get("volumes", ()) if volume[0] == "."}
    copied = set(re.findall(r"^COPY --chown=airflow:0 (\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert {mount.split(":")[0].removeprefix("./") for mount in mounts} | {"requirements.txt"} == copied
    assert all((ROOT / name).exists() for name in copied)
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == copied


def test_the_image_has_the_locked_airflow() -> None:
    version = metadata.version("apache-airflow")
    assert f"\napache-airflow=={version}\n" in (ROOT / "requirements.txt").read_text()
    assert f"FROM apache/airflow:{version}-python3.11\n" in (ROOT / "Dockerfile").read_text()
    assert {service["image"] for service in SERVICES.values()} == {f"sagemaker-pca-airflow:{version}", "postgres:17"}


def test_secrets_are_generated_for_their_owner_alone_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compose_env, "ENV_FILE", tmp_path / ".env")
    assert compose_env.write_compose_env(Console()) == 0
    written = (tmp_path / ".env").read_text()
    settings = dict(line.split("=", 1) for line in written.splitlines())
    assert all(len(value) >= 16 for value in settings.values())
    assert settings["ADMIN_PASSWORD"] in capsys.readouterr().out
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert compose_env.write_compose_env(Console()) == 0
    assert (tmp_path / ".env").read_text() == written


def test_git_never_sees_the_secrets() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
