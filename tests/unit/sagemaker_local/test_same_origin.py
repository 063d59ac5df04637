"""Which requests are refused because a web page of another site may have sent them."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from sagemaker_local.same_origin import SameOriginOnly

PAGE = "/sagemaker-local/training_job/run-1"
MOTOS_HEADERS = [("Content-Type", "text/plain"), ("Access-Control-Allow-Origin", "*"), ("access-control-max-age", "9")]
FROM_ANOTHER_SITE = {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate"}


class Answered:
    """One request's answer, and whether the application behind had a part in it."""

    def __init__(self, host_names: Iterable[str] = (), method: str = "POST", path: str = "/", **headers: str) -> None:
        self.reached = False
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": "127.0.0.1:5055", **headers}
        body = b"".join(SameOriginOnly(self._behind, host_names)(environ, self._start))
        self.text = body.decode()

    def _behind(self, _: Any, start_response: Any) -> list[bytes]:
        self.reached = True
        start_response("200 OK", MOTOS_HEADERS)
        return [b"done"]

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.status, self.headers = status, headers


def is_refused(answered: Answered) -> bool:
    assert answered.reached == (answered.status == "200 OK")
    return answered.status == "403 Forbidden"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:5055", "127.8.8.8:1", "localhost", "LocalHost:5055", "[::1]:5055", "bucket.localhost:80"],
)
def test_names_and_addresses_of_loopback_are_answered(host: str) -> None:
    assert not is_refused(Answered(HTTP_HOST=host))


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":5055",
        "evil.example:5055",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "0.0.0.0:5055",
        "10.0.0.7:5055",
        "[2001:db8::1]:5055",
        "127.0.0.1,evil.example",
        "evil.example#.localhost",
        "127.0.0.1:5055:1",
    ],
)
def test_any_other_host_is_refused(host: str) -> None:
    assert is_refused(Answered(HTTP_HOST=host))


def test_a_host_name_can_be_allowed_with_any_port_and_nothing_beneath_it() -> None:
    allowed = ["SageMaker-Local"]
    assert not is_refused(Answered(allowed, HTTP_HOST="sagemaker-local:5055"))
    assert is_refused(Answered(allowed, HTTP_HOST="evil.sagemaker-local:5055"))
    assert is_refused(Answered(HTTP_HOST="sagemaker-local:5055"))


def test_a_request_without_host_is_refused() -> None:
    answers: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    SameOriginOnly(lambda *_: [])(environ, lambda status, _: answers.append(status))
    assert answers == ["403 Forbidden"]


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "https://evil.example",
        "http://evil.example:5055",
        "http://127.0.0.1",
        "http://127.0.0.1:8080",
        "http://localhost:5055",
        "https://127.0.0.1:5055",
        "http://127.0.0.1:5055.evil.example",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_foreign_origin_is_refused_whatever_the_method(origin: str, method: str) -> None:
    assert is_refused(Answered(method=method, HTTP_ORIGIN=origin))


def test_pages_of_the_service_may_call_it() -> None:
    assert not is_refused(Answered(HTTP_ORIGIN="http://127.0.0.1:5055", HTTP_SEC_FETCH_SITE="same-origin"))
    assert not is_refused(Answered(HTTP_HOST="localhost:5055", HTTP_ORIGIN="http://localhost:5055"))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "of-the-future"])
def test_a_request_from_another_sites_page_is_refused_without_origin_too(site: str) -> None:
    for path in ("/", PAGE):
        assert is_refused(Answered(method="GET", path=path, HTTP_SEC_FETCH_SITE=site, HTTP_SEC_FETCH_MODE="no-cors"))


def test_an_address_that_a_person_types_is_answered() -> None:
    assert not is_refused(Answered(method="GET", HTTP_SEC_FETCH_SITE="none", HTTP_SEC_FETCH_MODE="navigate"))


def test_a_link_from_another_site_leads_to_pages_that_change_nothing_only() -> None:
    for path in (PAGE, f"{PAGE}/log", "/sagemaker-local/"):
        assert not is_refused(Answered(method="GET", path=path, **FROM_ANOTHER_SITE))
    assert is_refused(Answered(method="POST", path=PAGE, **FROM_ANOTHER_SITE))
    for path in ("/", "/moto-api/reset", "/sagemaker-local/faults", "/sagemaker-local/s3", "/sagemaker-local/b/key"):
        assert is_refused(Answered(method="GET", path=path, **FROM_ANOTHER_SITE))


def test_no_answer_allows_another_site_to_read_it() -> None:
    assert Answered().headers == [("Content-Type", "text/plain")]


@pytest.mark.parametrize(
    ("header", "value", "told"),
    [
        ("HTTP_HOST", "evil.example:5055", ["Host: evil.example:5055", "127.0.0.1", "--allow-host evil.example"]),
        ("HTTP_ORIGIN", "https://evil.example", ["Origin: https://evil.example", "http://127.0.0.1:5055", "program"]),
        ("HTTP_SEC_FETCH_SITE", "cross-site", ["Sec-Fetch-Site: cross-site", "same-origin and none", "program"]),
    ],
)
def test_refusal_says_what_was_sent_what_is_allowed_and_what_to_do(header: str, value: str, told: list[str]) -> None:
    answered = Answered(**{header: value})
    assert [part for part in told if part not in answered.text] == []


def test_refusal_has_the_form_of_the_protocol_that_was_spoken() -> None:
    foreign = {"HTTP_ORIGIN": "https://evil.example?<&"}
    for request in ({"HTTP_X_AMZ_TARGET": "SageMaker.ListModels"}, {"path": "/endpoints/e/invocations"}):
        answered = Answered(**request, **foreign)
        assert json.loads(answered.text)["__type"] == "AccessDeniedException"
        assert ("x-amzn-errortype", "AccessDeniedException") in answered.headers
    of_s3 = Answered(method="PUT", path="/bucket/key", **foreign)
    assert "<ErrorResponse><Error><Code>AccessDenied</Code>" in of_s3.text
    assert "https://evil.example?&lt;&amp;" in of_s3.text
