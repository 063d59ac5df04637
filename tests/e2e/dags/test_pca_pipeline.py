"""Whole runs of the pipeline, started as a user starts them, against jobs and endpoints that really run."""

from __future__ import annotations

import csv
import gzip
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from quickstart.sample_ecg import write_recordings
from sagemaker_pca.pca_model import PcaModel
from sagemaker_pca.report import Verdict
from sagemaker_pca.run_files import profile_job_name
from tests.pipeline_process import BUCKET, FinishedRun, PipelineProcess, raw_csv
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

PTB_ECG = Path(__file__).parents[4] / "shared" / "data" / "ptb_s0010_re.csv.gz"
PTB_LEADS = ["i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6"]
# From the README beside the recording.
PTB_SINGULAR_VALUES = [91.59, 70.35, 55.91, 35.92, 16.20, 6.907, 2.739, 2.120]


@pytest.fixture
def pipeline(sagemaker_local_url: str, tmp_path: Path) -> PipelineProcess:
    """A pipeline whose data and endpoint no other test shares."""
    return PipelineProcess(sagemaker_local_url, tmp_path / "air flow", uuid.uuid4().hex[:8])


@pytest.fixture
def ecg_pipeline(pipeline: PipelineProcess, tmp_path: Path) -> PipelineProcess:
    """A pipeline with sample ECG recordings in place."""
    (tmp_path / "recordings").mkdir()
    for path in write_recordings(tmp_path / "recordings", recordings=2, seconds=10):
        pipeline.upload_raw(path)
    return pipeline


def test_sample_ecg_goes_from_raw_csv_to_a_verified_endpoint(ecg_pipeline: PipelineProcess) -> None:
    run = ecg_pipeline.run(processing_image_uri=None, training_image_uri=None)

    assert run.exit_code == 0, run.log[-4000:]
    report = run.report
    assert report.run.verdict is Verdict.PROMOTED
    assert report.data is not None
    assert report.data.row_count == 2 * 10 * 500
    assert report.model is not None
    assert np.sum(numbers(report.model.explained_variance_ratio)) > 0.9
    assert ecg_pipeline.serving_config() == report.run.run_name
    assert run.step_states()["deployment.roll_back"] == "skipped"
    assert report.smoke_test is not None
    np.testing.assert_allclose(
        numbers(report.smoke_test.endpoint_projection),
        numbers(report.smoke_test.artifact_projection),
        rtol=1e-4,
        atol=1e-9,
    )


def test_real_ecg_has_the_singular_values_and_the_rank_that_physics_says(pipeline: PipelineProcess) -> None:
    if not PTB_ECG.exists():
        pytest.skip("the recording ptb_s0010_re.csv.gz is not on this machine")
    pipeline.upload_raw(PTB_ECG)

    run = pipeline.run(feature_columns=PTB_LEADS, num_components=12)

    assert run.exit_code == 0, run.log[-4000:]
    assert run.report.model is not None
    largest_first = np.array(run.report.model.singular_values, dtype=float)[::-1]
    np.testing.assert_allclose(largest_first[:8], PTB_SINGULAR_VALUES, rtol=5e-4)
    assert (largest_first[8:] <= 0.02 * largest_first[7]).all()

    with gzip.open(PTB_ECG, "rt") as file:
        table = np.array([[row[lead] for lead in PTB_LEADS] for row in csv.DictReader(file)], dtype=float)
    mean = table.mean(axis=0)
    components = np.linalg.eigh((table - mean).T @ (table - mean))[1]
    served = np.array(pipeline.project(table[:50].tolist()))
    expected = (table[:50] - mean) @ components
    # The four null directions have no sign and no order of their own.
    signs = np.sign(np.sum(served[:, 4:] * expected[:, 4:], axis=0))
    np.testing.assert_allclose(served[:, 4:] * signs, expected[:, 4:], atol=2e-5)


def test_standardized_features_are_served_in_raw_units(ecg_pipeline: PipelineProcess) -> None:
    run = ecg_pipeline.run(scaling="standardize", num_components=4)

    assert run.exit_code == 0, run.log[-4000:]
    assert run.report.model is not None
    served = run.report.model.served
    row = [0.005, 0.004, 0.003, 0.002]
    expected = (np.array(row) - np.array(served.mean, dtype=float)) @ np.array(served.components, dtype=float)
    np.testing.assert_allclose(ecg_pipeline.project([row])[0], expected, rtol=1e-3, atol=1e-4)
    assert run.report.model.as_trained is not None


def test_two_hosts_standardize_and_fill_gaps_as_one_does(ecg_pipeline: PipelineProcess) -> None:
    settings: dict[str, Any] = {"scaling": "standardize", "missing_values": "mean", "num_components": 4}
    rows = np.random.default_rng(3).normal(0.005, 0.002, (50, 4)).tolist()
    one_host = ecg_pipeline.run(**settings)
    assert one_host.exit_code == 0, one_host.log[-4000:]
    projections_of_one = ecg_pipeline.project(rows)

    two_hosts = ecg_pipeline.run(**settings, processing_instance_count=2)

    assert two_hosts.exit_code == 0, two_hosts.log[-4000:]
    assert two_hosts.report.run.verdict is Verdict.PROMOTED
    assert set(two_hosts.step_states().values()) == {"success", "skipped"}
    assert two_hosts.report.data is not None
    assert max(column.null_fraction or 0 for column in two_hosts.report.data.columns) > 0
    np.testing.assert_allclose(ecg_pipeline.project(rows), projections_of_one, rtol=1e-4, atol=1e-5)
    assert profile_steps(two_hosts) == [("success", ""), ("success", "")]
    reason = "No profile needed: one host finds the means of the whole data by itself."
    assert profile_steps(one_host) == [("skipped", reason), ("skipped", "")]
    name = two_hosts.report.run.run_name
    assert processing_jobs(two_hosts) == [profile_job_name(name), name]
    assert processing_jobs(one_host) == [one_host.report.run.run_name]


def profile_steps(run: FinishedRun) -> list[tuple[str | None, str]]:
    """State of the steps about the profile job, and the report's remark."""
    return [(step.state, step.note) for step in run.report.steps if step.task_id.endswith("_profiling")]


def processing_jobs(run: FinishedRun) -> list[str]:
    """Names of the processing jobs that the report lists."""
    return [resource.name for resource in run.report.resources if resource.kind == "processing job"]


def test_recordio_features_train_the_same_model_as_csv(ecg_pipeline: PipelineProcess) -> None:
    csv_run = ecg_pipeline.run()
    recordio_run = ecg_pipeline.run(feature_format="recordio")

    assert recordio_run.exit_code == 0, recordio_run.log[-4000:]
    assert csv_run.report.model is not None
    assert recordio_run.report.model is not None
    np.testing.assert_allclose(
        numbers(recordio_run.report.model.singular_values), numbers(csv_run.report.model.singular_values), rtol=1e-6
    )


def test_retrained_model_replaces_the_served_one(ecg_pipeline: PipelineProcess) -> None:
    first = ecg_pipeline.run()
    ecg_pipeline.put_raw("shifted.csv", raw_csv(rows=3000, offset=0.01))
    second = ecg_pipeline.run()

    assert second.exit_code == 0, second.log[-4000:]
    assert second.report.deployment is not None
    assert second.report.deployment.previous_endpoint_config_name == first.report.run.run_name
    assert ecg_pipeline.serving_config() == second.report.run.run_name
    assert second.report.comparison is not None
    artifact = artifact_of(ecg_pipeline, second.report.model.artifact_uri if second.report.model else "")
    row = [0.005, 0.004, 0.003, 0.002]
    np.testing.assert_allclose(
        ecg_pipeline.project([row])[0], artifact.project(np.array([row]))[0], rtol=1e-4, atol=1e-7
    )


def test_refused_model_leaves_the_served_one_alone_and_a_report_that_says_by_how_much(
    ecg_pipeline: PipelineProcess,
) -> None:
    first = ecg_pipeline.run()
    refused = ecg_pipeline.run(num_components=1, min_explained_variance=0.99)

    assert refused.exit_code != 0
    assert refused.report.run.verdict is Verdict.REFUSED
    failed = [check for check in refused.report.checks if not check.passed]
    assert failed[0].name == "explained_variance"
    assert "min_explained_variance=0.99 by" in failed[0].message
    assert refused.step_states()["evaluate_model"] == "failed"
    assert refused.step_states()["deployment.create_model"] == "upstream_failed"
    assert refused.step_states()["deployment.roll_back"] == "skipped"
    assert ecg_pipeline.serving_config() == first.report.run.run_name


def test_failed_smoke_test_brings_the_previous_configuration_back(ecg_pipeline: PipelineProcess) -> None:
    first = ecg_pipeline.run()
    # Longer than what the smoke test looks at, and without one row of numbers in it.
    header = b"Real Time,Ch5,Ch6,Ch7,Ch8,BioRadio Event,\n"
    ecg_pipeline.put_raw("00-unreadable.csv", header + b"t,x,x,x,x,,\n" * 700_000 + raw_csv(4000).split(b"\n", 1)[1])
    for key in ecg_pipeline.s3.list_objects_v2(Bucket=BUCKET, Prefix=ecg_pipeline.raw_prefix)["Contents"]:
        if not key["Key"].endswith("00-unreadable.csv"):
            ecg_pipeline.s3.delete_object(Bucket=BUCKET, Key=key["Key"])
    second = ecg_pipeline.run(on_bad_rows="skip", max_bad_fraction=1.0, max_explained_variance_drop=1.0)

    assert second.exit_code != 0
    assert second.step_states()["deployment.smoke_test"] == "failed"
    assert second.step_states()["deployment.roll_back"] == "success"
    assert second.report.run.verdict is Verdict.ROLLED_BACK
    assert "no complete row of numbers" in second.report.run.reason
    assert second.report.data is not None
    assert [row.line for row in second.report.data.bad_rows] == list(range(2, 12))
    assert second.report.data.skipped_rows == 700_000
    assert ecg_pipeline.serving_config() == first.report.run.run_name


def test_failed_deployments_leave_no_endpoint_at_first_and_the_previous_configuration_later(tmp_path: Path) -> None:
    with ServiceProcess() as service:
        pipeline = PipelineProcess(service.url, tmp_path / "airflow", "faulty")
        pipeline.put_raw("a.csv", raw_csv(2000))
        pipeline.plan_fault(fault="fail_endpoint", reason="no such instance")
        first = pipeline.run()
        assert first.exit_code != 0
        assert first.step_states()["deployment.wait_for_endpoint"] == "failed"
        assert "no such instance" in first.report.run.reason
        assert pipeline.serving_config() is None

        good = pipeline.run()
        assert good.exit_code == 0, good.log[-4000:]
        pipeline.put_raw("b.csv", raw_csv(3000))
        pipeline.plan_fault(fault="fail_update", reason="unhealthy container")
        rolled_back = pipeline.run()

    assert rolled_back.exit_code != 0
    assert rolled_back.report.run.verdict is Verdict.ROLLED_BACK
    assert "the update was rolled back: unhealthy container" in rolled_back.report.run.reason
    assert rolled_back.report.deployment is not None
    assert rolled_back.report.deployment.previous_endpoint_config_name == good.report.run.run_name


def test_unknown_setting_is_refused_with_the_nearest_name(ecg_pipeline: PipelineProcess) -> None:
    with pytest.raises(AssertionError, match=r"num_component in params is no setting.*Did you mean num_components"):
        ecg_pipeline.run(num_component=2)


def test_non_numeric_cell_fails_the_run_with_file_column_and_row(pipeline: PipelineProcess) -> None:
    pipeline.put_raw("broken.csv", raw_csv(50) + b"t,0.1,0.2,oops,0.4,,\n")

    run = pipeline.run()

    assert run.exit_code != 0
    assert run.report.run.verdict is Verdict.FAILED
    assert run.step_states()["features.wait_for_processing"] == "failed"
    for part in ("broken.csv", "Ch7", "oops"):
        assert part in run.report.run.reason


def numbers(vector: Sequence[float | None]) -> NDArray[np.float64]:
    """A report's numbers, null as NaN."""
    return np.array(vector, dtype=float)


def artifact_of(pipeline: PipelineProcess, uri: str) -> PcaModel:
    """The artifact at an S3 URI."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    return PcaModel.from_artifact(pipeline.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_unchanged_data_ends_the_run_as_skipped_without_a_job_in_at_most_eight_calls(tmp_path: Path) -> None:
    with ServiceProcess({"SAGEMAKER_LOCAL_RECORD_CALLS": "1"}) as service:
        pipeline = PipelineProcess(service.url, tmp_path / "airflow", "unchanged")
        pipeline.put_raw("a.csv", raw_csv(2000))
        first = pipeline.run(force=False)
        assert first.exit_code == 0, first.log[-4000:]

        httpx.delete(f"{service.url}/sagemaker-local/calls").raise_for_status()
        again = pipeline.run(force=False)
        calls = httpx.get(f"{service.url}/sagemaker-local/calls").json()["calls"]
        ours = [call["call"] for call in calls if "Airflow" in call["user_agent"]]

        pipeline.put_raw("b.csv", raw_csv(2000, offset=0.01))
        changed = pipeline.run(force=False)

    assert again.exit_code == 0
    assert again.report.run.verdict is Verdict.SKIPPED
    assert first.report.run.run_name in again.report.run.reason
    assert "Set force to train it again" in again.report.run.reason
    assert again.step_states()["features.start_processing"] == "skipped"
    assert profile_steps(again) == [("skipped", ""), ("skipped", "")]
    assert len(ours) <= 8, ours
    assert ours, calls
    assert changed.report.run.verdict is Verdict.PROMOTED
