"""Put the script, its arguments and the list of raw files where the processing job finds them.

Keys hold the digest of their content: a changed script or a new raw file makes another request, so that no job of
other inputs is adopted, and what a job read can be looked up later.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sagemaker_pca.api_requests import ARGUMENTS_NAME, SCRIPT_NAME, script_arguments
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.pipeline_run import PipelineRun
from sagemaker_pca.run_files import split_s3_uri
from sagemaker_pca.run_plan import RawFile, StagedInputs

SCRIPT_PATH = Path(__file__).parents[3] / "processing" / SCRIPT_NAME
RAW_SUFFIXES = (".csv", ".csv.gz", ".parquet")


def stage_inputs(run: PipelineRun) -> dict[str, Any]:
    """Upload the script and a manifest of exactly the raw files that are there now."""
    plan, hook = run.plan, run.hook
    raw_bucket, _ = split_s3_uri(plan.raw_data_uri)
    raw_files = list_raw_files(run)

    script = SCRIPT_PATH.read_bytes()
    arguments = "\n".join(script_arguments(plan.config)).encode()
    code_uri = plan.files.uri(f"inputs/code-{_digest(script, arguments)}/")
    hook.write_bytes(f"{code_uri}{SCRIPT_NAME}", script, "text/x-python")
    hook.write_bytes(f"{code_uri}{ARGUMENTS_NAME}", arguments, "text/plain")

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
    manifest = json.dumps([{"prefix": f"s3://{raw_bucket}/"}, *(file.key for file in raw_files)], indent=1).encode()
    versions = json.dumps([file.model_dump() for file in raw_files]).encode()
    manifest_uri = plan.files.uri(f"inputs/raw-{_digest(manifest, versions)}.manifest")
    hook.write_bytes(manifest_uri, manifest, "application/json")
    staged = StagedInputs(
        code_uri=code_uri, manifest_uri=manifest_uri, raw_bucket=raw_bucket, raw_files=tuple(raw_files)
    )
    return staged.model_dump(mode="json")


def list_raw_files(run: PipelineRun) -> list[RawFile]:
    """Raw data objects, by key; names that start with `_` or `.` are markers, not data.

    Raises:
        InputError: when there are none, or one is of a kind that the script does not read.
    """
    uri = run.plan.raw_data_uri
    found = [
        RawFile(key=item["Key"], size=item["Size"], etag=item["ETag"].strip('"'))
        for item in run.hook.list_objects(uri)
        if item["Size"] and not item["Key"].rsplit("/", 1)[-1].startswith(("_", "."))
    ]
    if not found:
        raise InputError(f"No raw data under {uri}. Put {', '.join(RAW_SUFFIXES)} files there or set raw_data_uri.")
    for file in found:
        if not file.key.endswith(RAW_SUFFIXES):
            raise InputError(
                f"{file.key} under {uri} is none of {', '.join(RAW_SUFFIXES)}. Move it away or narrow raw_data_uri."
            )
    return found


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]
