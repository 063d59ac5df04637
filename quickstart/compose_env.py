"""`make compose-env`: the secrets that docker-compose.yaml reads, generated on the user's machine."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from cryptography.fernet import Fernet
from rich.console import Console

from quickstart.airflow_home import ROOT, write_private

ENV_FILE = ROOT / ".env"


def write_compose_env(console: Console) -> int:
    """Write .env for its owner's eyes only. Values it has stay: a new database password would lock out the old one."""
    password = secrets.token_urlsafe(12)
    settings = generated_settings(password)
    if not ENV_FILE.exists():
        write_private(ENV_FILE, lines_of(settings))
        console.print(
            f"Wrote {ENV_FILE.name}. docker compose up serves Airflow at http://127.0.0.1:8080 for admin / {password}"
        )
        return 0
    kept = ENV_FILE.read_text(encoding="utf-8")
    missing = {name: value for name, value in settings.items() if not re.search(rf"^{name}=", kept, re.MULTILINE)}
    if missing:
        with ENV_FILE.open("a", encoding="utf-8") as file:
            file.write(("" if kept.endswith("\n") else "\n") + lines_of(missing))
        console.print(f"Added {', '.join(missing)} to {ENV_FILE.name}; the rest stays as it was.")
    else:
        console.print(f"{ENV_FILE.name} exists and stays as it is. Delete it, and the volumes, to start anew.")
    return 0


def lines_of(settings: Mapping[str, str]) -> str:
    """Return settings as .env has them."""
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def generated_settings(admin_password: str) -> dict[str, str]:
    """Return a value for each variable that docker-compose.yaml requires."""
    return {
        "ADMIN_PASSWORD": admin_password,
        "API_SECRET_KEY": secrets.token_urlsafe(32),
        "FERNET_KEY": Fernet.generate_key().decode(),
        "JWT_SECRET": secrets.token_urlsafe(64),
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "REDIS_PASSWORD": secrets.token_urlsafe(24),
    }
