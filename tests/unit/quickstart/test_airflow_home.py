from __future__ import annotations

import configparser
import json
import stat
from pathlib import Path

import yaml
from cryptography.fernet import Fernet

from quickstart.airflow_home import (
    ROOT,
    airflow_environment,
    aws_connection,
    generated_secrets,
    plain_environment,
    write_private,
)

FOREIGN = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://production/airflow",
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
    "AIRFLOW_VAR_SAGEMAKER_PCA": "{}",
    "_AIRFLOW__AS_LIBRARY": "yes",
    "AWS_PROFILE": "production",
    "AWS_ENDPOINT_URL": "https://example.com",
    "PATH": "/usr/bin",
}


def test_nothing_of_the_users_airflow_or_aws_reaches_the_quick_start() -> None:
    environment = airflow_environment(Path("/home/x"), "http://127.0.0.1:5055", {}, FOREIGN)
    assert set(FOREIGN.values()) & set(environment.values()) == {"/usr/bin"}
    assert environment["PATH"] == "/usr/bin"
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_the_connection_alone_makes_the_embedded_service_the_runs_aws() -> None:
    environment = airflow_environment(Path("/home/x"), "http://127.0.0.1:5055", {}, {})
    connection = json.loads(environment["AIRFLOW_CONN_AWS_DEFAULT"])
    assert connection["extra"] == {"region_name": "us-east-1", "endpoint_url": "http://127.0.0.1:5055"}


def test_what_airflow_stars_out_of_logs_is_part_of_no_address_or_name() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]["scheduler"]["environment"]
    for text in (aws_connection("http://127.0.0.1:5055"), compose["AIRFLOW_CONN_AWS_DEFAULT"]):
        connection = json.loads(text)
        address = connection["extra"]["endpoint_url"]
        assert (
            connection["password"] not in f"{address} sagemaker_local sagemaker-local localhost {connection['login']}"
        )


def test_a_setting_given_wins_over_the_quick_starts_own() -> None:
    environment = airflow_environment(Path("/home/x"), "", {"CORE__LOAD_EXAMPLES": "True"}, {})
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "True"


def test_loopback_is_kept_off_the_users_proxy() -> None:
    environment = plain_environment({"NO_PROXY": "intranet", "HTTPS_PROXY": "http://proxy:3128"})
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert environment["no_proxy"] == "127.0.0.1,localhost"
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", "text")
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert (tmp_path / "secret").read_text() == "text"


def test_generated_secrets_are_new_each_time_and_a_key_that_fernet_takes() -> None:
    settings = configparser.ConfigParser()
    settings.read_string(generated_secrets())
    Fernet(settings["core"]["fernet_key"])
    assert generated_secrets() != generated_secrets()
