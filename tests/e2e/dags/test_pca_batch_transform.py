"""Batch transforms with a model that the pipeline trained, as a user starts them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
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


def transform(
    pipeline: PipelineProcess, environment: dict[str, str] | None = None, **settings: Any
) -> tuple[int, str, dict[str, Any] | None]:
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
        **(environment or {}),
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


def put_batch(pipeline: PipelineProcess, prefix: str, files: dict[str, list[list[str]]], header: list[str]) -> str:
    """Put CSV files under a prefix of their own; its URI."""
    for name, rows in files.items():
        text = io.StringIO()
        csv.writer(text).writerows([header, *rows])
        pipeline.s3.put_object(Bucket=BUCKET, Key=f"{prefix}{name}", Body=text.getvalue().encode())
    return f"s3://{BUCKET}/{prefix}"


def channels(pipeline: PipelineProcess) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the first recording, its rows without a gap."""
    keys = pipeline.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"batch-{pipeline.raw_prefix}")["Contents"]
    text = pipeline.s3.get_object(Bucket=BUCKET, Key=keys[0]["Key"])["Body"].read().decode()
    header, *rows = csv.reader(io.StringIO(text))
    return header, [row for row in rows if row and "" not in row[1:5]]


def scored_rows(pipeline: PipelineProcess, result: dict[str, Any]) -> list[dict[str, str]]:
    prefix = result["scores_uri"].removeprefix(f"s3://{BUCKET}/")
    parts = (
        pipeline.s3.get_object(Bucket=BUCKET, Key=prefix + part["name"])["Body"].read() for part in result["outputs"]
    )
    return [row for part in parts for row in csv.DictReader(io.StringIO(part.decode()))]


def test_scored_rows_stay_with_their_file_row_and_id_and_need_no_transform_job(pipeline: PipelineProcess) -> None:
    header, rows = channels(pipeline)
    labelled = [[f"patient {place}", *row] for place, row in enumerate(rows, start=1)]
    files = {"a.csv": labelled[:1_000], "b.csv": [*labelled[1_000:1_200], ["bad"], *labelled[1_200:1_500]]}
    uri = put_batch(pipeline, f"scored-{pipeline.raw_prefix}", files, ["patient", *header])
    jobs = len(pipeline.sagemaker.list_transform_jobs(MaxResults=100)["TransformJobSummaries"])
    # Rows that are no rows are a matter of how the model's own data was read: here they fail the job.
    exit_code, log, _ = transform(pipeline, input_uri=uri, output="scored-csv")
    assert exit_code != 0
    assert "b.csv, line 202: 1 cell instead of" in log

    put_batch(pipeline, f"scored-{pipeline.raw_prefix}", {"b.csv": labelled[1_000:1_500]}, ["patient", *header])
    settings: dict[str, Any] = {
        "output": "scored-csv",
        "id_columns": ["patient"],
        "window_rows": 1_000,
        "max_exceedance": 0.5,
    }
    events = len(pipeline.asset_events("pca_pipeline_drift"))
    exit_code, log, result = transform(pipeline, input_uri=uri, **settings)

    assert exit_code == 0, log[-4000:]
    assert result is not None
    scored = scored_rows(pipeline, result)
    assert [(row["file"].rpartition("/")[2], int(row["row"]), row["patient"]) for row in scored] == [
        *(("a.csv", place, f"patient {place}") for place in range(1, 1_001)),
        *(("b.csv", place, f"patient {1_000 + place}") for place in range(1, 501)),
    ]
    values = [[float(cell) for cell in row[1:5]] for row in rows[:1_500]]
    endpoint = np.array(pipeline.project(values))[:, ::-1]
    projections = np.array([[float(row[f"PC{rank}"]) for rank in (1, 2, 3)] for row in scored])
    np.testing.assert_allclose(projections, endpoint, rtol=1e-4, atol=1e-8)
    beyond = np.array([max(int(row["T2_beyond"]), int(row["Q_beyond"])) for row in scored]) == 99
    assert result["exceedance"]["either_99"] == beyond.mean()
    assert [entry["either_99"] for entry in result["files"]] == [beyond[:1_000].sum(), beyond[1_000:].sum()]
    assert [entry["rows"] for entry in result["windows"]] == [1_000, 500]
    note = pipeline.note("pca_batch_transform")
    assert note is not None
    assert note.startswith(f"scored: 1,500 rows scored by model {result['model_name']}, ")
    assert note.endswith("beyond its 99% limits, within max_exceedance=50.0%")
    assert len(pipeline.sagemaker.list_transform_jobs(MaxResults=100)["TransformJobSummaries"]) == jobs
    assert model_names(pipeline, "pca-batch-transform") == []
    assert len(pipeline.asset_events("pca_pipeline_drift")) == events, "nothing has drifted"


def test_an_inverted_lead_is_drift_of_which_the_pipelines_asset_and_the_notifier_tell(
    pipeline: PipelineProcess, tmp_path: Path
) -> None:
    header, rows = channels(pipeline)
    mean = float(np.mean([float(row[2]) for row in rows]))
    inverted = [[*row[:2], repr(2 * mean - float(row[2])), *row[3:]] for row in rows[:2_000]]
    uri = put_batch(pipeline, f"inverted-{pipeline.raw_prefix}", {"a.csv": inverted}, header)
    told = {"SAGEMAKER_PCA_ON_DRIFT": "tests.e2e.dags.noting_drift.note", "NOTED_DRIFT": str(tmp_path / "drift")}
    before = len(pipeline.asset_events("pca_pipeline_drift"))

    exit_code, log, result = transform(pipeline, told, input_uri=uri, output="scored-parquet", max_exceedance=0.1)

    assert exit_code == 0, log[-4000:]
    assert result is not None
    assert result["exceedance"]["either_99"] > 0.1
    event = pipeline.asset_events("pca_pipeline_drift")[before:]
    assert len(event) == 1
    assert event[0]["exceedance"] == result["exceedance"]
    assert event[0]["endpoint_name"] == pipeline.endpoint_name
    note = pipeline.note("pca_batch_transform")
    assert note is not None
    assert note.startswith("drift: 2,000 rows scored by model ")
    assert (tmp_path / "drift").read_text() == "pca_batch_transform"


def test_gaps_take_the_means_of_the_models_data(pipeline: PipelineProcess) -> None:
    header, rows = channels(pipeline)
    gappy = [[row[0], "", *row[2:]] for row in rows[:10]]
    uri = put_batch(pipeline, f"gaps-{pipeline.raw_prefix}", {"a.csv": gappy}, header)
    exit_code, log, result = transform(pipeline, input_uri=uri)
    assert exit_code == 0, log[-4000:]
    assert result is not None
    prefix = result["projections_uri"].removeprefix(f"s3://{BUCKET}/")
    body = pipeline.s3.get_object(Bucket=BUCKET, Key=prefix + result["outputs"][0]["name"])["Body"].read().decode()
    projections = [json.loads(line)["projection"] for line in body.splitlines()]
    mean = [float(row[1]) for path in ("1", "2") for row in all_rows(pipeline, path) if row[1]]
    filled = [[float(np.mean(mean)), *map(float, row[2:5])] for row in rows[:10]]
    np.testing.assert_allclose(projections, pipeline.project(filled), rtol=1e-3, atol=1e-7)


def all_rows(pipeline: PipelineProcess, place: str) -> list[list[str]]:
    """The rows of one of the two recordings that the model was trained on."""
    found = pipeline.s3.list_objects_v2(Bucket=BUCKET, Prefix=pipeline.raw_prefix)["Contents"]
    body = pipeline.s3.get_object(Bucket=BUCKET, Key=found[int(place) - 1]["Key"])["Body"].read()
    text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    return [row for row in csv.reader(io.StringIO(text.decode())) if row][1:]
