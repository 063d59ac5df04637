"""Raw data that a job would end at is refused before anything is uploaded; where nothing is certain, the job tells."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from botocore.exceptions import ClientError

from sagemaker_pca.endpoints.records import Lease, StoppedEndpoint
from sagemaker_pca.exceptions import DeploymentError, InputError, SettingError
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.run import disk_space, tasks
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.run.plan import TransformPlan
from sagemaker_pca.run.service_requests import script_arguments
from sagemaker_pca.settings.transform import TransformConfig
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.stage_inputs import (
    already_being_made,
    plan_inputs,
    stage_changed_inputs,
    stage_inputs,
    stage_transform_inputs,
)
from sagemaker_pca.steps.transform_run import TransformRun
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws
from tests.run_plans import plan_of
from tests.unit.sagemaker_pca.steps.test_choose_model import card_with

pytestmark = pytest.mark.e2e

CONTENT = b"time,Ch5,Ch6,Ch7,Ch8\n" + b"t,1,2,3,4\n" * 100


class TaskInstance:
    """Keeps what the task tells the others."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.said[key] = value


class RawData:
    """Raw files of a run of their own."""

    def __init__(self, aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
        self._aws, self._hook = aws, hook
        self.name = f"staged-{uuid.uuid4().hex[:8]}"

    def put(self, name: str, content: bytes = CONTENT) -> None:
        self._aws.put(f"{self.name}/{name}", content)

    def run(self, **settings: Any) -> PipelineRun:
        run = PipelineRun({"ti": TaskInstance()})  # type: ignore[typeddict-item]
        given = {
            "bucket": self._aws.bucket,
            "raw_data_uri": f"s3://{self._aws.bucket}/{self.name}/",
            "endpoint_name": self.name,
        }
        plan = plan_of(run_name=self.name, **given | settings)
        run.__dict__ |= {"hook": self._hook, "plan": plan}
        return run

    def transform_run(self) -> TransformRun:
        run = self.run()
        card_uri = RunFiles(self._aws.bucket, self.name, "").model_card_uri
        self._hook.write_document(card_uri, card_with())
        plan = TransformPlan(
            **run.plan.model_dump(),
            transform=TransformConfig(),
            model_name="chosen",
            artifact_uri="s3://bucket/x",
            card_uri=card_uri,
        )
        transform = TransformRun(run.context)
        transform.__dict__ |= {"hook": self._hook, "plan": plan}
        return transform

    def uploaded(self) -> int:
        return len(list(self._hook.list_objects(f"s3://{self._aws.bucket}/runs/{self.name}/")))


def staged(run: PipelineRun) -> dict[str, Any]:
    return stage_inputs(run, script_arguments(run.plan.config))


@pytest.fixture
def raw(aws: EmbeddedAws, hook: SageMakerPcaHook) -> RawData:
    return RawData(aws, hook)


@pytest.fixture
def small_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte of a volume holds a thousand bytes, so that a test need not upload gigabytes."""
    monkeypatch.setattr(disk_space, "BYTES_PER_VOLUME_GB", 1000)


def test_raw_data_as_it_should_be_is_staged(raw: RawData) -> None:
    raw.put("a.csv")
    assert len(staged(raw.run())["raw_files"]) == 1
    assert raw.uploaded() > 1


@pytest.mark.usefixtures("small_disks")
def test_a_disk_smaller_than_the_raw_files_is_refused(raw: RawData) -> None:
    raw.put("a.csv")
    raw.put("b.csv")
    with pytest.raises(SettingError, match=r"2,042 bytes in 2 file.*processing_volume_gb=1 \(1,000 bytes\)\. Set proc"):
        staged(raw.run(processing_volume_gb=1))
    assert raw.uploaded() == 0


@pytest.mark.usefixtures("small_disks")
def test_hosts_share_raw_files(raw: RawData) -> None:
    raw.put("a.csv")
    raw.put("b.csv")
    assert staged(raw.run(processing_volume_gb=2, processing_instance_count=2))


def test_only_what_is_certain_is_refused(raw: RawData) -> None:
    raw.put("a.csv.gz", b"no gzip at all")
    raw.put("b.csv", b'"time\n",Ch5\n1,2\n')
    assert staged(raw.run())


def test_the_first_plain_csv_file_is_the_one_that_is_looked_into(raw: RawData) -> None:
    raw.put("a.csv.gz", b"no gzip at all")
    raw.put("b.csv", b"time,Ch55,Ch6,Ch7,Ch8\n")
    with pytest.raises(SettingError, match=r"names 'Ch5', which s3://.*/b\.csv does not have.*Did you mean 'Ch55'"):
        staged(raw.run())
    assert raw.uploaded() == 0


def test_a_misspelt_column_ends_the_pipelines_run_before_it_uploads_or_claims_anything(
    raw: RawData, hook: SageMakerPcaHook
) -> None:
    raw.put("a.csv")
    run = raw.run(feature_columns=["Ch5", "Ch6", "ch7", "Ch8"])
    with pytest.raises(SettingError, match=r"names 'ch7', which s3://.*/a\.csv does not have.*Did you mean 'Ch7'"):
        stage_changed_inputs(run)
    assert raw.uploaded() == 0
    assert hook.find_object(run.claim.uri) is None


def test_without_raw_data_a_run_names_the_setting_that_its_dag_has(raw: RawData) -> None:
    with pytest.raises(InputError, match=r"No raw data under .* or set raw_data_uri\."):
        staged(raw.run())
    with pytest.raises(InputError, match=r"No raw data under .* or set input_uri\."):
        stage_transform_inputs(raw.transform_run())


def test_files_that_do_not_suit_the_model_of_a_batch_transform_are_not_blamed_on_its_settings(raw: RawData) -> None:
    raw.put("a.csv", b"time,Ch55,Ch6,Ch7,Ch8\n")
    with pytest.raises(SettingError, match=r"names 'Ch5', which .* that model chosen was trained with: give files"):
        stage_transform_inputs(raw.transform_run())


def test_while_another_run_makes_the_model_of_the_same_a_run_is_skipped_and_leaves_it_the_claim(
    raw: RawData, hook: SageMakerPcaHook
) -> None:
    raw.put("a.csv")
    first = raw.run(force=False)
    assert stage_changed_inputs(first)
    assert hook.find_document(first.claim.uri, Lease) is not None

    theirs = Lease.of("the-other-run", datetime.now(UTC))
    hook.write_document(first.claim.uri, theirs)
    second = raw.run(force=False)
    with pytest.raises(AirflowSkipException, match=r"Run the-other-run until .* is making the model of the same 1 raw"):
        stage_changed_inputs(second)
    assert second.context["ti"].said["skip_reason"].startswith("Run the-other-run until")  # type: ignore[attr-defined]
    assert hook.find_document(first.claim.uri, Lease) == theirs

    raw.put("b.csv")
    assert len(stage_changed_inputs(raw.run(force=False))["raw_files"]) == 2
    assert stage_changed_inputs(raw.run(force=True))


@pytest.mark.parametrize(
    ("code", "status"), [("AccessDenied", 403), ("InvalidObjectState", 403), ("PermanentRedirect", 301)]
)
def test_a_file_that_airflow_may_not_read_is_left_to_the_job(
    raw: RawData, hook: SageMakerPcaHook, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    raw.put("a.csv", b"other,columns\n")
    refuse(hook, monkeypatch, code, status)
    assert staged(raw.run())


def test_a_service_that_does_not_answer_is_asked_again_by_the_tasks_next_try(
    raw: RawData, hook: SageMakerPcaHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw.put("a.csv")
    refuse(hook, monkeypatch, "SlowDown", 503)
    with pytest.raises(ClientError, match="SlowDown"):
        staged(raw.run())


def test_what_a_cleared_staging_had_claimed_is_given_back_when_files_have_changed(
    raw: RawData, hook: SageMakerPcaHook
) -> None:
    claims = []
    for name in ("a.csv", "b.csv"):
        raw.put(name)
        run = raw.run()
        run.inputs, _ = plan_inputs(run, script_arguments(run.plan.config))
        assert already_being_made(run) is None
        claims.append(run.claim.uri)
    assert [hook.find_object(uri) is not None for uri in claims] == [False, True]


def refuse(hook: SageMakerPcaHook, monkeypatch: pytest.MonkeyPatch, code: str, status: int) -> None:
    """Let S3 refuse every read of raw data."""
    response: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}

    def get_object(**_request: Any) -> Any:
        raise ClientError(response, "GetObject")

    monkeypatch.setattr(hook.raw_s3, "get_object", get_object)


@pytest.mark.usefixtures("small_disks")
def test_a_training_disk_smaller_than_the_features_is_refused(raw: RawData, aws: EmbeddedAws) -> None:
    run = raw.run(training_volume_gb=1)
    run._results[tasks.START_PROCESSING, "return_value"] = {"name": raw.name}
    features = run.features_uri.removeprefix(f"s3://{aws.bucket}/")
    aws.put(f"{features}features-algo-1-00001.csv", CONTENT)
    with pytest.raises(SettingError, match=r"training job's input is 1,021 bytes in 1 file.*training_volume_gb=1 "):
        _ = run.training_features_uri


def stopped(raw: RawData, aws: EmbeddedAws, **tags: str) -> None:
    """The record of the run's endpoint, as a stop leaves it."""
    plan = raw.run().plan
    now = datetime.now(UTC)
    document = StoppedEndpoint(
        endpoint_name=raw.name,
        endpoint_arn="arn",
        endpoint_config_name="gone",
        model_name="gone",
        tags={**plan.tags, **tags},
        created_at=now,
        stopped_at=now,
        stopped_by="run-1",
    )
    aws.put(f"endpoints/{raw.name}/stopped.json", document.model_dump_json())


def test_a_run_on_a_stopped_endpoint_ends_before_it_uploads_anything_unless_it_may_deploy(
    raw: RawData, aws: EmbeddedAws
) -> None:
    raw.put("a.csv")
    stopped(raw, aws)
    with pytest.raises(DeploymentError, match=f"endpoint {raw.name} is stopped since .* set stopped_endpoint=deploy"):
        stage_changed_inputs(raw.run(force=False))
    assert raw.uploaded() == 0
    assert stage_changed_inputs(raw.run(force=False, stopped_endpoint="deploy"))


def test_a_stopped_endpoint_of_another_pipeline_is_theirs(raw: RawData, aws: EmbeddedAws) -> None:
    raw.put("a.csv")
    stopped(raw, aws, **{"dag-id": "another"})
    with pytest.raises(DeploymentError, match="the pipeline another's of this Airflow"):
        stage_changed_inputs(raw.run(stopped_endpoint="deploy"))
    assert stage_changed_inputs(raw.run(stopped_endpoint="deploy", take_over_endpoint=True))
