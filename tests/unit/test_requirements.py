"""What is imported is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"dags", "plugins", "processing", "quickstart", "sagemaker_local", "sagemaker_pca"}
# Imported where they are already: Airflow's OpenLineage provider asks, or an application wants a DataFrame.
# pytest finds the fixtures by itself.
OPTIONAL = {"apache-airflow-providers-openlineage", "pandas", "pytest"}
# Come with Airflow, its Amazon provider and moto, at versions that fit these.
IN_TOW = {
    "apache-airflow-providers-standard", "botocore", "cryptography", "fastapi", "jinja2", "markupsafe", "sqlalchemy",
    "starlette", "structlog", "werkzeug",
}  # fmt: skip
DISTRIBUTIONS = packages_distributions()


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}


def imported_modules(folder: str) -> Iterator[str]:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def distribution(module: str) -> str:
    """The distribution that a module comes with; the namespace `airflow` has many."""
    if provider := re.match(r"airflow\.providers\.(\w+)", module):
        return f"apache-airflow-providers-{provider[1]}"
    if module.startswith("airflow."):
        return "apache-airflow"
    if module.startswith("google.protobuf"):
        return "protobuf"
    (found,) = set(DISTRIBUTIONS[module.split(".")[0]])
    return found.lower()


def imported(*folders: str) -> set[str]:
    modules = {module for folder in folders for module in imported_modules(folder)}
    foreign = {module for module in modules if module.split(".")[0] not in OURS | sys.stdlib_module_names}
    return {distribution(module) for module in foreign} - OPTIONAL


REQUIRED = names(PROJECT["dependencies"])
LOCAL = names(PROJECT["optional-dependencies"]["local"])


def test_a_run_on_aws_requires_what_the_dags_and_the_plugin_import() -> None:
    assert imported("dags", "plugins") == REQUIRED


def test_the_extra_adds_what_the_embedded_service_and_the_containers_code_import() -> None:
    assert imported("processing", "sagemaker_local") - REQUIRED == LOCAL


def test_make_demo_and_make_ui_install_what_they_import() -> None:
    pinned = (ROOT / "requirements-run.in").read_text(encoding="utf-8").splitlines()
    installed = names([line for line in pinned if not line.startswith("#")]) | IN_TOW
    assert imported("dags", "plugins", "processing", "quickstart", "sagemaker_local") <= installed


@pytest.mark.parametrize("name", sorted(REQUIRED | LOCAL))
def test_what_is_required_is_pinned_for_development(name: str) -> None:
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(name)}==", lock, re.MULTILINE)
