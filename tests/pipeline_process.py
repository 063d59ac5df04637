"""The pipeline as its users have it: data and an endpoint, and `airflow dags test`."""

from __future__ import annotations

import atexit
import functools
import io
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import numpy as np
from botocore.config import Config

from quickstart.airflow_home import airflow_environment, aws_connection, create_airflow_home
from sagemaker_pca.report.document import RunReport
from sagemaker_pca.report.summary import RunSummary
from sagemaker_pca.run.tasks import PUBLISH_REPORT, RUN_SUMMARY_KEY
from tests.dags_test_process import DagsTestProcess
from tests.run_plans import DEPLOYMENT_VARIABLE

BUCKET = "sagemaker-pca-us-east-1-123456789012"


@dataclass(frozen=True)
class FinishedRun:
    """A run of the DAG that has ended."""

    exit_code: int
    log: str
    report: RunReport
    note: str | None

    def step_states(self) -> dict[str, str | None]:
        """State of every step, by task id."""
        return {step.task_id: step.state for step in self.report.steps}


class PipelineClient:
    """What a user of the pipeline has beside Airflow: raw data in S3, an endpoint, reports; and faults on demand.

    :param service_url: address of the embedded service
    :param name: tells this raw data and endpoint from those of other tests on the same service
    """

    def __init__(self, service_url: str, name: str) -> None:
        self.endpoint_name = f"endpoint-{name}"
        self.raw_prefix = f"raw-{name}/"
        self._clients = {
            service: boto3.client(
                service,
                endpoint_url=service_url,
                region_name="us-east-1",
                aws_access_key_id="local",
                aws_secret_access_key="local",
                # Else looked up in the environment, which pytest changes while threads of other tests go through it.
                config=Config(proxies={}),
            )
            for service in ("s3", "sagemaker", "sagemaker-runtime", "cloudwatch")
        }
        self.s3, self.sagemaker = self._clients["s3"], self._clients["sagemaker"]
        self.runtime, self.cloudwatch = self._clients["sagemaker-runtime"], self._clients["cloudwatch"]
        self.service_url = service_url
        self.s3.create_bucket(Bucket=BUCKET)

    def conf(self, **settings: Any) -> dict[str, Any]:
        """Settings of a run on this data and endpoint."""
        return {
            "raw_data_uri": f"s3://{BUCKET}/{self.raw_prefix}",
            "endpoint_name": self.endpoint_name,
            "poll_seconds": 0.2,
            # Tests run the same data again and again.
            "force": True,
            **settings,
        }

    def put_raw(self, name: str, content: bytes) -> None:
        """Put a raw file where the runs look for it."""
        self.s3.put_object(Bucket=BUCKET, Key=self.raw_prefix + name, Body=content)

    def upload_raw(self, path: Path) -> None:
        """Put a local file where the runs look for it."""
        self.s3.upload_file(str(path), BUCKET, self.raw_prefix + path.name)

    def plan_fault(self, **fault: Any) -> dict[str, Any]:
        """Make the embedded service fail something, as `sagemaker_local.faults` says; the answer is what is planned."""
        planned: dict[str, Any] = self._faults("POST", json=fault)[-1]
        return planned

    def planned_faults(self) -> list[dict[str, Any]]:
        """What the embedded service is still going to fail."""
        return self._faults("GET")

    def forget_faults(self) -> None:
        """Let the embedded service fail nothing more, of whomever it was planned."""
        self._faults("DELETE")

    def _faults(self, method: str, **request: Any) -> list[dict[str, Any]]:
        answer = httpx.request(
            method, f"{self.service_url}/sagemaker-local/faults", timeout=60, trust_env=False, **request
        )
        faults: list[dict[str, Any]] = answer.raise_for_status().json()["faults"]
        return faults

    def report(self, run_name: str) -> RunReport:
        """The report that a run published."""
        return self._report(f"runs/{run_name}/report/report.json")

    def _report(self, key: str) -> RunReport:
        return RunReport.read(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read(), key)

    def serving_config(self) -> str | None:
        """Name of the configuration that the endpoint serves, None without an endpoint."""
        try:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=self.endpoint_name)
        except self.sagemaker.exceptions.ClientError:
            return None
        assert endpoint["EndpointStatus"] == "InService"
        return str(endpoint["EndpointConfigName"])

    def endpoint_tags(self) -> dict[str, str]:
        """Tags of the endpoint."""
        arn = self.sagemaker.describe_endpoint(EndpointName=self.endpoint_name)["EndpointArn"]
        return {tag["Key"]: tag["Value"] for tag in self.sagemaker.list_tags(ResourceArn=arn)["Tags"]}

    def project(self, rows: list[list[float]]) -> list[list[float]]:
        """Projections of raw rows as a client gets them."""
        body = "\n".join(",".join(map(repr, row)) for row in rows)
        answer = self.runtime.invoke_endpoint(EndpointName=self.endpoint_name, ContentType="text/csv", Body=body)
        return [item["projection"] for item in json.loads(answer["Body"].read())["projections"]]


@functools.cache
def dags_test_process(dags: Path | None = None) -> DagsTestProcess:
    """The process in which this test process' runs take place, with an Airflow home of its own.

    :param dags: folder of DAG files, in place of the project's
    """
    folder = Path(tempfile.mkdtemp(prefix="dags test "))
    create_airflow_home(folder / "air flow")
    settings = {} if dags is None else {"CORE__DAGS_FOLDER": str(dags)}
    environment = airflow_environment(folder / "air flow", "", settings)
    process = DagsTestProcess(environment | DEPLOYMENT_VARIABLE, folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(process.close)
    return process


class PipelineProcess(PipelineClient):
    """The pipeline as `airflow dags test` runs it.

    :param process: where the runs take place, unless it is the one that this test process' pipelines share
    """

    def __init__(self, service_url: str, name: str, process: DagsTestProcess | None = None) -> None:
        super().__init__(service_url, name)
        self._process = process or dags_test_process()

    def run(self, **settings: Any) -> FinishedRun:
        """Run the DAG to its end and read the report it published."""
        before = self._report_keys()
        exit_code, log = self.dags_test("pca_pipeline", self.conf(**settings))
        new = [key for key in self._report_keys() - before if self._is_ours(key)]
        assert len(new) == 1, f"{len(new)} reports appeared.\n{log[-8000:]}"
        return FinishedRun(exit_code, log, self._report(new[0]), self.note("pca_pipeline"))

    def summary(self, run_id: str) -> RunSummary:
        """The summary that a run left in XCom."""
        with sqlite3.connect(self._process.home / "airflow.db") as connection:
            (value,) = connection.execute(
                "SELECT value FROM xcom WHERE run_id = ? AND task_id = ? AND key = ?",
                [run_id, PUBLISH_REPORT, RUN_SUMMARY_KEY],
            ).fetchone()
        return RunSummary.read(value, "the summary")

    def dags_test(self, dag_id: str, conf: dict[str, Any], **environment: str) -> tuple[int, str]:
        """Exit code and output of `airflow dags test`."""
        connection = {"AIRFLOW_CONN_AWS_DEFAULT": aws_connection(self.service_url)}
        return self._process.run(["dags", "test", dag_id, "--conf", json.dumps(conf)], connection | environment)

    def asset_events(self, asset: str) -> list[dict[str, Any]]:
        """What the events of an asset say, oldest first."""
        with sqlite3.connect(self._process.home / "airflow.db") as database:
            found = database.execute(
                "SELECT event.extra FROM asset_event event JOIN asset ON asset.id = event.asset_id "
                "WHERE asset.name = ? ORDER BY event.timestamp",
                [asset],
            ).fetchall()
        return [json.loads(extra) for (extra,) in found]

    def note(self, dag_id: str) -> str | None:
        """The note of a DAG's newest run, as Airflow's database has it."""
        with sqlite3.connect(self._process.home / "airflow.db") as database:
            (note,) = database.execute(
                "SELECT note.content FROM dag_run run LEFT JOIN dag_run_note note ON note.dag_run_id = run.id "
                "WHERE run.dag_id = ? ORDER BY run.id DESC LIMIT 1",
                [dag_id],
            ).fetchone()
        return None if note is None else str(note)

    def _report_keys(self) -> set[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="runs/")
        keys = (item["Key"] for page in pages for item in page.get("Contents", ()))
        return {key for key in keys if key.endswith("/report/report.json")}

    def _is_ours(self, key: str) -> bool:
        settings = {setting.name: setting.value for setting in self._report(key).settings}
        return settings["endpoint_name"] == self.endpoint_name


def dags_test(environment: Mapping[str, str], dag_id: str, conf: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run a DAG with `airflow dags test` in the environment of an Airflow."""
    return subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "test", dag_id, "--conf", json.dumps(conf)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def raw_csv(rows: int, offset: float = 0.0) -> bytes:
    """Four correlated channels in the recordings' layout."""
    random = np.random.default_rng(5)
    values = random.normal(size=(rows, 2)) @ random.normal(size=(2, 4)) * 0.005 + offset
    text = io.StringIO()
    text.write("Real Time,Ch5,Ch6,Ch7,Ch8,BioRadio Event,\n")
    for row in values:
        text.write("t," + ",".join(f"{value:.7f}" for value in row) + ",,\n")
    return text.getvalue().encode()
