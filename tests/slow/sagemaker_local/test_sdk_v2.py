"""Version 2 of the SageMaker Python SDK, which most existing code uses, as it is published, in a Python of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.sagemaker_local.embedded_aws import unique_name
from tests.service_process import ServiceProcess

USER = Path(__file__).with_name("sdk_v2_user.py")
USES = [name.strip(" ,\n") for name in USER.read_text(encoding="utf-8").split("USES = (")[1].split(")")[0].split("\n")]
# It reports its use to an address of its own unless it is told not to.
CONFIG = "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
UV = (sys.executable, "-m", "uv")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What went wrong, by use; an empty text where nothing did."""
    folder = tmp_path_factory.mktemp("sdk")
    python = folder / "python" / "bin" / "python"
    subprocess.run([*UV, "venv", "--quiet", "--python", sys.executable, str(folder / "python")], check=True)
    installed = subprocess.run(
        [*UV, "pip", "install", "--quiet", "--python", str(python), "sagemaker>=2.257,<3"],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"the SDK cannot be installed: {installed.stderr[-300:]}")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    with ServiceProcess() as service:
        environment = {
            **os.environ,
            **service.client_environment,
            "PYTHONPATH": "",
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder / "config.yaml"),
        }
        done = subprocess.run(
            [str(python), str(USER), unique_name("bucket")],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            cwd=folder,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        yield json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("use", [name for name in USES if name])
def test_code_that_nobody_changed_for_it_runs(outcomes: dict[str, str], use: str) -> None:
    assert outcomes[use] == ""
