"""`make compose-env`: the secrets that docker-compose.yaml reads, generated on the user's machine."""

from __future__ import annotations

import secrets

from rich.console import Console

from quickstart.airflow_home import ROOT, fernet_key, write_private

ENV_FILE = ROOT / ".env"


def write_compose_env(console: Console) -> int:
    """Write .env for its owner's eyes only, unless it exists: a new database password would lock out the old one."""
    if ENV_FILE.exists():
        console.print(f"{ENV_FILE.name} exists and stays as it is. Delete it, and the volumes, to start anew.")
        return 0
    password = secrets.token_urlsafe(12)
    write_private(ENV_FILE, "".join(f"{name}={value}\n" for name, value in generated_settings(password).items()))
    console.print(
        f"Wrote {ENV_FILE.name}. docker compose up serves Airflow at http://127.0.0.1:8080 for admin / {password}"
    )
    return 0


def generated_settings(admin_password: str) -> dict[str, str]:
    """Return a value for each variable that docker-compose.yaml requires."""
    return {
        "ADMIN_PASSWORD": admin_password,
        "API_SECRET_KEY": secrets.token_urlsafe(32),
        "FERNET_KEY": fernet_key(),
        "JWT_SECRET": secrets.token_urlsafe(64),
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
    }
