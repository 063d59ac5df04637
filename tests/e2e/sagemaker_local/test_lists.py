"""List calls: paging, order and filters."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, artifact_bytes, channel, unique_name
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

ARTIFACT = artifact_bytes(np.zeros(2), np.eye(2), np.ones(2))
COUNT = 23
# Other tests of this module make models too.
LISTED = {"NameContains": "listed-"}
OLDEST_FIRST = {"SortBy": "CreationTime", "SortOrder": "Ascending"}


@pytest.fixture(scope="module")
def filled() -> Iterator[EmbeddedAws]:
    """A service of this module's own, with 23 models in it: lists show everything there is."""
    with ServiceProcess() as service:
        aws = EmbeddedAws(service.url)
        uri = aws.put("m/model.tar.gz", ARTIFACT)
        aws.model_names = [aws.create_model(uri, "listed") for _ in range(COUNT)]
        yield aws


def names(pages: Any) -> list[str]:
    return [model["ModelName"] for page in pages for model in page["Models"]]


def test_default_page_holds_ten_and_the_newest_comes_first(filled: EmbeddedAws) -> None:
    answer = filled.sagemaker.list_models(**LISTED)
    assert [model["ModelName"] for model in answer["Models"]] == filled.model_names[:-11:-1]
    assert answer["NextToken"]


@pytest.mark.parametrize("page_size", [1, 7, 23, 100])
def test_pages_together_hold_everything_once(filled: EmbeddedAws, page_size: int) -> None:
    pages = list(
        filled.sagemaker.get_paginator("list_models").paginate(
            **LISTED, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": page_size}
        )
    )
    assert names(pages) == sorted(filled.model_names)
    assert len(pages) == -(-COUNT // page_size)
    assert "NextToken" not in pages[-1]


def test_pages_stay_right_while_resources_go(filled: EmbeddedAws) -> None:
    aws = filled
    uri = f"s3://{aws.bucket}/m/model.tar.gz"
    gone = [aws.create_model(uri, "listed") for _ in range(3)]
    first = aws.sagemaker.list_models(**LISTED, **OLDEST_FIRST, MaxResults=20)
    for name in (aws.model_names[0], *gone):
        aws.sagemaker.delete_model(ModelName=name)
    second = aws.sagemaker.list_models(**LISTED, **OLDEST_FIRST, NextToken=first["NextToken"])
    assert [model["ModelName"] for model in second["Models"]] == aws.model_names[20:]
    del aws.model_names[0]
    aws.model_names.append(aws.create_model(uri, "listed"))


def test_filters_on_name_and_time(filled: EmbeddedAws) -> None:
    middle = filled.sagemaker.describe_model(ModelName=filled.model_names[11])["CreationTime"]
    ascending = LISTED | OLDEST_FIRST | {"MaxResults": 100}
    after = filled.sagemaker.list_models(CreationTimeAfter=middle, **ascending)["Models"]
    before = filled.sagemaker.list_models(CreationTimeBefore=middle, **ascending)["Models"]
    assert [model["ModelName"] for model in before + after] == [
        name for name in filled.model_names if name != filled.model_names[11]
    ]
    fragment = filled.model_names[5].upper()
    found = filled.sagemaker.list_models(NameContains=fragment, MaxResults=100)["Models"]
    assert filled.model_names[5] in [model["ModelName"] for model in found]


def test_training_jobs_are_filtered_by_status_after_paging(filled: EmbeddedAws) -> None:
    uri = filled.put("rows.csv", "1,2\n2,1\n0,1\n")
    good = {"feature_dim": "2", "num_components": "1", "mini_batch_size": "2"}
    jobs = [
        filled.start_training(channels=[channel("train", uri)], hyperparameters=good | {"feature_dim": dimension})
        for dimension in ("2", "9", "2", "9")
    ]
    statuses = [filled.wait_for_training(name)["TrainingJobStatus"] for name in jobs]
    assert statuses == ["Completed", "Failed", "Completed", "Failed"]
    first = filled.sagemaker.list_training_jobs(StatusEquals="Failed", MaxResults=2, SortOrder="Ascending")
    assert [job["TrainingJobName"] for job in first["TrainingJobSummaries"]] == [jobs[1]]
    assert first["NextToken"]
    newest = filled.sagemaker.list_training_jobs(SortBy="CreationTime", SortOrder="Descending", MaxResults=1)
    assert newest["TrainingJobSummaries"][0]["TrainingJobName"] == jobs[-1]


def test_endpoints_are_filtered_by_status_before_paging(filled: EmbeddedAws) -> None:
    broken = filled.create_endpoint_config(filled.create_model(filled.put("b/model.tar.gz", b"broken")))
    failed = filled.create_endpoint(broken)
    filled.wait_for_endpoint(failed)
    served = [filled.serve(ARTIFACT) for _ in range(2)]
    answer = filled.sagemaker.list_endpoints(
        StatusEquals="InService", SortBy="Name", SortOrder="Ascending", MaxResults=2
    )
    assert [endpoint["EndpointName"] for endpoint in answer["Endpoints"]] == sorted(served)
    assert "NextToken" not in answer


def test_thirty_two_clients_at_once_lose_nothing(filled: EmbeddedAws) -> None:
    uri = f"s3://{filled.bucket}/m/model.tar.gz"
    prefix = unique_name("crowd")

    def create_and_list(number: int) -> None:
        sagemaker, s3 = filled.client("sagemaker"), filled.client("s3")
        for step in range(2):
            name = f"{prefix}-{number}-{step}"
            sagemaker.create_model(
                ModelName=name,
                ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
                PrimaryContainer={"Image": "382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:1", "ModelDataUrl": uri},
            )
            s3.put_object(Bucket=filled.bucket, Key=f"{prefix}/{name}", Body=name)
            sagemaker.list_models(MaxResults=100)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(create_and_list, range(32)))
    paginator = filled.sagemaker.get_paginator("list_models")
    assert len(names(paginator.paginate(NameContains=prefix, PaginationConfig={"PageSize": 100}))) == 64
    assert len(filled.keys(f"{prefix}/")) == 64
