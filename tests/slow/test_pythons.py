"""The unit tests on the Pythons that the project is for, but is not developed with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.distribution import OWN_PYTHON, ROOT, BareEnvironment, find_python, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

# Direct requirements alone: the lock files are of one Python, and of the SageMaker SDK nothing installs beside Airflow
# on these. Tests that need it skip.
REQUIREMENTS = ("requirements-run.in", "requirements.in", "requirements-dev.in")
ELSEWHERE = ("-", "sagemaker==")


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_unit_tests_pass(version: str, tmp_path: Path) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    lines = [line for name in REQUIREMENTS for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("\n".join(line for line in lines if not line.startswith(ELSEWHERE)), encoding="utf-8")
    bare = BareEnvironment(tmp_path, python)
    bare.install("--requirements", str(requirements))
    # These tests' own worker is no affair of the ones within.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "AIRFLOW_"))}
    # What examples find is no matter of the Python that finds it.
    options = ("-q", "-n", "2", "--hypothesis-profile", "few examples")
    run([bare.program("python"), "-m", "pytest", "tests/unit", *options], outside | OWN_PYTHON, ROOT)
