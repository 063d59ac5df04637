"""The AWS CLI, in a Python of its own, with what people type to look after endpoints."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import EmbeddedInventory
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
UV = (sys.executable, "-m", "uv")
Aws = Callable[[str], Any]


@pytest.fixture(scope="module")
def service() -> Iterator[ServiceProcess]:
    with ServiceProcess() as running:
        yield running


@pytest.fixture(scope="module")
def aws(service: ServiceProcess, tmp_path_factory: pytest.TempPathFactory) -> Aws:
    """Runs a command of the CLI; its answer, as text where it is no JSON."""
    folder = tmp_path_factory.mktemp("cli")
    subprocess.run([*UV, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    installed = subprocess.run(
        [*UV, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), "awscli>=1.40,<2"],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"the AWS CLI cannot be installed: {installed.stderr[-300:]}")
    environment = {**os.environ, **service.client_environment, "PYTHONPATH": "", "AWS_PAGER": ""}

    def run(words: str) -> Any:
        command = [str(folder / "bin" / "python"), str(folder / "bin" / "aws"), *words.split(), "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout

    return run


@pytest.fixture
def inventory(service: ServiceProcess) -> Iterator[EmbeddedInventory]:
    inventory = EmbeddedInventory(service.url)
    inventory.serve("pca-endpoint")
    yield inventory
    inventory.remove_everything()


def test_endpoints_are_listed_described_asked_and_deleted(
    aws: Aws, inventory: EmbeddedInventory, tmp_path: Path
) -> None:
    (listed,) = aws("sagemaker list-endpoints --name-contains pca --status-equals InService")["Endpoints"]
    assert listed["EndpointName"] == "pca-endpoint"
    described = aws("sagemaker describe-endpoint --endpoint-name pca-endpoint")
    assert described["EndpointConfigName"] == "pca-endpoint"
    assert [item["EndpointConfigName"] for item in aws("sagemaker list-endpoint-configs")["EndpointConfigs"]]
    assert [item["ModelName"] for item in aws("sagemaker list-models")["Models"]] == ["pca-endpoint"]

    rows, answer = tmp_path / "rows.csv", tmp_path / "answer.json"
    rows.write_text("3,4\n", encoding="utf-8")
    asked = f"--endpoint-name pca-endpoint --content-type text/csv --body fileb://{rows} {answer}"
    aws(f"sagemaker-runtime invoke-endpoint {asked}")
    assert json.loads(answer.read_text(encoding="utf-8")) == {"projections": [{"projection": [3.0, 4.0]}]}

    aws("sagemaker delete-endpoint --endpoint-name pca-endpoint")
    aws("sagemaker wait endpoint-deleted --endpoint-name pca-endpoint")
    aws("sagemaker delete-endpoint-config --endpoint-config-name pca-endpoint")
    aws("sagemaker delete-model --model-name pca-endpoint")
    assert inventory.names() == {"endpoint": set(), "endpoint_config": set(), "model": set()}


def test_files_go_to_s3_and_come_back(aws: Aws, inventory: EmbeddedInventory, tmp_path: Path) -> None:
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "a.csv").write_text("1,2\n", encoding="utf-8")
    aws("s3 mb s3://cli-bucket")
    aws(f"s3 cp {tmp_path}/up s3://cli-bucket/raw/ --recursive --quiet")
    aws(f"s3 sync s3://cli-bucket/raw/ {tmp_path}/down --quiet")
    assert (tmp_path / "down" / "a.csv").read_text(encoding="utf-8") == "1,2\n"
    aws("s3 rb s3://cli-bucket --force")
