"""Batch transforms with a model that the pipeline trained, as a user starts them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from quickstart.sample_ecg import write_recordings
from tests.pipeline_process import BUCKET, IMAGES, PipelineProcess

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def pipeline(sagemaker_local_url: str, tmp_path_factory: pytest.TempPathFactory) -> PipelineProcess:
    """A pipeline with a model in service, and recordings to project under `batch-in/`."""
    folder = tmp_path_factory.mktemp("transform")
    pipeline = PipelineProcess(sagemaker_local_url, folder / "airflow", folder.name.replace("_", "-"))
    for path in write_recordings(folder, recordings=2, seconds=6):
        pipeline.upload_raw(path)
        pipeline.s3.upload_file(str(path), BUCKET, f"batch-{pipeline.raw_prefix}{path.name}")
    run = pipeline.run()
    assert run.exit_code == 0, run.log[-4000:]
    return pipeline


def transform(pipeline: PipelineProcess, **settings: Any) -> tuple[int, str, dict[str, Any] | None]:
    """Run the DAG; its exit code, log and result document."""
    before = results(pipeline)
    done = pipeline.dags_test(
        "pca_batch_transform",
        {
            "input_uri": f"s3://{BUCKET}/batch-{pipeline.raw_prefix}",
            "endpoint_name": pipeline.endpoint_name,
            "poll_seconds": 0.2,
            **settings,
        },
    )
    new = results(pipeline) - before
    return done.returncode, done.stdout, read_json(pipeline, new.pop()) if new else None


def results(pipeline: PipelineProcess) -> set[str]:
    found = pipeline.s3.list_objects_v2(Bucket=BUCKET, Prefix="runs/pca-batch-transform").get("Contents", ())
    return {item["Key"] for item in found if item["Key"].endswith("batch_transform.json")}


def read_json(pipeline: PipelineProcess, key: str) -> Any:
    return json.loads(pipeline.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def test_projections_equal_the_endpoints_to_float32_precision(pipeline: PipelineProcess) -> None:
    exit_code, log, result = transform(pipeline)

    assert exit_code == 0, log[-4000:]
    assert result is not None
    assert result["rows"] == 2 * 6 * 500
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


def test_the_job_has_a_model_of_its_own_which_is_gone_afterwards(pipeline: PipelineProcess) -> None:
    exit_code, log, result = transform(pipeline)

    assert exit_code == 0, log[-4000:]
    assert result is not None
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
    found = pipeline.sagemaker.list_models(MaxResults=100)["Models"]
    return [model["ModelName"] for model in found if model["ModelName"].startswith(prefix)]


def test_promoted_and_named_models_are_found(pipeline: PipelineProcess) -> None:
    promoted = read_json(pipeline, f"endpoints/{pipeline.endpoint_name}/promoted.json")["model_name"]
    exit_code, log, result = transform(pipeline, model="promoted")
    assert exit_code == 0, log[-4000:]
    assert result is not None
    assert result["model_name"] == promoted


def test_files_with_other_columns_are_refused(pipeline: PipelineProcess) -> None:
    key = f"other-{pipeline.raw_prefix}other.csv"
    pipeline.s3.put_object(Bucket=BUCKET, Key=key, Body=b"Ch5,Ch6,other\n1,2,3\n")

    exit_code, log, result = transform(pipeline, input_uri=f"s3://{BUCKET}/{key}", model="promoted")

    assert exit_code != 0
    assert result is None
    assert "other.csv" in log
    assert "Ch7" in log


def test_model_without_a_card_is_refused(pipeline: PipelineProcess) -> None:
    artifact = read_json(pipeline, f"endpoints/{pipeline.endpoint_name}/promoted.json")
    described = pipeline.sagemaker.describe_model(ModelName=artifact["model_name"])
    pipeline.sagemaker.create_model(
        ModelName=f"stranger-{pipeline.endpoint_name}",
        ExecutionRoleArn=described["ExecutionRoleArn"],
        PrimaryContainer={
            "Image": IMAGES["training_image_uri"],
            "ModelDataUrl": described["PrimaryContainer"]["ModelDataUrl"],
        },
    )
    exit_code, log, result = transform(pipeline, model="named", model_name=f"stranger-{pipeline.endpoint_name}")

    assert exit_code != 0
    assert result is None
    assert "left no model card" in log
