"""Put the container's code, its arguments and the list of raw files where the processing job finds them.

Keys hold the digest of their content: changed code or a new raw file makes another request, so that no job of
other inputs is adopted, and what a job read can be looked up later.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.endpoints.deployment import next_action
from sagemaker_pca.endpoints.ownership import check_own
from sagemaker_pca.endpoints.records import NotedClaim, Promotion, StoppedEndpoint
from sagemaker_pca.endpoints.stopped import refuse_stopped
from sagemaker_pca.exceptions import InputError, SettingError
from sagemaker_pca.model.scoring_file import scoring_file
from sagemaker_pca.plurals import counted
from sagemaker_pca.run.fingerprint import run_fingerprint
from sagemaker_pca.run.locations import split_s3_uri
from sagemaker_pca.run.plan import PIPELINE_TAG, RawFile, StagedInputs
from sagemaker_pca.run.raw_listing import is_raw_file
from sagemaker_pca.run.service_requests import ARGUMENTS_NAME, CODE_FOLDER, script_arguments
from sagemaker_pca.run.tasks import SKIP_REASON_KEY
from sagemaker_pca.run.transform_requests import MODEL_NAME, transform_arguments
from sagemaker_pca.steps.check_raw_data import check_raw_data
from sagemaker_pca.steps.choose_model import read_card
from sagemaker_pca.steps.next_endpoint_config import config_after
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.transform_run import TransformRun

log = logging.getLogger(__name__)

# Within the package where that is installed, beside plugins/ in a checkout.
CODE_PATHS = (Path(__file__).parents[1] / CODE_FOLDER, Path(__file__).parents[3] / CODE_FOLDER)
RAW_SUFFIXES = (".csv", ".csv.gz", ".parquet")
# A file of more than so many times a host's even share of the bytes keeps one host busy while the others have ended.
OVERSIZED_SHARES = 1.5


def stage_inputs(run: PipelineRun, job_arguments: Sequence[str], model: bytes | None = None) -> dict[str, Any]:
    """Upload the code, its arguments, a manifest of exactly the raw files that are there now, and a model if need be.

    Raises:
        SettingError: when the job would certainly end at them.
    """
    staged, contents = plan_inputs(run, job_arguments)
    check_raw_data(run, staged)
    if model is not None:
        staged = staged.model_copy(update={"model_uri": run.plan.files.uri(f"inputs/model-{_digest(model)}/")})
        contents[f"{staged.model_uri}{MODEL_NAME}"] = model
    upload(run, contents)
    return staged.model_dump(mode="json")


def stage_transform_inputs(run: TransformRun) -> dict[str, Any]:
    """Likewise, for a batch transform, which takes the settings that decide about its files from a model."""
    card = read_card(run.hook, run.plan.card_uri, run.plan.model_name)
    try:
        return stage_inputs(run, transform_arguments(run.plan), scoring_file(card))
    except SettingError as error:
        raise SettingError(
            error.failure.reason,
            hint=f"These settings are those that model {run.plan.model_name} was trained with: give files that suit "
            "them, or choose another model.",
        ) from error


def stage_changed_inputs(run: PipelineRun) -> dict[str, Any]:
    """Likewise, unless the model in service, or one that is being made, is of the very same settings, code and files.

    Raises:
        AirflowSkipException: naming the run that makes or made that model.
        DeploymentError: when the endpoint is somebody else's, or is stopped, before anything costs money.
        InputError: when what it serves has members that cannot be carried over.
        SettingError: when the processing job would certainly end at the raw data.
    """
    staged, contents = plan_inputs(run, script_arguments(run.plan.config))
    run.inputs = staged
    endpoint = run.hook.find_endpoint(run.plan.config.endpoint_name)
    if endpoint is None:
        check_stopped(run)
    check_owner(run, endpoint)
    if not run.plan.config.force:
        skip_for(run, renew_unchanged(run, endpoint))
    config_after(run.hook, run.plan, run.plan.run_name, endpoint)  # refuses what no deployment could keep as it is
    check_raw_data(run, staged)
    upload(run, contents)
    if not run.plan.config.force:
        skip_for(run, already_being_made(run))
    return staged.model_dump(mode="json")


def skip_for(run: PipelineRun, reason: str | None) -> None:
    """Skip the run where there is a reason, and keep it for the report."""
    if reason:
        run.context["ti"].xcom_push(key=SKIP_REASON_KEY, value=reason)
        raise AirflowSkipException(reason)


def check_owner(run: PipelineRun, endpoint: dict[str, Any] | None) -> None:
    """Refuse an endpoint of somebody else's; it is looked at once more right before it is changed.

    Raises:
        DeploymentError: naming whose it is.
    """
    if endpoint is not None and not run.plan.config.take_over_endpoint:
        tags = run.hook.tags(endpoint["EndpointArn"])
        check_own(endpoint["EndpointName"], tags, run.plan.deployment_id, run.plan.tags[PIPELINE_TAG])


def check_stopped(run: PipelineRun) -> None:
    """Refuse an endpoint that is stopped, or say that the run will create it; looked at once more before it does.

    Raises:
        DeploymentError: saying since when it is stopped, or whose it is.
    """
    stopped = run.hook.find_document(run.plan.files.stopped_uri, StoppedEndpoint)
    if stopped is None:
        return
    if run.stop_to_respect:
        refuse_stopped(stopped)
    if not run.plan.config.take_over_endpoint:
        check_own(stopped.endpoint_name, stopped.tags, run.plan.deployment_id, run.plan.tags[PIPELINE_TAG])
    log.info("Endpoint %s is stopped; this run creates it with its new model.", stopped.endpoint_name)


def renew_unchanged(run: PipelineRun, endpoint: dict[str, Any] | None) -> str | None:
    """Renew the tags of an endpoint that another run would change nothing about, and say why; None where it would.

    It is then as wanted as after a deployment, and expires as late.
    """
    plan, hook = run.plan, run.hook
    promotion = None if endpoint is None else hook.find_document(plan.files.promoted_uri, Promotion)
    if endpoint is None or promotion is None or promotion.fingerprint != run_fingerprint(plan, run.inputs):
        return None
    if next_action(endpoint, promotion.endpoint_config_name) != "keep":
        return None
    hook.add_tags(endpoint["EndpointArn"], plan.tags)
    return (
        f"Endpoint {endpoint['EndpointName']} already serves the model that run {promotion.run_name} made of the same "
        f"{counted(len(run.inputs.raw_files), 'raw file')}, settings and code. Set force to train it again."
    )


def already_being_made(run: PipelineRun) -> str | None:
    """Why another run's model will do, which is being made of the same; None where this run makes it."""
    earlier = run.noted_claim
    if earlier is not None and earlier != run.claim:
        earlier.release(run.hook)  # of other files, before this task was cleared
    run.hook.write_document(run.plan.files.claim_note_uri, NotedClaim(uri=run.claim.uri))
    holder = run.claim.acquire(run.hook)
    return holder and (
        f"Run {holder} is making the model of the same {counted(len(run.inputs.raw_files), 'raw file')}, settings and "
        "code, or died of it. Set force to train it all the same."
    )


def plan_inputs(run: PipelineRun, job_arguments: Sequence[str]) -> tuple[StagedInputs, dict[str, bytes]]:
    """What a run reads, and the content of the objects that tell its job so, by URI; nothing is written."""
    plan = run.plan
    raw_bucket, _ = split_s3_uri(plan.raw_data_uri)
    listed_at = datetime.now(UTC)
    raw_files = list_raw_files(run)
    log_limiting_shard(raw_files, plan.config.processing_instance_count)

    code, arguments = code_files(), "\n".join(job_arguments).encode()
    code_digest = _digest(*(part for item in code.items() for part in item))
    code_uri = plan.files.uri(f"inputs/code-{_digest(code_digest, arguments)}/")

    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
    manifest = json.dumps([{"prefix": f"s3://{raw_bucket}/"}, *(file.key for file in raw_files)], indent=1).encode()
    versions = json.dumps([file.model_dump() for file in raw_files]).encode()
    manifest_uri = plan.files.uri(f"inputs/raw-{_digest(manifest, versions)}.manifest")
    staged = StagedInputs(
        code_uri=code_uri,
        code_digest=code_digest,
        manifest_uri=manifest_uri,
        raw_bucket=raw_bucket,
        raw_files=tuple(raw_files),
        listed_at=listed_at,
    )
    uploads = {f"{code_uri}{name}": content for name, content in (code | {ARGUMENTS_NAME: arguments}).items()}
    return staged, uploads | {manifest_uri: manifest}


def code_files() -> dict[str, bytes]:
    """The container's code by its name below the job's code folder, in order."""
    folder = code_folder()
    return {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.py"))}


def code_folder(paths: Sequence[Path] = CODE_PATHS) -> Path:
    """Where the container's code lies.

    Raises:
        InputError: when it is in neither place.
    """
    for path in paths:
        if path.is_dir():
            return path
    raise InputError(
        f"The container's code is neither at {' nor at '.join(map(str, paths))}. "
        f"Copy {CODE_FOLDER}/ of the release there, whole."
    )


def upload(run: PipelineRun, contents: Mapping[str, bytes]) -> None:
    """Put the objects where the job finds them."""
    for uri, content in contents.items():
        run.hook.write_bytes(uri, content)
    log.info("Put the container's code and the list of raw files below %s.", run.plan.files.uri("inputs/"))


def list_raw_files(run: PipelineRun) -> list[RawFile]:
    """Raw data objects, by key, without markers.

    Raises:
        InputError: when there are none, or one is of a kind that the script does not read.
    """
    uri = run.plan.raw_data_uri
    found = [
        RawFile(key=item["Key"], size=item["Size"], etag=item["ETag"].strip('"'))
        for item in filter(is_raw_file, run.hook.list_raw_objects(uri))
    ]
    if not found:
        raise InputError(
            f"No raw data under {uri}. Put {', '.join(RAW_SUFFIXES)} files there, or set {run.plan.raw_data_setting}."
        )
    for file in found:
        if not file.key.endswith(RAW_SUFFIXES):
            raise InputError(
                f"{file.key} under {uri} is none of {', '.join(RAW_SUFFIXES)}. Move it away, or narrow "
                f"{run.plan.raw_data_setting}."
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


def _digest(*parts: bytes | str) -> str:
    contents = (part.encode() if isinstance(part, str) else part for part in parts)
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]
