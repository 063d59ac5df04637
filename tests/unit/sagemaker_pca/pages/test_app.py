"""The application around the pages: what holds for every answer."""

from airflow.api_fastapi.core_api.security import get_user
from starlette.requests import Request
from starlette.testclient import TestClient

from sagemaker_pca.pages.app import SECURITY_HEADERS, pages_app


def test_an_error_that_nobody_expected_tells_no_secret_and_keeps_the_headers() -> None:
    app = pages_app.__wrapped__()
    app.dependency_overrides[get_user] = lambda: None

    @app.get("/broken")
    def broken(request: Request) -> None:
        raise RuntimeError("the password is hunter2")

    answer = TestClient(app, raise_server_exceptions=False).get("/broken")
    assert answer.status_code == 500
    assert "log says why" in answer.text
    assert "hunter2" not in answer.text
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
