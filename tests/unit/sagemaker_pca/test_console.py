from __future__ import annotations

from sagemaker_pca.console import Console
from sagemaker_pca.resource_kinds import ENDPOINT, TRAINING_JOB

AWS = Console("eu-west-1", "aws")


def test_resource_page_is_in_the_console_of_the_region() -> None:
    assert AWS.resource_url(TRAINING_JOB, "run-1") == (
        "https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/jobs/run-1"
    )


def test_partition_decides_the_domain() -> None:
    url = Console("cn-north-1", "aws-cn").resource_url(ENDPOINT, "e")
    assert url.startswith("https://cn-north-1.console.amazonaws.cn/")


def test_job_log_is_filtered_to_the_job_and_endpoint_log_is_a_group_of_its_own() -> None:
    job = AWS.log_url(TRAINING_JOB, "run-1")
    assert job.endswith("log-group/$252Faws$252Fsagemaker$252FTrainingJobs$3FlogStreamNameFilter$3Drun-1$252F")
    endpoint = AWS.log_url(ENDPOINT, "pca")
    assert endpoint.endswith("log-group/$252Faws$252Fsagemaker$252FEndpoints$252Fpca")


def test_backend_of_its_own_shows_its_own_pages() -> None:
    local = Console("us-east-1", "aws", "http://127.0.0.1:5055")
    assert local.resource_url(TRAINING_JOB, "run-1") == (
        "http://127.0.0.1:5055/sagemaker-local/training_job/run-1?region=us-east-1"
    )
    assert local.log_url(ENDPOINT, "pca") == "http://127.0.0.1:5055/sagemaker-local/endpoint/pca/log?region=us-east-1"
