from datetime import datetime
from typing import Any

import pytest

from sagemaker_pca.run.attempts import ATTEMPT_LIMIT, attempt_names, fingerprint, for_attempt, with_tags

REQUEST: dict[str, Any] = {
    "ProcessingJobName": "run-1",
    "ProcessingInputs": [
        {"InputName": "code", "S3Input": {"S3Uri": "s3://b/runs/run-1/inputs/code-ab/"}},
        {"InputName": "earlier", "S3Input": {"S3Uri": "s3://b/runs/run-1/other/run-1/"}},
    ],
    "ProcessingOutputConfig": {
        "Outputs": [
            {"OutputName": "features", "S3Output": {"S3Uri": "s3://b/runs/run-1/features/run-1/"}},
            {"OutputName": "stats", "S3Output": {"S3Uri": "s3://b/runs/run-1/stats/run-1"}},
            {"OutputName": "fixed", "S3Output": {"S3Uri": "s3://b/fixed/", "LocalPath": "/opt/run-1/"}},
        ]
    },
    "Tags": [{"Key": "owner", "Value": "me"}],
}


def test_first_attempt_has_the_base_name_and_later_ones_a_number() -> None:
    names = list(attempt_names("run"))
    assert names[:3] == [(1, "run"), (2, "run-2"), (3, "run-3")]
    assert len(names) == ATTEMPT_LIMIT


def test_first_attempt_is_the_request_itself() -> None:
    assert for_attempt(REQUEST, "ProcessingJobName", "run-1") == REQUEST


def test_a_later_attempt_writes_where_no_other_one_wrote() -> None:
    outputs = for_attempt(REQUEST, "ProcessingJobName", "run-1-2")["ProcessingOutputConfig"]["Outputs"]
    assert [output["S3Output"]["S3Uri"] for output in outputs] == [
        "s3://b/runs/run-1/features/run-1-2/",
        "s3://b/runs/run-1/stats/run-1-2",
        "s3://b/fixed/",
    ]
    assert outputs[2]["S3Output"]["LocalPath"] == "/opt/run-1/"


def test_a_later_attempt_reads_what_the_first_one_read() -> None:
    assert for_attempt(REQUEST, "ProcessingJobName", "run-1-2")["ProcessingInputs"] == REQUEST["ProcessingInputs"]


def test_an_attempt_leaves_the_request_as_it_is() -> None:
    before = fingerprint(REQUEST)
    assert for_attempt(REQUEST, "ProcessingJobName", "run-1-2")["ProcessingJobName"] == "run-1-2"
    assert fingerprint(REQUEST) == before


def test_training_and_transform_outputs_move_too() -> None:
    request = {
        "Name": "r",
        "InputDataConfig": [{"S3Uri": "s3://b/features/r/"}],
        "OutputDataConfig": {"S3OutputPath": "s3://b/training/r/"},
        "TransformOutput": {"S3OutputPath": "s3://b/projections/r/"},
    }
    second = for_attempt(request, "Name", "r-2")
    assert second["OutputDataConfig"]["S3OutputPath"] == "s3://b/training/r-2/"
    assert second["TransformOutput"]["S3OutputPath"] == "s3://b/projections/r-2/"
    assert second["InputDataConfig"] == request["InputDataConfig"]


@pytest.mark.parametrize(
    "change",
    [
        {"RoleArn": "arn:aws:iam::123456789012:role/other"},
        {"ProcessingJobName": "run-2"},
        {"ProcessingInputs": REQUEST["ProcessingInputs"][:1]},
        {"Environment": {"A": "1"}},
    ],
)
def test_another_request_has_another_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(REQUEST | change) != fingerprint(REQUEST)


def test_fingerprint_disregards_the_order_of_members_and_the_tags() -> None:
    shuffled = dict(reversed(REQUEST.items()))
    assert fingerprint(shuffled | {"Tags": []}) == fingerprint(REQUEST)


def test_fingerprint_fits_a_tag_and_takes_any_request() -> None:
    assert len(fingerprint({"When": datetime(2024, 1, 1)})) == 32


def test_added_tags_win_over_those_of_the_request() -> None:
    request = {"Tags": [{"Key": "owner", "Value": "me"}, {"Key": "keep", "Value": "1"}]}
    assert with_tags(request, {"owner": "you", "new": "2"})["Tags"] == [
        {"Key": "owner", "Value": "you"},
        {"Key": "keep", "Value": "1"},
        {"Key": "new", "Value": "2"},
    ]


def test_a_request_without_tags_gets_some() -> None:
    assert with_tags({"Name": "x"}, {"a": "b"}) == {"Name": "x", "Tags": [{"Key": "a", "Value": "b"}]}
