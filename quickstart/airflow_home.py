"""An Airflow that belongs to the quick start alone: own home, own database, nothing of the user's set-up."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from cryptography.fernet import Fernet

from quickstart.airflow_database import DATABASE, PATIENCE_SECONDS
from quickstart.processes import QuickstartError

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".local"

# Through these the user's own Airflow and AWS settings would reach the quick start, database and account included.
FOREIGN_PREFIXES = ("AIRFLOW", "AWS_", "_AIRFLOW")
# The embedded service takes any. Airflow stars a connection's password out of every log: this one is part of nothing.
UNCHECKED_PASSWORD = "checked-by-nobody"  # noqa: S105


def airflow_environment(
    home: Path, service_address: str, settings: Mapping[str, str], base: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the environment of an Airflow process whose AWS is the embedded service.

    :param settings: further Airflow settings, as ``SECTION__KEY``
    """
    own = {
        "CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / DATABASE}?timeout={PATIENCE_SECONDS:.0f}",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        **settings,
    }
    return {
        **plain_environment(base),
        **{f"AIRFLOW__{name}": value for name, value in own.items()},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_AWS_DEFAULT": aws_connection(service_address),
    }


def plain_environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment without Airflow's and AWS's variables, with loopback kept off any proxy."""
    environment = {name: value for name, value in base.items() if not name.startswith(FOREIGN_PREFIXES)}
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1", "localhost"]))
    # boto3 would otherwise read the user's profiles, and outside EC2 wait for its metadata service.
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**environment, **nowhere, "AWS_EC2_METADATA_DISABLED": "true", "DO_NOT_TRACK": "1"}


def aws_connection(service_address: str) -> str:
    """Return the Airflow connection that makes the embedded service the run's AWS."""
    extra = {"region_name": "us-east-1", "endpoint_url": service_address}
    return json.dumps({"conn_type": "aws", "login": "local", "password": UNCHECKED_PASSWORD, "extra": extra})


def create_airflow_home(home: Path) -> None:
    """Fill a home with a migrated database and secrets of its own, keeping those of an earlier start."""
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "airflow.cfg"
    if not settings.exists():
        write_private(settings, generated_secrets())
    database = home / DATABASE
    if not database.exists():
        shutil.copyfile(migrated_database(), database)


def generated_secrets() -> str:
    """Return an airflow.cfg of nothing but secrets; its presence also keeps Airflow from writing a full one."""
    return (
        f"[core]\nfernet_key = {Fernet.generate_key().decode()}\n"
        f"[api]\nsecret_key = {secrets.token_urlsafe(32)}\n"
        f"[api_auth]\njwt_secret = {secrets.token_urlsafe(64)}\n"
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def migrated_database(state: Path = STATE) -> Path:
    """Return an empty database of the installed Airflow; migrating one takes seconds, so it is kept to be copied."""
    template = state / f"airflow-{metadata.version('apache-airflow-core')}.db"
    state.mkdir(exist_ok=True)
    with (state / "database.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            print("Creating Airflow's database (once per Airflow version).", flush=True)
            migrate_database(template)
    return template


def migrate_database(target: Path) -> None:
    """Create Airflow's tables in a new SQLite file, which appears under its name only when complete."""
    with tempfile.TemporaryDirectory(prefix="sagemaker-pca-") as folder:
        home = Path(folder)
        write_private(home / "airflow.cfg", generated_secrets())
        environment = airflow_environment(home, service_address="", settings={})
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise QuickstartError(f"Airflow could not create its database:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        partial = target.with_suffix(".partial")
        shutil.copyfile(home / DATABASE, partial)
        partial.replace(target)
