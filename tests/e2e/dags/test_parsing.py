"""DAG files as Airflow's processes parse them: quickly, quietly, and the same every time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).parents[3]

# Airflow's own, about how it reads plugins/.airflowignore.
ALLOWED_WARNINGS = ("GitWildMatchPattern",)
FORBIDDEN_IMPORTS = {
    "boto3.session",
    "sagemaker",
    "pandas",
    "matplotlib",
    "moto",
    "sklearn",
    "pyarrow",
    "numpy",
    "scipy",
}


@pytest.fixture(scope="session")
def parses(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two fresh processes report of parsing the DAG files, the order of sets differing between them."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow_home")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.dags.parsing"],
            cwd=PROJECT,
            env={**environment, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    reports = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return [json.loads(report) for report in reports]


def test_dag_files_parse_without_warnings(parses: list[dict[str, Any]]) -> None:
    assert [text for text in parses[0]["warnings"] if not any(name in text for name in ALLOWED_WARNINGS)] == []


def test_dag_files_import_nothing_heavy_beyond_the_providers_operators(parses: list[dict[str, Any]]) -> None:
    assert not FORBIDDEN_IMPORTS & set(parses[0]["modules"])


def test_steps_are_imported_by_their_tasks_and_not_by_the_dag_file(parses: list[dict[str, Any]]) -> None:
    assert not [
        name for name in parses[0]["modules"] if name.startswith("sagemaker_pca.steps.") and not name.endswith("_run")
    ]


def test_parsing_asks_no_service_and_no_database(parses: list[dict[str, Any]]) -> None:
    assert parses[0]["events"] == []


def test_parsing_looks_up_no_variable_and_no_connection(parses: list[dict[str, Any]]) -> None:
    assert parses[0]["lookups_are_noted"]
    assert parses[0]["lookups"] == []


def test_every_parse_gives_the_same_serialized_dag(parses: list[dict[str, Any]]) -> None:
    one, other = (json.dumps(parse["serialized"], sort_keys=True) for parse in parses)
    assert one == other


def test_the_serialized_dag_stays_small(parses: list[dict[str, Any]]) -> None:
    assert len(json.dumps(parses[0]["serialized"]["pca_pipeline"])) < 50_000
