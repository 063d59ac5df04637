"""What a link from Airflow leads to when the embedded service is the backend."""

import base64
import hashlib
import html
import re
import time

import httpx
import pytest

from tests.e2e.sagemaker_local.embedded_aws import (
    EmbeddedAws,
    channel,
    csv_bytes,
    s3_input,
    s3_output,
    unique_name,
)
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
BAIT = "<script>alert(1)</script>\"'><a href=javascript:alert(1)>"
RELOADS = '<meta http-equiv="refresh" content="5">'


def address(aws: EmbeddedAws, kind: str, name: str, rest: str = "") -> str:
    return f"{aws.url}/sagemaker-local/{kind}/{name}{rest}?region=us-east-1"


def look(url: str) -> str:
    answer = httpx.get(url, headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


def links(page: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'href="([^"]*)"', page)]


def words(page: str) -> str:
    """What a person reads of a page, without its style sheet."""
    body = page.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_a_jobs_page_shows_its_description_and_its_log(aws: EmbeddedAws) -> None:
    name = aws.start_processing("print('one line')")
    aws.wait_for_processing(name)

    page = httpx.get(address(aws, "processing_job", name)).json()

    assert page["description"]["ProcessingJobStatus"] == "Completed"
    assert page["log"] == ["one line"]
    for headers, query in (({"Accept": "application/json"}, {}), (BROWSER, {"format": "json"})):
        assert httpx.get(address(aws, "processing_job", name), headers=headers, params=query).json() == page


def test_a_browser_is_shown_a_job_for_people(aws: EmbeddedAws) -> None:
    features = f"s3://{aws.bucket}/features"
    name = aws.start_processing(
        "print('one line')",
        inputs=[s3_input("raw", aws.put("raw/rows.csv", "1,2"), "/opt/ml/processing/input/raw")],
        outputs=[s3_output("features", features, "/opt/ml/processing/output/features")],
        arguments=["--columns", "i,ii"],
        Environment={"LEVEL": "debug"},
        Tags=[{"Key": "team", "Value": "cardiology"}],
    )
    aws.wait_for_processing(name)

    shown = words(look(address(aws, "processing_job", name)))

    for told in (
        f"Completed {name}",
        "Instances 1 × ml.m5.large",  # noqa: RUF001
        "one line Whole log 1 line",
        f"raw s3://{aws.bucket}/raw/rows.csv /opt/ml/processing/input/raw",
        f"features {features} /opt/ml/processing/output/features",
        "Arguments --columns i,ii",
        "Environment LEVEL debug",
        "Tags team cardiology",
    ):
        assert told in shown


def test_a_failed_jobs_page_says_why(aws: EmbeddedAws) -> None:
    message = "open('/opt/ml/output/message', 'w').write('Column v9 is in no file.')"
    name = aws.start_processing(f"{message}; raise SystemExit(3)")
    reason = aws.wait_for_processing(name)["FailureReason"]
    assert f"Failed {name} {reason} Column v9 is in no file." in words(look(address(aws, "processing_job", name)))
    assert f"{name} processing job Failed" in words(look(f"{aws.url}/sagemaker-local/"))


def test_a_page_reloads_for_as_long_as_its_job_runs(aws: EmbeddedAws) -> None:
    name = aws.start_processing("import time; print('begun'); time.sleep(60)")
    aws.wait_for_log("/aws/sagemaker/ProcessingJobs", name, "begun")
    pages = [address(aws, "processing_job", name), address(aws, "processing_job", name, "/log")]
    assert all(RELOADS in look(page) and "begun" in look(page) for page in pages)
    aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    aws.wait_for_processing(name)
    assert not any(RELOADS in look(page) for page in pages)


def test_an_endpoints_page_leads_to_its_configuration_model_training_and_features(aws: EmbeddedAws) -> None:
    rows = csv_bytes([[1, 2], [3, 5], [4, 1]])
    script = f"open('/opt/ml/processing/output/features/rows.csv', 'wb').write({rows!r})"
    features = [s3_output("features", f"s3://{aws.bucket}/features", "/opt/ml/processing/output/features")]
    processing = aws.start_processing(script, outputs=features)
    aws.wait_for_processing(processing)
    training = aws.start_training(
        channels=[channel("train", f"s3://{aws.bucket}/features/")],
        hyperparameters={"feature_dim": "2", "num_components": "1", "mini_batch_size": "3"},
        instance_count=2,
    )
    model = aws.create_model(aws.wait_for_training(training)["ModelArtifacts"]["S3ModelArtifacts"])
    config = aws.create_endpoint_config(model)
    endpoint = aws.create_endpoint(config)
    aws.wait_for_endpoint(endpoint)

    chain = {"endpoint_config": config, "model": model, "training_job": training, "processing_job": processing}
    addresses = [address(aws, kind, name).removeprefix(aws.url) for kind, name in chain.items()]
    page = look(address(aws, "endpoint", endpoint))
    assert [link for link in links(page) if link in addresses] == addresses
    assert "Model loaded." in page
    for link in addresses:
        assert address(aws, "endpoint", endpoint).removeprefix(aws.url) in links(look(aws.url + link))

    of_training = words(look(aws.url + addresses[2]))
    assert "Hyperparameters feature_dim 2 num_components 1 mini_batch_size 3" in of_training
    assert re.search(r"Stages Starting .+ Downloading .+ Training .+ Uploading .+ Completed", of_training)
    streams = re.findall(r"<h2>(algo-\d)-\d+</h2>", look(address(aws, "training_job", training, "/log")))
    assert streams == ["algo-1", "algo-2"]


def test_the_log_page_is_the_whole_log_and_text_for_programs(aws: EmbeddedAws) -> None:
    name = aws.start_processing("for number in range(300): print('line', number)")
    aws.wait_for_processing(name)
    on_its_page, on_log_page = (look(address(aws, "processing_job", name, rest)) for rest in ("", "/log"))
    assert "line 100" in on_its_page
    assert "line 99\n" not in on_its_page, "the last 200 only"
    assert "300 lines of /aws/sagemaker/ProcessingJobs" in on_log_page
    text = httpx.get(address(aws, "processing_job", name, "/log"))
    assert text.headers["content-type"].startswith("text/plain")
    assert [line.split(" ", 2)[2] for line in text.text.splitlines()] == [f"line {number}" for number in range(300)]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z algo-1-\d+ line 0\n", text.text)


def test_whatever_an_owner_names_is_text_and_a_page_loads_nothing(aws: EmbeddedAws) -> None:
    name = aws.start_processing(
        f"print({BAIT!r}); open('/opt/ml/output/message', 'w').write({BAIT!r}); raise SystemExit(1)",
        arguments=[BAIT],
        outputs=[s3_output("out", f"s3://{aws.bucket}/{BAIT}", "/opt/ml/processing/output")],
        Environment={"BAIT": BAIT},
    )
    aws.wait_for_processing(name)
    arn = aws.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobArn"]
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "javascript:alert", "Value": "javascript:alert"}])
    aws.put(f"{BAIT}/key", BAIT)
    training = aws.start_training(
        channels=[channel("train", aws.put("rows.csv", "1,2"))], hyperparameters={"num_components": BAIT}
    )

    job = address(aws, "processing_job", name)
    in_bucket = f"{aws.url}/sagemaker-local/s3"
    answers = [
        httpx.get(job, headers=BROWSER),
        httpx.get(address(aws, "processing_job", name, "/log"), headers=BROWSER),
        httpx.get(address(aws, "training_job", training), headers=BROWSER),
        httpx.get(in_bucket, headers=BROWSER, params={"uri": f"s3://{aws.bucket}/<"}),
        httpx.get(in_bucket, headers=BROWSER, params={"uri": BAIT}),
        httpx.get(address(aws, "model", BAIT.replace("/", "")), headers=BROWSER),
        httpx.get(f"{aws.url}/sagemaker-local/model/m", headers=BROWSER, params={"region": BAIT}),
        httpx.get(f"{aws.url}/sagemaker-local/", headers=BROWSER),
    ]
    for answer in answers:
        assert "alert(1)" in html.unescape(answer.text) or answer is answers[-1]
        assert "<script" not in answer.text.lower()
        assert [link for link in links(answer.text) if not re.match(r"/sagemaker-local/|#", link)] == []
        (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = answer.headers["content-security-policy"].split("; ")
        assert policy[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]


@pytest.mark.parametrize("kind", ["training_job", "transform_job", "model", "endpoint_config", "endpoint"])
@pytest.mark.parametrize("headers", [{}, BROWSER], ids=["program", "browser"])
def test_the_page_of_what_does_not_exist_says_since_when_the_service_runs(
    sagemaker_local_url: str, kind: str, headers: dict[str, str]
) -> None:
    answer = httpx.get(f"{sagemaker_local_url}/sagemaker-local/{kind}/nobody", headers=headers)

    assert answer.status_code == 404
    assert "nobody" in answer.text or "not found" in answer.text
    assert re.search(r"This service began at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC and knows nothing", answer.text)


def test_the_start_page_lists_what_there_is_newest_first(aws: EmbeddedAws) -> None:
    older = aws.start_processing("")
    time.sleep(0.01)
    newer = aws.start_processing("")
    model = aws.create_model(aws.put("model.tar.gz", b""))
    page = look(f"{aws.url}/sagemaker-local/")
    known = [address(aws, "processing_job", name).removeprefix(aws.url) for name in (newer, older)]
    known.append(address(aws, "model", model).removeprefix(aws.url))
    assert [link for link in links(page) if link in known] == known


def test_a_browser_finds_it_at_the_address_itself_with_buckets_and_faults_and_clients_of_s3_find_theirs(
    aws: EmbeddedAws,
) -> None:
    aws.put("folder/rows.csv", "1,2\n")
    fault = {"fault": "fail_job", "target": "TrainingJob", "name": "nobody", "times": 2}
    httpx.post(f"{aws.url}/sagemaker-local/faults", json=fault).raise_for_status()
    page = look(aws.url)
    assert "fail_job of TrainingJob for nobody, 2 times" in words(page)
    (bucket,) = (link for link in links(page) if aws.bucket in link)
    assert f"s3://{aws.bucket}/folder/rows.csv" in words(look(f"{aws.url}{bucket.replace('&amp;', '&')}"))
    assert aws.bucket in [bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]]


def test_an_empty_service_says_what_to_do() -> None:
    with ServiceProcess() as service:
        page = words(look(f"{service.url}/sagemaker-local/"))
    assert "Nothing here yet" in page
    assert "trigger a DAG" in page
    assert f'endpoint_url="{service.url}"' in page


def test_inputs_and_outputs_can_be_looked_into(aws: EmbeddedAws) -> None:
    folder, key = f"{aws.url}/sagemaker-local/s3", "run/ä & b?#.csv"
    uri = aws.put(key, "1,2")
    aws.put("run/page.html", BAIT)
    aws.put("run/model.tar.gz", b"\xff\x00")

    listed = look(f"{folder}?uri=s3://{aws.bucket}/run")
    assert len([link for link in links(listed) if "uri=" in link]) == 3
    (of_key,) = [link for link in links(listed) if httpx.URL(link).params.get("uri") == uri]
    assert httpx.get(aws.url + of_key).text == "1,2"
    page = httpx.get(folder, params={"uri": f"s3://{aws.bucket}/run/page.html"})
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.headers["x-content-type-options"] == "nosniff"
    archive = httpx.get(folder, params={"uri": f"s3://{aws.bucket}/run/model.tar.gz"})
    assert archive.content == b"\xff\x00"
    assert archive.headers["content-disposition"] == "attachment; filename*=UTF-8''model.tar.gz"
    for nothing in (f"s3://{aws.bucket}/none", "s3://no-such-bucket/key", ""):
        answer = httpx.get(folder, params={"uri": nothing}, headers=BROWSER)
        assert answer.status_code == 404
        assert "There is no object here" in answer.text


def test_a_bucket_of_the_pages_name_stays_its_clients_own(aws: EmbeddedAws) -> None:
    aws.s3.create_bucket(Bucket="sagemaker-local")
    key = unique_name("key")
    aws.s3.put_object(Bucket="sagemaker-local", Key="s3", Body=key)
    assert [found["Key"] for found in aws.s3.list_objects_v2(Bucket="sagemaker-local")["Contents"]] == ["s3"]
    assert aws.s3.get_object(Bucket="sagemaker-local", Key="s3")["Body"].read().decode() == key
