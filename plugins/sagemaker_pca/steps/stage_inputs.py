"""Put the script, its arguments and the list of raw files where the processing job finds them.

Keys hold the digest of their content: a changed script or a new raw file makes another request, so that no job of
other inputs is adopted, and what a job read can be looked up later.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.api_requests import ARGUMENTS_NAME, SCRIPT_NAME, script_arguments
from sagemaker_pca.deployment import next_action
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.pipeline_run import PipelineRun
from sagemaker_pca.raw_listing import is_raw_file
from sagemaker_pca.run_files import split_s3_uri
from sagemaker_pca.run_fingerprint import run_fingerprint
from sagemaker_pca.run_plan import RawFile, StagedInputs

log = logging.getLogger(__name__)

SKIP_REASON_KEY = "skip_reason"
SCRIPT_PATH = Path(__file__).parents[3] / "processing" / SCRIPT_NAME
RAW_SUFFIXES = (".csv", ".csv.gz", ".parquet")
# A file of more than so many times a host's even share of the bytes keeps one host busy while the others have ended.
OVERSIZED_SHARES = 1.5


def stage_inputs(run: PipelineRun) -> dict[str, Any]:
    """Upload the script and a manifest of exactly the raw files that are there now."""
    staged, contents = plan_inputs(run)
    upload(run, contents)
    return staged.model_dump(mode="json")


def stage_changed_inputs(run: PipelineRun) -> dict[str, Any]:
    """Likewise, unless the model in service came of the very same settings, script and raw files.

    Raises:
        AirflowSkipException: naming the run that trained the model in service.
    """
    staged, contents = plan_inputs(run)
    if reason := why_unchanged(run, staged):
        run.context["ti"].xcom_push(key=SKIP_REASON_KEY, value=reason)
        raise AirflowSkipException(reason)
    upload(run, contents)
    return staged.model_dump(mode="json")


def why_unchanged(run: PipelineRun, staged: StagedInputs) -> str | None:
    """Why another run would change nothing; None when it would."""
    plan, hook = run.plan, run.hook
    promoted = None if plan.config.force else hook.find_json(plan.files.promoted_uri)
    if promoted is None or promoted.get("fingerprint") != run_fingerprint(plan, staged):
        return None
    name, config_name = plan.config.endpoint_name, promoted["endpoint_config_name"]
    if next_action(hook.find_endpoint(name), config_name) != "keep":
        return None
    return (
        f"Endpoint {name} already serves the model that run {promoted['run_name']} made of the same "
        f"{len(staged.raw_files)} raw file(s), settings and script. Set force to train it again."
    )


def plan_inputs(run: PipelineRun) -> tuple[StagedInputs, dict[str, bytes]]:
    """What a run reads, and the content of the objects that tell its job so, by URI; nothing is written."""
    plan = run.plan
    raw_bucket, _ = split_s3_uri(plan.raw_data_uri)
    raw_files = list_raw_files(run)
    log_limiting_shard(raw_files, plan.config.processing_instance_count)

    script = SCRIPT_PATH.read_bytes()
    arguments = "\n".join(script_arguments(plan.config)).encode()
    code_uri = plan.files.uri(f"inputs/code-{_digest(script, arguments)}/")

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
    manifest = json.dumps([{"prefix": f"s3://{raw_bucket}/"}, *(file.key for file in raw_files)], indent=1).encode()
    versions = json.dumps([file.model_dump() for file in raw_files]).encode()
    manifest_uri = plan.files.uri(f"inputs/raw-{_digest(manifest, versions)}.manifest")
    staged = StagedInputs(
        code_uri=code_uri, manifest_uri=manifest_uri, raw_bucket=raw_bucket, raw_files=tuple(raw_files)
    )
    return staged, {
        f"{code_uri}{SCRIPT_NAME}": script,
        f"{code_uri}{ARGUMENTS_NAME}": arguments,
        manifest_uri: manifest,
    }


def upload(run: PipelineRun, contents: Mapping[str, bytes]) -> None:
    """Put the objects where the job finds them."""
    for uri, content in contents.items():
        run.hook.write_bytes(uri, content)


def list_raw_files(run: PipelineRun) -> list[RawFile]:
    """Raw data objects, by key, without markers.

    Raises:
        InputError: when there are none, or one is of a kind that the script does not read.
    """
    uri = run.plan.raw_data_uri
    found = [
        RawFile(key=item["Key"], size=item["Size"], etag=item["ETag"].strip('"'))
        for item in filter(is_raw_file, run.hook.list_objects(uri))
    ]
    if not found:
        raise InputError(f"No raw data under {uri}. Put {', '.join(RAW_SUFFIXES)} files there or set raw_data_uri.")
    for file in found:
        if not file.key.endswith(RAW_SUFFIXES):
            raise InputError(
                f"{file.key} under {uri} is none of {', '.join(RAW_SUFFIXES)}. Move it away or narrow raw_data_uri."
            )
    return found


def log_limiting_shard(raw_files: Sequence[RawFile], hosts: int) -> None:
    """Name a file so large that the processing job takes as long as that file, whatever hosts are added."""
    total, largest = sum(file.size for file in raw_files), max(raw_files, key=lambda file: file.size)
    if hosts > 1 and largest.size > OVERSIZED_SHARES * total / hosts:
        log.warning(
            "%s is the limiting shard with %.0f%% of all bytes: %d hosts take as long as that file, for hosts never "
            "share one. Split it, or lower processing_instance_count.",
            largest.key,
            100 * largest.size / total,
            hosts,
        )


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]
