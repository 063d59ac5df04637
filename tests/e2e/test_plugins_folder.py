"""Airflow executes files in plugins/ in every one of its processes: only one of ours may be among them."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from airflow._shared.module_loading import find_path_from_directory

pytestmark = pytest.mark.e2e

PLUGINS = Path(__file__).parents[2] / "plugins"
HEAVY = {
    "boto3",
    "botocore",
    "numpy",
    "matplotlib",
    "pyarrow",
    "pandas",
    "sagemaker",
    "moto",
    "airflow.providers.amazon",
}
LOAD_PLUGINS = """
import airflow.plugins_manager, json, sys
before = set(sys.modules)
plugins, errors = airflow.plugins_manager._get_plugins()
print(json.dumps({
    "plugins": [plugin.name for plugin in plugins],
    "errors": errors,
    "modules": sorted(set(sys.modules) - before),
    "files": {name: str(module.__spec__.origin) for name, module in sys.modules.items()
              if getattr(module, "__spec__", None)},
}))
"""


def scanned(folder: Path) -> list[str]:
    """Files that Airflow's plugin scan executes."""
    with warnings.catch_warnings():
        # Airflow reads the ignore file with a class that its own dependency has deprecated.
        warnings.filterwarnings("ignore", message=".*GitWildMatchPattern.*", category=DeprecationWarning)
        paths = [Path(path) for path in find_path_from_directory(str(folder), ".airflowignore", "glob")]
    return sorted(str(path.relative_to(folder)) for path in paths if path.suffix == ".py")


def test_the_scan_executes_one_file() -> None:
    assert scanned(PLUGINS) == ["sagemaker_pca_plugin.py"]


def test_without_the_ignore_file_the_scan_would_execute_the_package(tmp_path: Path) -> None:
    copy = shutil.copytree(PLUGINS, tmp_path / "plugins")
    (copy / ".airflowignore").unlink()
    assert "sagemaker_pca/hooks/sagemaker_hook.py" in scanned(copy)


def test_a_file_of_the_plugins_name_deeper_down_is_not_executed(tmp_path: Path) -> None:
    copy = shutil.copytree(PLUGINS, tmp_path / "plugins")
    shutil.copy(copy / "sagemaker_pca_plugin.py", copy / "sagemaker_pca" / "steps")
    assert scanned(copy) == ["sagemaker_pca_plugin.py"]


def test_no_module_would_hide_another_one_if_it_were_scanned() -> None:
    ours = {"sagemaker_pca", "sagemaker_pca_plugin"}
    stems = {path.stem for path in PLUGINS.rglob("*.py")} - {"__init__"}
    taken = (set(sys.stdlib_module_names) | set(packages_distributions())) - ours
    assert stems & taken == set()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a fresh process of Airflow has after it loaded its plugins."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow_home")),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    output = subprocess.run(
        [sys.executable, "-c", LOAD_PLUGINS], env=environment, check=True, capture_output=True, text=True, timeout=120
    ).stdout
    report: dict[str, Any] = json.loads(output.splitlines()[-1])
    return report


def test_airflow_loads_the_plugin_without_errors(loaded: dict[str, Any]) -> None:
    assert "sagemaker_pca" in loaded["plugins"]
    assert loaded["errors"] == {}


def test_airflow_executes_nothing_else_of_the_folder(loaded: dict[str, Any]) -> None:
    ours = {name for name, file in loaded["files"].items() if Path(file).is_relative_to(PLUGINS)}
    modules = {f"sagemaker_pca.{name}" for name in ("plugin", "listener", "links", "resource_kinds")}
    assert ours == {"sagemaker_pca_plugin", "sagemaker_pca"} | modules


def test_the_plugin_imports_nothing_heavy(loaded: dict[str, Any]) -> None:
    imported = [name for name in loaded["modules"] if any(f"{name}.".startswith(f"{heavy}.") for heavy in HEAVY)]
    assert imported == []
