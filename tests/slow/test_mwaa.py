"""What docs/mwaa.md uploads, laid out as MWAA lays it and read-only: a run from there, without the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from quickstart.airflow_home import airflow_environment, create_airflow_home
from sagemaker_pca.report.document import Verdict
from tests.pipeline_process import PipelineClient, raw_csv
from tests.run_plans import DEPLOYMENT_VARIABLE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
# Airflow's command line, as it is where nobody has put the checkout on Python's path.
AIRFLOW = """
import sys
checkout = sys.argv.pop(1)
sys.path[:] = [entry for entry in sys.path if entry not in ("", checkout, checkout + "/plugins")]
from airflow.__main__ import main
try:
    main()
finally:
    print("LOADED", sys.modules["sagemaker_pca"].__file__)
"""
# A mount that only these processes see; the permissions of files do not bind root.
READ_ONLY = """
for folder in "$1" "$2"; do mount --bind "$folder" "$folder"; mount -o remount,bind,ro "$folder"; done
shift 2
exec "$@"
"""


@pytest.fixture
def airflow_folder(tmp_path: Path) -> Path:
    """`/usr/local/airflow` of an environment to which the page's commands have uploaded."""
    checkout = tmp_path / "checkout"
    for name in ("dags", "plugins", "processing"):
        shutil.copytree(ROOT / name, checkout / name)
    (commands,) = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "mwaa.md").read_text(), re.MULTILINE | re.DOTALL)
    subprocess.run(["bash", "-euc", commands], cwd=checkout, check=True)
    folder = tmp_path / "usr" / "local" / "airflow"
    upload = checkout / ".local" / "mwaa"
    shutil.copytree(upload / "dags", folder / "dags")
    with zipfile.ZipFile(upload / "plugins.zip") as archive:
        archive.extractall(folder / "plugins")
    shutil.rmtree(checkout)
    return folder


def read_only(folders: tuple[Path, Path], command: Sequence[str]) -> list[str]:
    """The command, with two folders that it cannot write to."""
    if os.geteuid() != 0:
        for folder in folders:
            for path in [folder, *folder.rglob("*")]:
                path.chmod(path.stat().st_mode & ~0o222)
        return [*command]
    mounting = ["unshare", "--mount", "sh", "-euc", READ_ONLY, "sh", *map(str, folders)]
    if subprocess.run([*mounting, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("root may not mount here, and nothing else keeps root from writing")
    return [*mounting, *command]


def test_a_run_succeeds_from_what_the_page_uploads(airflow_folder: Path, sagemaker_local_url: str) -> None:
    client = PipelineClient(sagemaker_local_url, "mwaa")
    client.put_raw("recording.csv", raw_csv(400))
    dags, plugins = airflow_folder / "dags", airflow_folder / "plugins"
    folders = {"CORE__DAGS_FOLDER": str(dags), "CORE__PLUGINS_FOLDER": str(plugins)}
    environment = airflow_environment(airflow_folder, sagemaker_local_url, folders) | DEPLOYMENT_VARIABLE
    environment.pop("PYTHONPATH", None)
    create_airflow_home(airflow_folder)
    command = [sys.executable, "-c", AIRFLOW, str(ROOT), "dags", "test", "pca_pipeline"]

    run = subprocess.run(
        read_only((dags, plugins), [*command, "--conf", json.dumps(client.conf())]),
        cwd=airflow_folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    (loaded,) = re.findall(r"^LOADED (.+)$", run.stdout, re.MULTILINE)
    assert Path(loaded).is_relative_to(plugins)
    served = client.serving_config()
    assert served is not None
    assert client.report(served).run.verdict is Verdict.PROMOTED
    assert list(airflow_folder.rglob("__pycache__")) == []
