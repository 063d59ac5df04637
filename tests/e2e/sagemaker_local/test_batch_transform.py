"""Batch transform jobs that really compute."""

import gzip
import json
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from sagemaker_local.pca_algorithm.recordio import encode_features
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, artifact_bytes, unique_name, wait_until

pytestmark = pytest.mark.e2e

GROUP = "/aws/sagemaker/TransformJobs"
SUM_AND_FIRST = artifact_bytes(np.zeros(2), [[1.0, 1.0], [1.0, 0.0]], np.ones(2))


def transform(aws: EmbeddedAws, **request: Any) -> dict[str, Any]:
    """Run a transform of everything below in/ and return its last description."""
    return dict(aws.wait_for_transform(start_transform(aws, **request)))


def start_transform(aws: EmbeddedAws, **request: Any) -> str:
    name = unique_name("transform")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{aws.bucket}/in/"}
    transform_input = {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"}
    output = {"S3OutputPath": f"s3://{aws.bucket}/out"}
    model = request.pop("model", None) or aws.create_model(aws.put("model/model.tar.gz", SUM_AND_FIRST))
    body = {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": transform_input | request.pop("transform_input", {}),
        "TransformOutput": output | request.pop("output", {}),
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": request.pop("instance_count", 1)},
    }
    aws.sagemaker.create_transform_job(**body | request)
    return name


def projections(content: bytes) -> list[list[float]]:
    return [json.loads(line)["projection"] for line in content.splitlines()]


def test_every_object_gets_an_output_in_json_lines_beside_its_relative_path(aws: EmbeddedAws) -> None:
    aws.put("in/a.csv", "1,2\n3,4\n")
    aws.put("in/deep/b.csv", "5,6\n")
    assert transform(aws)["TransformJobStatus"] == "Completed"
    assert aws.keys("out/") == ["out/a.csv.out", "out/deep/b.csv.out"]
    assert projections(aws.get(f"s3://{aws.bucket}/out/a.csv.out")) == [[3.0, 1.0], [7.0, 3.0]]


@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
def test_answers_are_assembled_one_to_a_line(aws: EmbeddedAws, strategy: str) -> None:
    aws.put("in/a.csv", "1,2\n3,4\n5,6")
    job = transform(aws, BatchStrategy=strategy, output={"AssembleWith": "Line"})
    assert job["TransformJobStatus"] == "Completed"
    assert projections(aws.get(f"s3://{aws.bucket}/out/a.csv.out")) == [[3.0, 1.0], [7.0, 3.0], [11.0, 5.0]]


def test_single_record_strategy_asks_the_model_once_per_record(aws: EmbeddedAws) -> None:
    aws.put("in/a.csv", "1,2\n3,4\n")
    transform(aws, BatchStrategy="SingleRecord", output={"Accept": "application/json", "AssembleWith": "Line"})
    answers = aws.get(f"s3://{aws.bucket}/out/a.csv.out").splitlines()
    assert [json.loads(answer) for answer in answers] == [
        {"projections": [{"projection": [3.0, 1.0]}]},
        {"projections": [{"projection": [7.0, 3.0]}]},
    ]


def test_record_io_is_split_and_several_hosts_share_the_objects(aws: EmbeddedAws) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    for number in range(3):
        aws.put(f"in/{number}.pbr", encode_features(rows[2 * number : 2 * number + 2]))
    record_io = {"ContentType": "application/x-recordio-protobuf", "SplitType": "RecordIO"}
    job = transform(aws, transform_input=record_io, instance_count=2, BatchStrategy="SingleRecord")
    assert job["TransformJobStatus"] == "Completed", job
    found = [projections(aws.get(f"s3://{aws.bucket}/out/{number}.pbr.out")) for number in range(3)]
    np.testing.assert_allclose(np.concatenate(found), np.stack([rows.sum(axis=1), rows[:, 0]], axis=1))


def test_compressed_input_is_read(aws: EmbeddedAws) -> None:
    aws.put("in/a.csv.gz", gzip.compress(b"1,2\n"))
    transform(aws, transform_input={"CompressionType": "Gzip"})
    assert projections(aws.get(f"s3://{aws.bucket}/out/a.csv.gz.out")) == [[3.0, 1.0]]


def test_one_bad_object_fails_the_job_and_the_others_keep_their_output(aws: EmbeddedAws) -> None:
    aws.put("in/bad.csv", "1,2\nx,y\n")
    aws.put("in/good.csv", "1,2\n")
    job = transform(aws)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    assert aws.keys("out/") == ["out/good.csv.out"]
    messages = aws.log_messages(GROUP, job["TransformJobName"])
    assert f"[sagemaker logs]: {aws.bucket}/in/bad.csv: ClientError: 400" in messages


def test_payload_beyond_the_limit_fails_the_object(aws: EmbeddedAws) -> None:
    aws.put("in/large.csv", "1,2\n" * 300_000)
    job = transform(aws, transform_input={"SplitType": "None"}, MaxPayloadInMB=1)
    assert job["TransformJobStatus"] == "Failed"
    assert any("ClientError: 413" in message for message in aws.log_messages(GROUP, job["TransformJobName"]))


def test_many_records_are_packed_up_to_the_payload_limit(aws: EmbeddedAws) -> None:
    aws.put("in/large.csv", "1,2\n" * 300_000)
    job = transform(aws, MaxPayloadInMB=1, output={"Accept": "application/json", "AssembleWith": "Line"})
    assert job["TransformJobStatus"] == "Completed"
    batches = [json.loads(line)["projections"] for line in aws.get(f"s3://{aws.bucket}/out/large.csv.out").splitlines()]
    assert sum(map(len, batches)) == 300_000
    assert len(batches) == 2


def test_stopped_transform_stores_nothing(aws: EmbeddedAws) -> None:
    aws.put("in/a.csv", "1,2\n")
    aws.put("in/large.csv", "1,2\n" * 3_000_000)
    name = start_transform(aws, BatchStrategy="SingleRecord")
    wait_until(
        lambda: aws.sagemaker.describe_transform_job(TransformJobName=name),
        lambda job: "TransformStartTime" in job,
        seconds=20,
    )
    aws.sagemaker.stop_transform_job(TransformJobName=name)
    assert aws.wait_for_transform(name)["TransformJobStatus"] == "Stopped"
    assert aws.keys("out/") == []


def test_missing_model_and_missing_input_are_refused(aws: EmbeddedAws) -> None:
    with pytest.raises(ClientError, match='Could not find model "arn:'):
        transform(aws, model="nowhere")
    with pytest.raises(ClientError, match="No S3 objects found under S3 URL"):
        transform(aws)


def lines_of(aws: EmbeddedAws, key: str) -> list[Any]:
    return [json.loads(line) for line in aws.get(f"s3://{aws.bucket}/{key}").splitlines()]


@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
def test_json_lines_are_filtered_and_joined_with_their_answers(aws: EmbeddedAws, strategy: str) -> None:
    aws.put("in/a.jsonl", '{"id": 7, "row": {"features": [1, 2]}}\n{"id": 8, "row": {"features": [3, 4]}}\n')
    asked = {"InputFilter": "$.row", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    job = transform(
        aws, DataProcessing=asked, BatchStrategy=strategy, transform_input={"ContentType": "application/jsonlines"}
    )
    assert job["TransformJobStatus"] == "Completed"
    assert job["DataProcessing"] == asked
    assert lines_of(aws, "out/a.jsonl.out") == [
        {"id": 7, "SageMakerOutput": {"projection": [3.0, 1.0]}},
        {"id": 8, "SageMakerOutput": {"projection": [7.0, 3.0]}},
    ]


def test_what_is_no_object_is_joined_as_sagemaker_input(aws: EmbeddedAws) -> None:
    aws.put("in/a.jsonl", '[{"features": [1, 2]}, "kept"]\n')
    json_lines = {"ContentType": "application/jsonlines"}
    transform(aws, DataProcessing={"InputFilter": "$[0]", "JoinSource": "Input"}, transform_input=json_lines)
    assert lines_of(aws, "out/a.jsonl.out") == [
        {"SageMakerInput": [{"features": [1, 2]}, "kept"], "SageMakerOutput": {"projection": [3.0, 1.0]}}
    ]


def test_an_id_column_of_csv_stays_away_from_the_model(aws: EmbeddedAws) -> None:
    aws.put("in/a.csv", 'x7,1,2\n"x,8",3,4\n')
    assert transform(aws, DataProcessing={"InputFilter": "$[1:]"})["TransformJobStatus"] == "Completed"
    assert projections(aws.get(f"s3://{aws.bucket}/out/a.csv.out")) == [[3.0, 1.0], [7.0, 3.0]]


def test_a_record_in_which_a_filter_finds_nothing_fails_its_object(aws: EmbeddedAws) -> None:
    aws.put("in/a.csv", "1,2\n")
    job = transform(aws, DataProcessing={"InputFilter": "$[9]"})
    assert job["TransformJobStatus"] == "Failed"
    name = job["TransformJobName"]
    assert any("finds nothing in a record" in message for message in aws.log_messages(GROUP, name))


@pytest.mark.parametrize(
    ("asked", "output", "words"),
    [
        (
            {"JoinSource": "Input"},
            {},
            "joins text/csv only to answers in text/csv",
        ),
        ({"OutputFilter": "$[0]"}, {"Accept": "application/json"}, "not Accept=application/json: leave Accept out"),
        ({"InputFilter": "$["}, {}, r"DataProcessing\.InputFilter=\$\[ is no JSONPath expression"),
    ],
)
def test_data_processing_that_cannot_be_is_refused(
    aws: EmbeddedAws, asked: dict[str, str], output: dict[str, str], words: str
) -> None:
    aws.put("in/a.csv", "1,2\n")
    with pytest.raises(ClientError, match=words):
        start_transform(aws, DataProcessing=asked, output=output)
