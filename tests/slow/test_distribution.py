"""The wheel on every Python that it is for, each in an environment without the checkout."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagemaker_pca.report.document import Verdict
from tests.distribution import (
    OWN_PYTHON,
    ROOT,
    BareEnvironment,
    airflow_constraints,
    airflow_version,
    build,
    find_python,
    run,
    run_alone,
    run_pipeline,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# Beyond Airflow and its Amazon provider, without the extra.
MAX_MEGABYTES = 170
ROOMS = {"sagemaker_pca", "sagemaker_local"}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module", params=PYTHONS)
def bare(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BareEnvironment]:
    """The wheel and its extra, with Airflow's own constraints where they can be had, on one Python."""
    version: str = request.param
    python = find_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    folder = tmp_path_factory.mktemp(f"python{version}")
    environment = BareEnvironment(folder, python)
    environment.install(
        f"{wheel}[local]",
        f"apache-airflow=={airflow_version()}",
        constraints=airflow_constraints(version, folder),
    )
    yield environment
    shutil.rmtree(folder)


def test_the_wheel_holds_the_two_packages_with_the_dags_and_the_containers_code(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == ROOMS
    assert {
        "sagemaker_pca/dags/pca_pipeline.py",
        "sagemaker_pca/processing/__main__.py",
        "sagemaker_pca/report/templates/run_report.html",
        "sagemaker_pca/py.typed",
        "sagemaker_local/py.typed",
    } <= names
    assert not [name for name in names if name.endswith("default_dags.py")]


def test_a_pipeline_of_three_lines_runs_to_its_end(bare: BareEnvironment) -> None:
    assert run_alone(bare) == Verdict.PROMOTED


def test_without_the_extra_a_pipeline_runs_with_the_oldest_versions_that_are_allowed(
    wheel: Path, tmp_path: Path, sagemaker_local_url: str
) -> None:
    bare = BareEnvironment(tmp_path, sys.executable)
    bare.install_oldest(wheel)
    absent = "import importlib.util as u; print([n for n in ('moto', 'pyarrow', 'sagemaker') if u.find_spec(n)])"
    assert run([bare.program("python"), "-c", absent]).strip() == "[]"
    assert run_pipeline(bare, sagemaker_local_url) == Verdict.PROMOTED


@pytest.fixture(scope="module")
def beside_airflow(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[BareEnvironment, float]:
    """The wheel in an environment that had Airflow and its provider before, and how many megabytes that took."""
    bare = BareEnvironment(tmp_path_factory.mktemp("beside"), sys.executable)
    bare.install(f"apache-airflow=={airflow_version()}", "apache-airflow-providers-amazon")
    before = bare.installed_megabytes()
    bare.install(str(wheel))
    return bare, bare.installed_megabytes() - before


def test_the_wheel_and_what_it_requires_are_small(beside_airflow: tuple[BareEnvironment, float]) -> None:
    _, megabytes = beside_airflow
    assert megabytes < MAX_MEGABYTES


def test_airflow_lists_the_provider_and_loads_the_plugin_once(beside_airflow: tuple[BareEnvironment, float]) -> None:
    bare, _ = beside_airflow
    listed = json.loads(bare.airflow("providers", "list", "--output", "json"))
    assert "airflow-sagemaker-pca" in {provider["package_name"] for provider in listed}
    plugins = json.loads(bare.airflow("plugins", "--output", "json"))
    assert [plugin["name"] for plugin in plugins] == ["sagemaker_pca"]


def test_beside_the_plugins_folder_of_the_checkout_the_plugin_is_still_loaded_once(
    beside_airflow: tuple[BareEnvironment, float],
) -> None:
    bare, _ = beside_airflow
    environment = {**os.environ, **OWN_PYTHON, "AIRFLOW_HOME": str(bare.folder / "airflow")}
    environment |= {"AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    code = "from airflow import plugins_manager as p; print('ERRORS', p._get_plugins()[1])"
    assert "ERRORS {}" in run([bare.program("python"), "-c", code], environment, bare.folder)
