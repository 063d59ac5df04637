"""Features of one, two and five processing hosts, by the pipeline's own requests and script."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.run import service_requests
from sagemaker_pca.run.locations import run_name
from sagemaker_pca.run.plan import RunPlan, StagedInputs
from sagemaker_pca.settings.pipeline import resolve
from sagemaker_pca.steps.stage_inputs import stage_inputs
from tests.e2e.sagemaker_local.embedded_aws import PCA, ROLE, SCIKIT_LEARN, EmbeddedAws, unique_name
from tests.run_plans import DEPLOYMENT_ID

pytestmark = pytest.mark.e2e

COLUMNS = ["a", "b", "c"]
ROWS_OF_FILES = {"r1.csv": 150, "r2.csv": 90, "r3.csv": 210, "r4.csv": 50}


@dataclass(frozen=True)
class ProcessedFiles:
    """What the hosts of a processing job made of the raw files."""

    features: dict[str, NDArray[np.float32]]
    moments: Moments


def put_recordings(aws: EmbeddedAws) -> None:
    """Four files of columns on very different scales, a few cells empty, one file unlike the others."""
    random = np.random.default_rng(17)
    for number, (name, rows) in enumerate(ROWS_OF_FILES.items()):
        values = random.normal([1e4 + 100 * number, -3, 0.005], [1, 50, 1e-4], (rows, 3)).round(7).tolist()
        cells = [["" if random.random() < 0.03 else repr(value) for value in row] for row in values]
        aws.put(f"raw/{name}", "\n".join([",".join(COLUMNS), *map(",".join, cells), ""]))


def plan_on(aws: EmbeddedAws, hosts: int, **settings: Any) -> RunPlan:
    """The plan of a run of its own on so many processing hosts."""
    params = {"bucket": aws.bucket, "feature_columns": COLUMNS, "num_components": 2, "processing_role": ROLE}
    config, origins = resolve({**params, "processing_instance_count": hosts, **settings}, {})
    run_id = unique_name("hosts")
    return RunPlan(
        config=config,
        origins=origins,
        deployment_id=DEPLOYMENT_ID,
        dag_id="pca_pipeline",
        run_id=run_id,
        run_name=run_name(DEPLOYMENT_ID, "pca_pipeline", run_id),
        started_at=datetime.now(UTC),
        partition="aws",
        region="us-east-1",
        account="123456789012",
        bucket=aws.bucket,
        processing_image=SCIKIT_LEARN,
        pca_image=PCA,
    )


def process(aws: EmbeddedAws, hook: SageMakerPcaHook, plan: RunPlan) -> ProcessedFiles:
    """Run the jobs that the pipeline would run, and read what they wrote."""
    inputs = StagedInputs.model_validate(stage(plan, hook))
    profile_uri = None
    if plan.config.why_no_profile is None:
        profile_uri = plan.files.stats_uri(complete(aws, service_requests.profile_job(plan, inputs)))
    job_name = complete(aws, service_requests.processing_job(plan, inputs, profile_uri))
    return read_results(aws, plan.files.features_uri(job_name), plan.files.stats_uri(job_name))


def stage(plan: RunPlan, hook: SageMakerPcaHook) -> dict[str, Any]:
    run: Any = SimpleNamespace(plan=plan, hook=hook)
    return stage_inputs(run, service_requests.script_arguments(plan.config))


def complete(aws: EmbeddedAws, request: dict[str, Any]) -> str:
    """Run a job to its end; its name."""
    name: str = request["ProcessingJobName"]
    aws.sagemaker.create_processing_job(**request)
    job = aws.wait_for_processing(name)
    assert job["ProcessingJobStatus"] == "Completed", job
    return name


def read_results(aws: EmbeddedAws, features_uri: str, stats_uri: str) -> ProcessedFiles:
    """Features by raw file, and the merged moments."""
    stats = {key.rsplit("/", 1)[1]: aws.get(f"s3://{aws.bucket}/{key}") for key in aws.keys(prefix_of(stats_uri))}
    documents = [json.loads(body) for name, body in stats.items() if name.endswith(".json")]
    scatters = {
        name.removeprefix("scatter-").removesuffix(".npy"): np.load(io.BytesIO(body))
        for name, body in stats.items()
        if name.endswith(".npy")
    }
    features: dict[str, NDArray[np.float32]] = {}
    for document in documents:
        parts = [aws.get(features_uri + part["name"]) for part in document["parts"]]
        if not parts:
            continue
        rows = np.loadtxt(io.BytesIO(b"".join(parts)), np.float32, delimiter=",", ndmin=2)
        ends = np.cumsum([file["rows"] for file in document["files"]])[:-1]
        features |= zip((file["name"] for file in document["files"]), np.split(rows, ends), strict=True)
    return ProcessedFiles(features, Moments.from_documents(documents, scatters))


def prefix_of(uri: str) -> str:
    """The key part of an S3 URI."""
    return uri.removeprefix("s3://").split("/", 1)[1]


def test_features_are_the_same_on_one_two_and_five_hosts_with_mean_0_and_deviation_1_over_all_files(
    aws: EmbeddedAws, hook: SageMakerPcaHook
) -> None:
    put_recordings(aws)
    settings: dict[str, Any] = {"scaling": "standardize", "missing_values": "mean"}

    one, *several = (process(aws, hook, plan_on(aws, hosts, **settings)) for hosts in (1, 2, 5))

    verify_the_same(one, *several)
    rows = np.concatenate(list(several[-1].features.values())).astype(float)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(rows.std(axis=0), 1, rtol=1e-6)
    assert min(len(rows) for rows in several[-1].features.values()) == min(ROWS_OF_FILES.values())


def test_hosts_that_need_no_profile_drop_the_same_rows_as_one(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    put_recordings(aws)
    one, two = (process(aws, hook, plan_on(aws, hosts, missing_values="drop")) for hosts in (1, 2))
    verify_the_same(one, two)
    assert sum(map(len, one.features.values())) < sum(ROWS_OF_FILES.values())


def verify_the_same(one: ProcessedFiles, *several: ProcessedFiles) -> None:
    """What one host made of the files, the others made as well."""
    assert {name: len(rows) for name, rows in one.features.items()}.keys() == {f"raw/{name}" for name in ROWS_OF_FILES}
    for other in several:
        assert other.features.keys() == one.features.keys()
        for name, rows in one.features.items():
            np.testing.assert_allclose(other.features[name], rows, rtol=2e-7, atol=1e-7)
        np.testing.assert_allclose(other.moments.mean, one.moments.mean, rtol=1e-12)
        np.testing.assert_array_equal(other.moments.null_count, one.moments.null_count)
        assert other.moments.null_count.all()


def test_an_oversized_file_among_many_is_named_as_the_limiting_shard(
    aws: EmbeddedAws, hook: SageMakerPcaHook, caplog: pytest.LogCaptureFixture
) -> None:
    put_recordings(aws)
    aws.put("raw/r5.csv", "a,b,c\n" + "1,2,3\n" * 20_000)

    for hosts in (1, 2, 5):
        stage(plan_on(aws, hosts), hook)
    aws.put("raw/r6.csv", "a,b,c\n" + "1,2,3\n" * 20_000)
    stage(plan_on(aws, 2), hook)

    named = [record.getMessage() for record in caplog.records if "limiting shard" in record.getMessage()]
    assert [message.partition(" hosts take")[0].rpartition(" ")[2] for message in named] == ["2", "5"]
    assert all(message.startswith("raw/r5.csv is the limiting shard with ") for message in named)
