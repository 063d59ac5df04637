"""Whole runs of the pipeline, started as a user starts them, against jobs and endpoints that really run."""

from __future__ import annotations

import csv
import gzip
import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from quickstart.sample_ecg import write_recordings
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.report.document import Verdict
from sagemaker_pca.report.summary import RunSummary
from sagemaker_pca.report.wording import verdict_line
from sagemaker_pca.run.locations import RunFiles, profile_job_name
from tests.pipeline_process import BUCKET, FinishedRun, PipelineProcess, raw_csv
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

PTB_ECG = Path(__file__).parents[4] / "shared" / "data" / "ptb_s0010_re.csv.gz"
PTB_LEADS = ["i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6"]
# From the README beside the recording.
PTB_SINGULAR_VALUES = [91.59, 70.35, 55.91, 35.92, 16.20, 6.907, 2.739, 2.120]


@pytest.fixture
def pipeline(sagemaker_local_url: str) -> PipelineProcess:
    """A pipeline whose data and endpoint no other test shares."""
    return PipelineProcess(sagemaker_local_url, uuid.uuid4().hex[:8])


@pytest.fixture
def ecg_pipeline(pipeline: PipelineProcess, tmp_path: Path) -> PipelineProcess:
    """A pipeline with sample ECG recordings in place."""
    (tmp_path / "recordings").mkdir()
    for path in write_recordings(tmp_path / "recordings", recordings=2, seconds=10):
        pipeline.upload_raw(path)
    return pipeline


class Served(NamedTuple):
    """An endpoint that serves a first run's model, that run, and another one on the same data; tests leave another
    model at the most."""

    pipeline: PipelineProcess
    first: FinishedRun
    again: FinishedRun
    calls_of_again: list[str]
    expires_at: tuple[str, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two runs on the same data, on a service that keeps all calls."""
    with ServiceProcess(recording=True) as service:
        pipeline = PipelineProcess(service.url, uuid.uuid4().hex[:8])
        for path in write_recordings(tmp_path_factory.mktemp("recordings"), recordings=2, seconds=10):
            pipeline.upload_raw(path)
        first = pipeline.run(force=False, expires_after_days=7)
        assert first.exit_code == 0, first.log[-4000:]
        assert pipeline.serving_config() == first.report.run.run_name
        expires_at = pipeline.endpoint_tags()["expires-at"]

        httpx.delete(f"{service.url}/sagemaker-local/calls").raise_for_status()
        again = pipeline.run(force=False, expires_after_days=7)
        calls = httpx.get(f"{service.url}/sagemaker-local/calls").json()["calls"]
        ours = [call["call"] for call in calls if "Airflow" in call["user_agent"]]
        yield Served(pipeline, first, again, ours, (expires_at, pipeline.endpoint_tags()["expires-at"]))


def test_sample_ecg_goes_from_raw_csv_to_a_verified_endpoint(served: Served) -> None:
    run = served.first
    report = run.report
    assert report.run.verdict is Verdict.PROMOTED
    assert run.note == verdict_line(report)
    assert report.data is not None
    assert report.data.row_count == 2 * 10 * 500
    assert report.model is not None
    assert np.sum(numbers(report.model.explained_variance_ratio)) > 0.9
    assert np.sum(numbers(report.model.spectrum or ())) == pytest.approx(1)
    assert report.deployment is not None
    assert report.deployment.endpoint_config_name == report.run.run_name
    assert run.step_states()["roll_back"] == "skipped"
    assert report.smoke_test is not None
    np.testing.assert_allclose(
        numbers(report.smoke_test.endpoint_projection),
        numbers(report.smoke_test.artifact_projection),
        rtol=1e-4,
        atol=1e-9,
    )
    assert_summary_says_what_the_report_does(served.pipeline, run)
    processing, training = report.jobs
    assert (processing.kind, training.kind) == ("processing job", "training job")
    for job in (processing, training):
        assert (job.name, job.instance_count, job.instance_type) == (report.run.run_name, 1, "ml.m5.large")
        assert job.seconds is not None
        assert 0 < job.seconds < 120
        assert job.billable_seconds == pytest.approx(job.seconds, abs=1)


def assert_summary_says_what_the_report_does(pipeline: PipelineProcess, run: FinishedRun) -> None:
    about = run.report.run
    files = RunFiles(BUCKET, about.run_name, pipeline.endpoint_name)
    assert pipeline.summary(about.run_id) == RunSummary.of(run.report, files)


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


def test_a_share_of_the_variance_chooses_the_components_and_data_that_moved_too_far_is_refused(
    ecg_pipeline: PipelineProcess,
) -> None:
    run = ecg_pipeline.run(explained_variance=0.97)
    assert run.exit_code == 0, run.log[-4000:]
    model = run.report.model
    assert model is not None
    shares = np.cumsum(numbers(model.spectrum or ()))
    kept = len(model.singular_values)
    assert kept == int(np.searchsorted(shares, 0.97)) + 1
    assert np.sum(numbers(model.explained_variance_ratio)) == pytest.approx(shares[kept - 1], abs=1e-4)
    job = ecg_pipeline.sagemaker.describe_training_job(TrainingJobName=run.report.run.run_name)
    assert job["HyperParameters"]["num_components"] == str(kept)
    assert model.limits is not None
    assert (model.limits.in_force, model.limits.sample_rows) == ("empirical", 10_000)
    sample = run.report.projection_sample
    assert sample is not None
    assert len(sample.files) == 2, "rows of both recordings"
    assert run.report.drift is None, "nothing was in service"

    ecg_pipeline.put_raw("moved.csv", raw_csv(10_000, offset=0.02))
    refused = ecg_pipeline.run(explained_variance=0.97, max_mean_shift=1, max_exceedance=0.1)
    assert refused.exit_code != 0
    assert refused.report.run.verdict is Verdict.REFUSED
    missed = [check.name for check in refused.report.checks if not check.passed]
    assert {"mean_shift", "exceedance"} <= set(missed)
    drift = refused.report.drift
    assert drift is not None
    assert drift.share_beyond_99 == pytest.approx(0.5, abs=0.02), "half of the rows are new"
    assert ecg_pipeline.serving_config() == run.report.run.run_name


def test_two_hosts_standardize_and_fill_gaps_as_one_does_and_are_served_in_raw_units(
    ecg_pipeline: PipelineProcess,
) -> None:
    settings: dict[str, Any] = {"scaling": "standardize", "missing_values": "mean", "num_components": 4}
    rows = np.random.default_rng(3).normal(0.005, 0.002, (50, 4)).tolist()
    one_host = ecg_pipeline.run(**settings)
    assert one_host.exit_code == 0, one_host.log[-4000:]
    assert one_host.report.model is not None
    assert one_host.report.model.as_trained is not None
    served = one_host.report.model.served
    expected = (np.array(rows) - np.array(served.mean, dtype=float)) @ np.array(served.components, dtype=float)
    projections_of_one = ecg_pipeline.project(rows)
    np.testing.assert_allclose(projections_of_one, expected, rtol=1e-3, atol=1e-4)

    # The features are RecordIO this time, which train what CSV trains.
    two_hosts = ecg_pipeline.run(**settings, processing_instance_count=2, feature_format="recordio")

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


def test_a_model_of_changed_data_replaces_the_served_one(served: Served) -> None:
    ecg_pipeline = served.pipeline
    before = ecg_pipeline.serving_config()
    ecg_pipeline.put_raw("shifted.csv", raw_csv(rows=3000, offset=0.01))
    second = ecg_pipeline.run(force=False)
    ecg_pipeline.s3.delete_object(Bucket=BUCKET, Key=f"{ecg_pipeline.raw_prefix}shifted.csv")

    assert second.exit_code == 0, second.log[-4000:]
    assert second.report.deployment is not None
    assert second.report.deployment.previous_endpoint_config_name == before
    assert ecg_pipeline.serving_config() == second.report.run.run_name
    assert second.report.comparison is not None
    artifact = artifact_of(ecg_pipeline, second.report.model.artifact_uri if second.report.model else "")
    row = [0.005, 0.004, 0.003, 0.002]
    np.testing.assert_allclose(
        ecg_pipeline.project([row])[0], artifact.project(np.array([row]))[0], rtol=1e-4, atol=1e-7
    )


def test_refused_model_leaves_the_served_one_alone_and_a_report_that_says_by_how_much(
    served: Served,
) -> None:
    ecg_pipeline = served.pipeline
    before = ecg_pipeline.serving_config()
    refused = ecg_pipeline.run(num_components=1, min_explained_variance=0.99)

    assert refused.exit_code != 0
    assert refused.report.run.verdict is Verdict.REFUSED
    assert refused.note == f"refused: {refused.report.run.reason}"
    # At the gate, and as the run's end with the report's address.
    assert refused.log.count(f"[error    ] {refused.report.run.reason}") == 1
    assert re.search(rf"\[error    \] {re.escape(refused.note)}\ns3://\S+/report.html ", refused.log)
    assert "Traceback" not in refused.log
    failed = [check for check in refused.report.checks if not check.passed]
    assert failed[0].name == "explained_variance"
    assert "min_explained_variance=0.99 by" in failed[0].message
    assert refused.step_states()["evaluate_model"] == "failed"
    assert refused.step_states()["create_model"] == "upstream_failed"
    assert refused.step_states()["roll_back"] == "skipped"
    assert ecg_pipeline.serving_config() == before
    assert_summary_says_what_the_report_does(ecg_pipeline, refused)


def test_a_setting_that_preflight_refuses_is_the_runs_note(pipeline: PipelineProcess) -> None:
    exit_code, log = pipeline.dags_test("pca_pipeline", pipeline.conf(num_components=99))

    sentence = "num_components=99 exceeds the 4 feature columns. Lower num_components or add columns."
    assert exit_code != 0
    assert f"[error    ] {sentence}" in log
    assert "Traceback" not in log
    assert pipeline.note("pca_pipeline") == f"failed: preflight \N{EN DASH} {sentence}"


def test_an_endpoint_that_goes_on_serving_the_old_model_is_rolled_back(
    served: Served,
) -> None:
    ecg_pipeline = served.pipeline
    before = ecg_pipeline.serving_config()
    ecg_pipeline.put_raw("moved.csv", raw_csv(rows=3000, offset=0.03))
    ecg_pipeline.plan_fault(fault="keep_old_model", name=ecg_pipeline.endpoint_name)
    second = ecg_pipeline.run(max_explained_variance_drop=1.0)
    ecg_pipeline.s3.delete_object(Bucket=BUCKET, Key=f"{ecg_pipeline.raw_prefix}moved.csv")

    assert second.exit_code != 0
    assert second.step_states()["smoke_test"] == "failed"
    assert second.step_states()["roll_back"] == "success"
    assert second.report.run.verdict is Verdict.ROLLED_BACK
    assert second.note is not None
    assert second.note.startswith("rolled back: smoke_test \N{EN DASH} ")
    assert "Another model is in service, or an old one." in second.report.run.reason
    assert ecg_pipeline.serving_config() == before


# Of the smoke test's former reader, each of these rolled a good model back: a blank line before the header, CR line
# ends, long cells, a sample whose rows all hold a gap, an infinite number, one beyond float32.
def peculiar_csv() -> bytes:
    rows = raw_csv(rows=302).decode().splitlines()
    header, body = rows[0], rows[1:]
    for number in range(40):
        body[number] = "t,NA," + body[number].split(",", 2)[2]
    body[41], body[42] = "t,inf,0.1,0.1,0.1,,", "t,0.1,1e39,0.1,0.1,,"
    body[43] = f"{'x' * 200_000},{body[43].split(',', 1)[1]}"
    return ("\r" + "\r".join([header, *body]) + "\r").encode()


def test_the_smoke_test_sends_what_the_processing_job_read_and_two_training_hosts_share_that_little(
    pipeline: PipelineProcess,
) -> None:
    pipeline.put_raw("peculiar.csv", peculiar_csv())
    run = pipeline.run(on_bad_rows="skip", max_null_fraction=0.2, training_instance_count=2)

    assert run.exit_code == 0, run.log[-4000:]
    assert run.report.run.verdict is Verdict.PROMOTED
    assert run.report.data is not None
    assert run.report.data.skipped_rows == 2


def numbers(vector: Sequence[float | None]) -> NDArray[np.float64]:
    """A report's numbers, null as NaN."""
    return np.array(vector, dtype=float)


def artifact_of(pipeline: PipelineProcess, uri: str) -> PcaModel:
    """The artifact at an S3 URI."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    return PcaModel.from_artifact(pipeline.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_unchanged_data_ends_the_run_as_skipped_without_a_job_in_at_most_eight_calls(served: Served) -> None:
    again = served.again
    assert again.exit_code == 0
    assert again.report.run.verdict is Verdict.SKIPPED
    assert again.note == f"skipped: {again.report.run.reason}"
    assert served.first.report.run.run_name in again.report.run.reason
    assert "Set force to train it again" in again.report.run.reason
    assert again.step_states()["start_processing"] == "skipped"
    assert profile_steps(again) == [("skipped", ""), ("skipped", "")]
    assert 0 < len(served.calls_of_again) <= 8, served.calls_of_again
    before, after = served.expires_at
    assert after > before, "daily runs on the same data keep an endpoint alive"
    assert_summary_says_what_the_report_does(served.pipeline, again)
