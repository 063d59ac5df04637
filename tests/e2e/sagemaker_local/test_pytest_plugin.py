"""The fixtures of the wheel, used as the documentation shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "test-your-code.md"
ELSEWHERE = {"AWS_PROFILE": "production", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_DEFAULT_REGION": "eu-west-3"}


def examples() -> dict[str, str]:
    """The files that the page shows, by name."""
    return dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))


def test_what_the_page_shows_passes_wherever_the_machines_own_settings_lead(tmp_path: Path) -> None:
    for name, text in examples().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "sagemaker_local.pytest_plugin", "-p", "no:cacheprovider", "-q"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **ELSEWHERE}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "2 passed" in done.stdout
