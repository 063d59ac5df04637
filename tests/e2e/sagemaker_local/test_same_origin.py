"""What a web page may ask of the embedded service, through real HTTP with the headers that a browser sends."""

import json

import httpx
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError

from tests.e2e.sagemaker_local.embedded_aws import ROLE, SCIKIT_LEARN, EmbeddedAws, client_of, unique_name
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

EVIL = "https://evil.example"
# No signature is checked: it says which service and region are meant, and a page can write one as well as a program.
SIGNATURE = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
CREATE = {
    "X-Amz-Target": "SageMaker.CreateProcessingJob",
    "Content-Type": "application/x-amz-json-1.1",
    "Authorization": SIGNATURE.format("sagemaker"),
}
FOREIGN = {
    "origin": {"Origin": EVIL},
    "sandboxed page or file": {"Origin": "null"},
    "page of another port": {"Origin": "http://127.0.0.1:8080"},
    "host": {"Host": "evil.example"},
    "rebound page": {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    "site without origin": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
}


def processing_job(name: str) -> str:
    entry_point = ["python3", "-c", "print('any code')"]
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
    return json.dumps(
        {
            "ProcessingJobName": name,
            "RoleArn": ROLE,
            "AppSpecification": {"ImageUri": SCIKIT_LEARN, "ContainerEntrypoint": entry_point},
            "ProcessingResources": {"ClusterConfig": cluster},
        }
    )


def cors_headers(answer: httpx.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
def test_no_page_of_another_site_starts_a_job(aws: EmbeddedAws, headers: dict[str, str]) -> None:
    name = unique_name("foreign")
    answer = httpx.post(aws.url, headers={**CREATE, **headers}, content=processing_job(name))
    assert answer.status_code == 403
    assert answer.json()["__type"] == "AccessDeniedException"
    assert any(value in answer.json()["message"] for value in headers.values())
    assert aws.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"] == []


def test_the_same_request_of_a_program_starts_the_job(aws: EmbeddedAws) -> None:
    name = unique_name("own")
    answer = httpx.post(aws.url, headers=CREATE, content=processing_job(name))
    assert answer.status_code == 200, answer.text
    assert aws.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
def test_no_page_of_another_site_puts_reads_or_deletes_an_object(aws: EmbeddedAws, headers: dict[str, str]) -> None:
    aws.put("kept", "first")
    url = f"{aws.url}/{aws.bucket}/kept"
    answers = [httpx.request(method, url, headers=headers) for method in ("PUT", "GET", "DELETE", "POST")]
    assert {answer.status_code for answer in answers} == {403}
    assert all("<Code>AccessDenied</Code>" in answer.text for answer in answers)
    assert aws.get(f"s3://{aws.bucket}/kept") == b"first"


@pytest.mark.parametrize("path", ["/", "/endpoints/e/invocations", "/sagemaker-local/faults", "/moto-api/reset"])
def test_a_preflight_is_refused_on_every_way_in(sagemaker_local_url: str, path: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-amz-target"}
    answer = httpx.options(sagemaker_local_url + path, headers={"Origin": EVIL, **asked})
    assert answer.status_code == 403
    assert cors_headers(answer) == []


def test_a_form_of_another_site_resets_nothing(aws: EmbeddedAws) -> None:
    form = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert httpx.post(f"{aws.url}/moto-api/reset", headers=form, data={"a": "b"}).status_code == 403
    assert aws.s3.head_bucket(Bucket=aws.bucket)


def test_pages_of_the_service_itself_work_and_no_answer_speaks_of_cors(aws: EmbeddedAws) -> None:
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}
    aws.s3.put_bucket_cors(Bucket=aws.bucket, CORSConfiguration={"CORSRules": [rule]})
    aws.put("page.html", "<p>")
    own = {"Origin": aws.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    signed = {**own, "Authorization": SIGNATURE.format("s3")}
    of_bucket = httpx.get(f"{aws.url}/{aws.bucket}/page.html", headers=signed)
    dashboard = httpx.get(f"{aws.url}/moto-api/data.json", headers=own)
    assert [of_bucket.status_code, dashboard.status_code] == [200, 200]
    assert cors_headers(of_bucket) + cors_headers(dashboard) + cors_headers(httpx.get(aws.url)) == []


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_link_from_airflow_still_shows_a_resource(aws: EmbeddedAws, site: str) -> None:
    config = aws.create_endpoint_config(aws.create_model(aws.put("model.tar.gz", b"")))
    followed = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    page = httpx.get(f"{aws.url}/sagemaker-local/endpoint_config/{config}", headers=followed)
    assert page.status_code == 200
    assert page.json()["description"]["EndpointConfigName"] == config


def test_a_bucket_in_front_of_localhost_is_found(aws: EmbeddedAws) -> None:
    aws.put("key", "content")
    port = aws.url.rsplit(":", 1)[1]
    headers = {"Host": f"{aws.bucket}.localhost:{port}", "Authorization": SIGNATURE.format("s3")}
    assert httpx.get(f"{aws.url}/key", headers=headers).text == "content"


def test_another_host_name_is_answered_where_it_is_allowed_and_boto3_says_why_where_not() -> None:
    compose = ["--host", "0.0.0.0", "--allow-host", "sagemaker-local"]  # noqa: S104 - what Compose starts
    with ServiceProcess(arguments=compose) as service:
        assert service.url.startswith("http://127.0.0.1:")  # what jobs are told, too
        answered = {}
        for host in ("sagemaker-local", "other-name"):
            s3 = client_of(service.url, "s3")

            def send_to(request: AWSPreparedRequest, host: str = host, **_: object) -> None:
                request.headers["Host"] = f"{host}:5055"

            s3.meta.events.register("before-send", send_to)
            try:
                answered[host] = s3.list_buckets()["Buckets"]
            except ClientError as error:
                answered[host] = error.response["Error"]["Message"]
    assert answered["sagemaker-local"] == []
    assert "--allow-host other-name" in answered["other-name"]
