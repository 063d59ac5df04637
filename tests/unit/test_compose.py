from __future__ import annotations

import json
import re
import shlex
import stat
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner
from rich.console import Console

from quickstart import compose_env
from quickstart.embedded_service import BUCKET, RAW_PREFIX

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
CELERY = {name: service for name, service in SERVICES.items() if "profiles" in service}


def test_the_file_is_what_the_compose_specification_allows() -> None:
    check = CliRunner().invoke(check_jsonschema, ["--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)])
    assert check.exit_code == 0, check.output


def test_it_runs_airflows_services_a_database_and_the_embedded_sagemaker() -> None:
    airflow = {"airflow-init", "api-server", "scheduler", "dag-processor", "triggerer"}
    assert {name for name in SERVICES if name not in CELERY} == airflow | {"postgres", "sagemaker-local"}


def test_the_profile_celery_adds_two_workers_and_the_queue_between_them() -> None:
    assert set(CELERY) == {"redis", "worker"}
    assert all(service["profiles"] == ["celery"] for service in CELERY.values())
    worker = CELERY["worker"]
    assert worker["scale"] == 2
    slots = worker["scale"] * int(worker["environment"]["AIRFLOW__CELERY__WORKER_CONCURRENCY"])
    assert slots == int(worker["environment"]["AIRFLOW__CORE__PARALLELISM"]), "else workers idle, or tasks queue up"


def test_local_executor_stays_the_default_and_every_service_has_the_same() -> None:
    executors = {environment_of(name).get("AIRFLOW__CORE__EXECUTOR") for name in SERVICES}
    assert executors == {"${AIRFLOW_EXECUTOR:-LocalExecutor}", None}
    assert environment_of("scheduler").items() <= environment_of("worker").items(), (
        "secret key, database and connection included"
    )
    assert SERVICES["worker"]["volumes"] == SERVICES["api-server"]["volumes"], "logs are read where they were written"


def test_a_worker_that_is_told_to_stop_may_finish_its_tasks() -> None:
    assert CELERY["worker"]["stop_grace_period"] == "10m"
    assert CELERY["worker"]["environment"]["DUMB_INIT_SETSID"] == "0"
    assert CELERY["worker"]["restart"] == CELERY["redis"]["restart"] == "unless-stopped"


def test_the_queue_is_kept_and_shows_its_password_to_nobody() -> None:
    assert CELERY["redis"]["volumes"] == ["queue:/data"]
    assert "ports" not in CELERY["redis"]
    assert "REDIS_PASSWORD" not in " ".join(CELERY["redis"]["command"])


def environment_of(service: str) -> dict[str, str]:
    environment: dict[str, str] = SERVICES[service].get("environment", {})
    return environment


def test_ports_are_published_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_embedded_sagemaker_answers_under_the_name_that_airflow_calls_it_by() -> None:
    connection = json.loads(SERVICES["scheduler"]["environment"]["AIRFLOW_CONN_AWS_DEFAULT"])
    command = service_command()
    called = urlsplit(connection["extra"]["endpoint_url"])
    assert command[command.index("--allow-host") + 1] == called.hostname
    assert command[command.index("--port") + 1] == str(called.port)


def service_command() -> list[str]:
    (text,) = SERVICES["sagemaker-local"]["command"]
    return shlex.split(text)


def test_the_embedded_sagemaker_begins_with_the_sample_where_the_pipeline_looks_for_raw_data() -> None:
    command = service_command()
    sample = Path(command[command.index("quickstart.sample_ecg") + 1])
    assert sample.relative_to(command[command.index("--buckets") + 1]) == Path(BUCKET, RAW_PREFIX)


def test_links_lead_to_the_port_that_is_published_on_this_machine() -> None:
    connection = json.loads(SERVICES["scheduler"]["environment"]["AIRFLOW_CONN_AWS_DEFAULT"])
    (published,) = SERVICES["sagemaker-local"]["ports"]
    assert urlsplit(connection["extra"]["console_url"]).netloc == published.rpartition(":")[0]


def test_every_secret_must_be_given_and_none_has_a_default() -> None:
    optional = {name for name, rest in compose_variables() if rest.startswith(":-")}
    assert {name for name in optional if not name.startswith("SAGEMAKER_")} == {"AIRFLOW_EXECUTOR"}
    required = [item for item in compose_variables() if item[0] not in optional]
    assert {rest for _, rest in required} == {":?is missing, run make compose-env"}
    assert {name for name, _ in required} == set(compose_env.generated_settings("password"))


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
    ours = f"sagemaker-pca-airflow:{version}"
    assert {service["image"] for service in SERVICES.values()} == {ours, "postgres:17", "redis:7.2-bookworm"}


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


@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_secret_that_came_later_is_added_to_those_that_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    monkeypatch.setattr(compose_env, "ENV_FILE", tmp_path / ".env")
    settings = {**compose_env.generated_settings("password"), "COMPOSE_PROFILES": "celery"}
    del settings["REDIS_PASSWORD"]
    earlier = compose_env.lines_of(settings).removesuffix("\n") + ending
    (tmp_path / ".env").write_text(earlier)
    assert compose_env.write_compose_env(Console()) == 0
    written = (tmp_path / ".env").read_text()
    assert re.fullmatch(re.escape(earlier.strip()) + r"\nREDIS_PASSWORD=\S{16,}\n", written)
    assert "Added REDIS_PASSWORD to .env" in capsys.readouterr().out


def test_git_never_sees_the_secrets() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
