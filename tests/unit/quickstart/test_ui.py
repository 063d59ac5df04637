from __future__ import annotations

import json
import stat
from pathlib import Path

from quickstart.ui import SERVICES, admin_password, ui_settings


def test_the_admin_password_is_generated_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    password = admin_password(path)
    assert len(password) >= 16
    assert admin_password(path) == password
    assert json.loads(path.read_text()) == {"admin": password}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_service_opens_a_log_server_on_every_interface() -> None:
    assert all("--skip-serve-logs" in SERVICES[name] for name in ("scheduler", "triggerer"))


def test_every_address_of_the_settings_is_loopback() -> None:
    settings = ui_settings(Path("/home/x"), 8080, {"pipelines": Path("/dags")})
    assert settings["API__HOST"] == "127.0.0.1"
    assert all("//127.0.0.1:8080" in value for value in settings.values() if "//" in value)
    assert SERVICES["api-server"][-2:] == ["--host", "127.0.0.1"]
