"""The embedded SageMaker as the quick start uses it: started, filled with raw data, asked for the report."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from quickstart.airflow_home import plain_environment
from quickstart.processes import QuickstartError, last_lines, start_program
from quickstart.raw_data import raw_name

BUCKET = "sagemaker-pca-us-east-1-123456789012"
RAW_PREFIX = "raw/"
# The pipeline's default suits jobs of minutes; those of the embedded service take seconds.
POLL_SECONDS = 0.2
START_SECONDS = 60.0
READY_LINE = re.compile(r"sagemaker_local is listening at (http://\S+)")


def start_service(folder: Path, port: int = 0) -> tuple[subprocess.Popen[bytes], str]:
    """Start ``sagemaker_local`` with its data below the folder, and return it with its address once it answers.

    :param port: to listen at; 0 takes a free one
    """
    log = folder / "sagemaker_local.log"
    log.unlink(missing_ok=True)
    data = str(folder / "sagemaker_local")
    arguments = ["sagemaker_local", "--port", str(port), "--data-dir", data, "--stop-with-parent"]
    service = start_program(arguments, plain_environment(), log)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and service.poll() is None:
        if ready := READY_LINE.search(log.read_text(encoding="utf-8", errors="replace")):
            return service, ready[1]
        time.sleep(0.05)
    reason = "did not answer" if service.poll() is None else f"ended with exit code {service.returncode}"
    raise QuickstartError(f"The embedded SageMaker {reason}. The end of its log:\n{last_lines(log)}")


def s3_client(address: str) -> Any:
    """Return an S3 client of the embedded service that reads no profile and goes through no proxy."""
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the embedded service takes any
        config=Config(proxies={}, s3={"addressing_style": "path"}),
    )


def upload_raw_data(address: str, files: Sequence[Path], prefix: str = RAW_PREFIX) -> str:
    """Create the default bucket, put the files under a prefix of it and return that prefix's URI."""
    s3 = s3_client(address)
    s3.create_bucket(Bucket=BUCKET)
    for path in files:
        s3.upload_file(str(path), BUCKET, prefix + raw_name(path))
    return f"s3://{BUCKET}/{prefix}"


def download_report(s3: Any, bucket: str, folder: Path, run_name: str = "") -> Path | None:
    """Copy a run's report to the folder; None when the run got no further than having none.

    :param run_name: name of the run; empty for the only one of the bucket
    :return: path of ``report.json``
    """
    listing = s3.list_objects_v2(Bucket=bucket, Prefix=f"runs/{run_name}")
    keys = [item["Key"] for item in listing.get("Contents", ()) if "/report/" in item["Key"]]
    for key in keys:
        s3.download_file(bucket, key, str(folder / Path(key).name))
    report = folder / "report.json"
    return report if report.exists() else None
