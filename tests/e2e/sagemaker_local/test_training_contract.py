"""Training jobs in depth: formats, modes, hosts, hyperparameters, states, ends."""

import gzip
import io
import json
import tarfile
import time
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from sagemaker_local.pca_algorithm.ndarray_file import read_arrays
from sagemaker_local.pca_algorithm.recordio import encode_features
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, channel, csv_bytes

pytestmark = pytest.mark.e2e

GROUP = "/aws/sagemaker/TrainingJobs"
ROWS = (np.random.default_rng(3).normal(size=(300, 4)) * [8.0, 4.0, 2.0, 1.0]).astype(np.float32)
SINGULAR_VALUES = np.linalg.svd(ROWS.astype(np.float64) - ROWS.astype(np.float64).mean(axis=0), compute_uv=False)[2::-1]
HYPERPARAMETERS = {"feature_dim": "4", "num_components": "3", "mini_batch_size": "50"}


WIDE_HYPERPARAMETERS = {"feature_dim": "4000", "num_components": "1", "mini_batch_size": "10"}


def wide_channel(aws: EmbeddedAws) -> dict[str, Any]:
    """Few rows, but a decomposition of seconds on any machine."""
    wide = np.random.default_rng(4).normal(size=(20, 4000)).astype(np.float32)
    return channel("train", aws.put("wide.csv", csv_bytes(wide)))


def train(aws: EmbeddedAws, *channels: dict[str, Any], **request: Any) -> Any:
    hyperparameters = HYPERPARAMETERS | request.pop("hyperparameters", {})
    return aws.wait_for_training(
        aws.start_training(channels=list(channels), hyperparameters=hyperparameters, **request)
    )


def model_of(aws: EmbeddedAws, job: Any) -> dict[str, Any]:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    content = io.BytesIO(aws.get(job["ModelArtifacts"]["S3ModelArtifacts"]))
    with tarfile.open(fileobj=content) as archive:
        assert archive.getnames() == ["model_algo-1"]
        member = archive.extractfile("model_algo-1")
        assert member is not None
        return dict(read_arrays(member.read()))


CSV = (csv_bytes(ROWS), "text/csv;label_size=0")
RECORDIO = (encode_features(ROWS), "application/x-recordio-protobuf")


@pytest.mark.parametrize(
    ("mode", "body", "content_type"),
    [
        pytest.param("File", *CSV, id="csv"),
        pytest.param("File", csv_bytes(np.column_stack([np.ones(len(ROWS)), ROWS])), "text/csv", id="csv-with-label"),
        pytest.param("File", *RECORDIO, id="recordio-float32"),
        pytest.param("File", encode_features(ROWS.astype(np.float64)), None, id="recordio-float64-without-type"),
        pytest.param("FastFile", *RECORDIO, id="recordio-fast-file"),
        pytest.param("Pipe", *CSV, id="csv-pipe"),
        pytest.param("Pipe", *RECORDIO, id="recordio-pipe"),
    ],
)
def test_formats_and_modes_train_the_same_model(
    aws: EmbeddedAws, mode: str, body: bytes, content_type: str | None
) -> None:
    model = model_of(aws, train(aws, channel("train", aws.put("train/data", body), content_type), mode=mode))
    np.testing.assert_allclose(model["s"], SINGULAR_VALUES, rtol=1e-4)
    np.testing.assert_allclose(model["mean"], np.atleast_2d(ROWS.mean(axis=0)), atol=1e-5)


def test_three_hosts_with_shards_train_what_one_host_trains(aws: EmbeddedAws) -> None:
    for number in range(5):
        aws.put(f"parts/{number}.csv", csv_bytes(ROWS[60 * number : 60 * number + 60]))
    sharded = channel("train", f"s3://{aws.bucket}/parts/", S3DataDistributionType="ShardedByS3Key")
    model = model_of(aws, train(aws, sharded, instance_count=3))
    np.testing.assert_allclose(model["s"], SINGULAR_VALUES, rtol=1e-4)


def test_manifest_and_gzip_channels_are_read(aws: EmbeddedAws) -> None:
    aws.put("zipped/a.csv.gz", gzip.compress(csv_bytes(ROWS)))
    aws.put("zipped/ignored.csv.gz", b"not even gzip")
    uri = aws.put("list.manifest", json.dumps([{"prefix": f"s3://{aws.bucket}/zipped/"}, "a.csv.gz"]))
    zipped = channel("train", uri, S3DataType="ManifestFile") | {"CompressionType": "Gzip"}
    np.testing.assert_allclose(model_of(aws, train(aws, zipped))["s"], SINGULAR_VALUES, rtol=1e-4)


def test_test_channel_is_scored(aws: EmbeddedAws) -> None:
    uri = aws.put("rows.csv", csv_bytes(ROWS))
    job = train(aws, channel("train", uri), channel("test", uri))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    messages = aws.log_messages(GROUP, job["TrainingJobName"])
    assert not any("Test data is not provided." in message for message in messages)


@pytest.mark.parametrize(
    ("hyperparameters", "says"),
    [
        ({"mini_batch_size": "many"}, "mini_batch_size"),
        ({"feature_dim": "9", "num_components": "3"}, ""),
    ],
)
def test_bad_hyperparameters_are_a_client_error(aws: EmbeddedAws, hyperparameters: dict[str, str], says: str) -> None:
    job = train(aws, channel("train", aws.put("rows.csv", csv_bytes(ROWS))), hyperparameters=hyperparameters)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    assert job["FailureReason"].startswith("ClientError: ")
    assert says in job["FailureReason"]
    assert job["SecondaryStatusTransitions"][-1]["Status"] == "Failed"
    assert aws.keys("models/") == []


def test_randomized_mode_spans_nearly_the_same_subspace(aws: EmbeddedAws) -> None:
    rows = channel("train", aws.put("rows.csv", csv_bytes(ROWS)))
    settings = {"algorithm_mode": "randomized", "num_components": "2", "extra_components": "50"}
    randomized = model_of(aws, train(aws, rows, hyperparameters=settings))["v"]
    regular = model_of(aws, train(aws, rows, hyperparameters={"num_components": "2"}))["v"]
    cosines = np.linalg.svd(randomized.T @ regular, compute_uv=False)
    assert cosines.min() > 0.9


def test_stopped_training_ends_as_stopped(aws: EmbeddedAws) -> None:
    name = aws.start_training(channels=[wide_channel(aws)], hyperparameters=WIDE_HYPERPARAMETERS)
    time.sleep(0.3)
    aws.sagemaker.stop_training_job(TrainingJobName=name)
    job = aws.wait_for_training(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    with pytest.raises(ClientError, match="the training job is in status Stopped"):
        aws.sagemaker.stop_training_job(TrainingJobName=name)


def test_training_beyond_its_time_limit_says_so(aws: EmbeddedAws) -> None:
    limit = {"MaxRuntimeInSeconds": 1}
    job = train(aws, wide_channel(aws), hyperparameters=WIDE_HYPERPARAMETERS, StoppingCondition=limit)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_deleted_job_frees_its_name(aws: EmbeddedAws) -> None:
    rows = channel("train", aws.put("rows.csv", csv_bytes(ROWS)))
    name = train(aws, rows)["TrainingJobName"]
    with pytest.raises(ClientError, match="Training job names must be unique"):
        train(aws, rows, TrainingJobName=name)
    aws.sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match=r"Requested resource not found\."):
        aws.sagemaker.describe_training_job(TrainingJobName=name)
    aws.start_training(channels=[rows], hyperparameters=HYPERPARAMETERS, TrainingJobName=name)
    assert aws.wait_for_training(name)["TrainingJobStatus"] == "Completed"
