"""`make aws-check` against the embedded service, which boto3 finds by AWS's own variable instead of AWS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.deployed_stack import DeployedStack, deploy
from tests.service_process import ServiceProcess

# Each of them is a whole run, most with a removal that waits for AWS to forget.
pytestmark = pytest.mark.slow
RUN_SECONDS = 240
FAST = {"poll_seconds": 0.2}


class Account:
    """An account with the stack of infra/ in it, and nothing else."""

    def __init__(self, address: str) -> None:
        self.environment = {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
        }
        self._address = address
        self.sagemaker, self.s3, self.logs = map(self.client, ("sagemaker", "s3", "logs"))
        self.stack: DeployedStack = deploy(self.client)
        self.bucket = self.stack.outputs["BucketName"]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._address,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def plan_fault(self, **fault: Any) -> None:
        httpx.post(f"{self._address}/sagemaker-local/faults", json=fault, timeout=60).raise_for_status()

    def forget_faults(self) -> None:
        httpx.delete(f"{self._address}/sagemaker-local/faults", timeout=60).raise_for_status()

    def everything(self) -> list[Any]:
        """All that a run could leave behind."""
        versions = self.s3.list_object_versions(Bucket=self.bucket)
        groups = self.logs.describe_log_groups()["logGroups"]
        streams = [self.logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"] for group in groups]
        return [
            *self.sagemaker.list_processing_jobs()["ProcessingJobSummaries"],
            *self.sagemaker.list_training_jobs()["TrainingJobSummaries"],
            *self.sagemaker.list_models()["Models"],
            *self.sagemaker.list_endpoint_configs()["EndpointConfigs"],
            *self.sagemaker.list_endpoints()["Endpoints"],
            *versions.get("Versions", ()),
            *versions.get("DeleteMarkers", ()),
            *(stream for found in streams for stream in found),
        ]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with ServiceProcess() as service:
        yield Account(service.url)


def start(
    account: Account,
    folder: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    user = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.Popen(
        [sys.executable, "-m", "quickstart", "aws-check", *options],
        cwd=folder,
        env={**user, **account.environment, **(environment or {}), "AIRFLOW__CORE__DAGS_FOLDER": "/nowhere"},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(account: Account, folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    check = start(account, folder, *options, environment=environment)
    output, _ = check.communicate(timeout=RUN_SECONDS)
    return check.returncode, output


def agreed(**settings: Any) -> tuple[str, ...]:
    return ("--yes", "--settings", json.dumps({**FAST, **settings}))


def test_it_says_who_where_and_how_much_then_runs_and_removes_everything(account: Account, tmp_path: Path) -> None:
    exit_code, output = run(account, tmp_path, *agreed())

    assert exit_code == 0, output
    before, _, after = output.partition("Running pca_pipeline")
    assert "account and region 123456789012, us-east-1" in before
    assert account.stack.outputs["ServingRoleArn"] in before
    assert "ceiling: $" in before
    assert "promoted" in after.lower()
    assert "removed endpoint aws-check-" in after
    assert after.rstrip().endswith("Nothing is left in account 123456789012.")
    assert account.everything() == []


def test_a_failed_run_fails_the_command_and_leaves_nothing(account: Account, tmp_path: Path) -> None:
    exit_code, output = run(account, tmp_path, *agreed(min_explained_variance=1.0, num_components=1))

    assert exit_code == 1, output
    assert "refused" in output.lower()
    assert "removed training job pca-pipeline-" in output
    assert account.everything() == []


def test_ctrl_c_stops_the_running_job_and_leaves_nothing(account: Account, tmp_path: Path) -> None:
    account.plan_fault(fault="delay_job", target="TrainingJob", seconds=300)
    check = start(account, tmp_path, *agreed())
    assert check.stdout is not None
    for line in check.stdout:
        if "wait_for_training" in line:
            break
    check.send_signal(signal.SIGINT)
    output, _ = check.communicate(timeout=RUN_SECONDS)

    assert check.returncode == 130, output
    assert "removed training job pca-pipeline-" in output
    assert account.everything() == []


def test_without_anybody_to_agree_nothing_is_started(account: Account, tmp_path: Path) -> None:
    exit_code, output = run(account, tmp_path)

    assert exit_code == 1
    assert "ceiling: $" in output
    assert output.rstrip().endswith("Nobody is there to agree to the cost. Run it in a terminal, or with YES=1.")
    assert account.everything() == []


def test_who_does_not_say_yes_starts_nothing(account: Account, tmp_path: Path) -> None:
    keyboard, terminal = os.openpty()
    check = start(account, tmp_path, stdin=terminal)
    os.write(keyboard, b"n\n")
    output, _ = check.communicate(timeout=RUN_SECONDS)
    os.close(keyboard)
    os.close(terminal)

    assert check.returncode == 0, output
    assert "Start it, and remove everything at its end? [yes/no]" in output
    assert output.endswith("Nothing was started.\n")
    assert account.everything() == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"bucket": "no-such-bucket"},
            "Bucket no-such-bucket does not exist. docs/aws.md, step 2, says how to make it.",
        ),
        ({"serving_role": "nobody"}, "Role nobody does not exist. docs/aws.md, step 2, says how to make it."),
        ({"num_component": 2}, "num_component in params is no setting of this pipeline. Did you mean num_components?"),
        ({"endpoint_name": "mine"}, "endpoint_name is set by the check itself. Leave that out of SETTINGS."),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence(
    account: Account, tmp_path: Path, settings: dict[str, Any], sentence: str
) -> None:
    exit_code, output = run(account, tmp_path, *agreed(**settings))

    assert exit_code == 1
    assert output.rstrip().endswith(sentence)


def test_a_missing_region_or_credentials_are_named(account: Account, tmp_path: Path) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

    assert "No AWS region is set" in run(account, tmp_path, **nothing, AWS_REGION="")[1]
    assert "Sign in first." in run(account, tmp_path, **nothing, **nobody)[1]


def test_what_cannot_be_removed_is_named_and_fails_the_command(account: Account, tmp_path: Path) -> None:
    account.plan_fault(fault="throttle", target="DeleteModel", times=1000)
    exit_code, output = run(account, tmp_path, *agreed())
    account.forget_faults()
    (model,) = account.sagemaker.list_models()["Models"]
    account.sagemaker.delete_model(ModelName=model["ModelName"])

    assert exit_code == 1
    still_there = output.partition("STILL THERE")[2]
    assert f"model {model['ModelName']}: " in still_there
    assert "endpoint" not in still_there.partition("\n")[2]
    assert account.everything() == []
