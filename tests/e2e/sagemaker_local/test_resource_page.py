"""What a link from Airflow leads to when the embedded service is the backend."""

import re

import httpx
import pytest

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws

pytestmark = pytest.mark.e2e


def test_a_jobs_page_shows_its_description_and_its_log(aws: EmbeddedAws, sagemaker_local_url: str) -> None:
    name = aws.start_processing("print('one line')")
    aws.wait_for_processing(name)

    page = httpx.get(f"{sagemaker_local_url}/sagemaker-local/processing_job/{name}?region=us-east-1").json()

    assert page["description"]["ProcessingJobStatus"] == "Completed"
    assert page["log"] == ["one line"]


@pytest.mark.parametrize("kind", ["training_job", "transform_job", "model", "endpoint_config", "endpoint"])
def test_the_page_of_what_does_not_exist_says_since_when_the_service_runs(sagemaker_local_url: str, kind: str) -> None:
    answer = httpx.get(f"{sagemaker_local_url}/sagemaker-local/{kind}/nobody")

    assert answer.status_code == 404
    assert "nobody" in answer.text or "not found" in answer.text
    assert re.search(r"This service began at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC and knows nothing", answer.text)
