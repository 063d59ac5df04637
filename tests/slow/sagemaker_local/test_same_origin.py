"""What a real browser lets a page of another site do to the embedded service: nothing but follow a link."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.e2e.sagemaker_local.embedded_aws import ROLE, SCIKIT_LEARN, EmbeddedAws, unique_name
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CALL = """
const [url, request, done] = arguments;
fetch(url, request).then(async answer => done(`${answer.type} ${answer.status}`), error => done(`${error}`));
"""
SIGNATURE = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ServiceProcess() as service:
        yield service.url


def create_processing_job(name: str) -> dict[str, Any]:
    job = {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": SCIKIT_LEARN, "ContainerEntrypoint": ["python3", "-c", "print('any code')"]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
    }
    target = {"X-Amz-Target": "SageMaker.CreateProcessingJob", "Authorization": SIGNATURE}
    return {"method": "POST", "body": json.dumps(job), "headers": {**target, "Content-Type": "text/plain"}}


def call(browser: webdriver.Chrome, url: str, request: dict[str, Any]) -> str:
    return str(browser.execute_async_script(CALL, url, request))


def open_another_sites_page(browser: webdriver.Chrome, url: str) -> None:
    """Open a page that may call its own address; to a browser, localhost and 127.0.0.1 are different sites."""
    browser.get(f"{url.replace('127.0.0.1', 'localhost')}/moto-api/data.json")


def test_its_scripts_start_no_job_and_its_requests_change_nothing(browser: webdriver.Chrome, url: str) -> None:
    aws, name = EmbeddedAws(url), unique_name("from-a-page")
    open_another_sites_page(browser, url)
    assert call(browser, url, create_processing_job(name)) == "TypeError: Failed to fetch"
    for path, method in ((f"/{aws.bucket}/key", "POST"), ("/moto-api/reset", "POST"), ("/moto-api/data.json", "GET")):
        assert call(browser, url + path, {"method": method, "mode": "no-cors"}) == "opaque 0"
        assert call(browser, url + path, {"method": method}) == "TypeError: Failed to fetch"
    assert aws.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"] == []
    assert aws.keys() == []


def test_its_forms_change_nothing(browser: webdriver.Chrome, url: str) -> None:
    aws = EmbeddedAws(url)
    open_another_sites_page(browser, url)
    browser.execute_script(
        "const form = document.createElement('form'); form.method = 'POST'; form.action = arguments[0];"
        "document.body.append(form); form.submit();",
        f"{url}/moto-api/reset",
    )
    WebDriverWait(browser, 10).until(lambda _: "Origin: http://localhost" in browser.page_source)
    assert aws.s3.head_bucket(Bucket=aws.bucket)


def test_a_link_on_it_shows_a_resource_and_pages_of_the_service_may_call_it(
    browser: webdriver.Chrome, url: str
) -> None:
    aws, name = EmbeddedAws(url), unique_name("by-link")
    config = aws.create_endpoint_config(aws.create_model(aws.put("model.tar.gz", b"")))
    open_another_sites_page(browser, url)
    browser.execute_script(
        "const link = document.createElement('a'); link.href = arguments[0]; link.id = 'to'; link.text = 'to';"
        "document.body.prepend(link);",
        f"{url}/sagemaker-local/endpoint_config/{config}?region=us-east-1",
    )
    browser.find_element(By.ID, "to").click()
    WebDriverWait(browser, 10).until(lambda _: config in browser.find_element(By.TAG_NAME, "body").text)
    assert call(browser, url, create_processing_job(name)) == "TypeError: Failed to fetch", (
        "it shows, and calls nothing"
    )
    browser.get(f"{url}/moto-api/data.json")
    assert call(browser, url, create_processing_job(name)) == "basic 200"
    assert aws.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"
