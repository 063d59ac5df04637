"""Batch transforms with a model that the pipeline trained, as a user starts them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from quickstart.sample_ecg import write_recordings
from tests.pipeline_process import BUCKET, PipelineProcess

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def pipeline(sagemaker_local_url: str, tmp_path_factory: pytest.TempPathFactory) -> PipelineProcess:
    """A pipeline with a model in service, and recordings to project under `batch-in/`."""
    folder = tmp_path_factory.mktemp("transform")
    pipeline = PipelineProcess(sagemaker_local_url, folder.name.replace("_", "-"))
    for path in write_recordings(folder, recordings=2, seconds=6):
        pipeline.upload_raw(path)
        pipeline.s3.upload_file(str(path), BUCKET, f"batch-{pipeline.raw_prefix}{path.name}")
    run = pipeline.run()
    assert run.exit_code == 0, run.log[-4000:]
    return pipeline


def transform(pipeline: PipelineProcess, **settings: Any) -> tuple[int, str, dict[str, Any] | None]:
    """Run the DAG; its exit code, log and result document."""
    before = results(pipeline)
    exit_code, log = pipeline.dags_test(
        "pca_batch_transform",
        {
            "input_uri": f"s3://{BUCKET}/batch-{pipeline.raw_prefix}",
            "endpoint_name": pipeline.endpoint_name,
            "poll_seconds": 0.2,
            **settings,
        },
    )
    new = results(pipeline) - before
    return exit_code, log, read_json(pipeline, new.pop()) if new else None


def results(pipeline: PipelineProcess) -> set[str]:
    found = pipeline.s3.list_objects_v2(Bucket=BUCKET, Prefix="runs/pca-batch-transform").get("Contents", ())
    return {item["Key"] for item in found if item["Key"].endswith("batch_transform.json")}


def read_json(pipeline: PipelineProcess, key: str) -> Any:
    return json.loads(pipeline.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def test_projections_of_a_model_of_the_jobs_own_which_goes_with_it_equal_the_endpoints_to_float32_precision(
    pipeline: PipelineProcess,
) -> None:
    exit_code, log, result = transform(pipeline)

    assert exit_code == 0, log[-4000:]
    assert result is not None
    assert result["rows"] == 2 * 6 * 500
    assert pipeline.note("pca_batch_transform") == f"projected: 6,000 rows by model {result['model_name']}"
    prefix = result["projections_uri"].removeprefix(f"s3://{BUCKET}/")
    projections, features = [], []
    for output in result["outputs"]:
        body = pipeline.s3.get_object(Bucket=BUCKET, Key=prefix + output["name"])["Body"].read().decode()
        projections += [json.loads(line)["projection"] for line in body.splitlines()]
        key = prefix.replace("/projections/", "/features/") + output["name"].removesuffix(".out")
        text = pipeline.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
        features += [list(map(float, line.split(","))) for line in text.splitlines()]
    assert len(projections) == result["rows"]
    endpoint = np.array(pipeline.project(features))
    np.testing.assert_allclose(np.array(projections), endpoint, rtol=1e-6, atol=1e-9)

    job_name = result["projections_uri"].rstrip("/").rpartition("/")[2]
    used = pipeline.sagemaker.describe_transform_job(TransformJobName=job_name)["ModelName"]
    assert used == job_name != result["model_name"]
    assert model_names(pipeline, "pca-batch-transform") == []
    assert result["model_name"] in model_names(pipeline, "pca-pipeline")


def test_a_failed_transform_leaves_no_model_behind(pipeline: PipelineProcess) -> None:
    pipeline.plan_fault(fault="fail_job", target="TransformJob", reason="ClientError: it was asked for")

    exit_code, log, result = transform(pipeline)

    assert exit_code != 0
    assert result is None
    assert "ended Failed: ClientError: it was asked for" in log
    assert model_names(pipeline, "pca-batch-transform") == []


def model_names(pipeline: PipelineProcess, prefix: str) -> list[str]:
    found = pipeline.sagemaker.list_models(NameContains=prefix, MaxResults=100)["Models"]
    return [model["ModelName"] for model in found]
