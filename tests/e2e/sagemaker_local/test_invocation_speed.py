"""How much the embedded service adds to an invocation, beside a bare WSGI server that answers the same bytes."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from sagemaker_pca.formats.recordio import encode_features
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, artifact_bytes, client_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PROJECT = Path(__file__).parents[3]
ARTIFACT = artifact_bytes(np.zeros(4), np.eye(4)[:, :3], np.ones(3))
RECORD_IO = "application/x-recordio-protobuf"
# The answer's size comes with the request: the first bytes of the body, repeated.
BARE_SERVER = """
import sys
from werkzeug.serving import make_server
from sagemaker_local.http_handler import KeepAliveRequestHandler

def application(environ, start_response):
    body = environ["wsgi.input"].read()
    answer = body * (int(sys.argv[1]) // max(1, len(body))) + body[: int(sys.argv[1]) % max(1, len(body))]
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]

server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=KeepAliveRequestHandler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def bare_server(request: pytest.FixtureRequest) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", BARE_SERVER, str(request.param)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    process.kill()
    process.wait()
    process.stdout.close()


def durations_of_each(calls: list[Callable[[], Any]], rounds: int) -> list[list[float]]:
    """Return the seconds that each call took; they take turns, so that a busy machine slows all of them alike."""
    durations: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, found in zip(calls, durations, strict=True):
            started = time.perf_counter()
            call()
            found.append(time.perf_counter() - started)
    return durations


def invocation(url: str, endpoint: str, **request: Any) -> Callable[[], bytes]:
    client = client_of(url, "sagemaker-runtime")
    return lambda: bytes(client.invoke_endpoint(EndpointName=endpoint, **request)["Body"].read())


@pytest.mark.parametrize("bare_server", [80], indirect=True)
def test_one_row_takes_at_most_twice_as_long_as_from_a_bare_server(aws: EmbeddedAws, bare_server: str) -> None:
    request = {"Body": b"1,2,3,4", "ContentType": "text/csv"}
    endpoint = aws.serve(ARTIFACT)
    calls = [invocation(url, endpoint, **request) for url in (aws.url, bare_server)]
    ours, bare = (median(durations) for durations in durations_of_each(calls, rounds=300))
    assert ours <= 2 * bare, f"{ours * 1e3:.2f} ms against {bare * 1e3:.2f} ms"


@pytest.mark.parametrize("bare_server", [4_000_000], indirect=True)
def test_a_hundred_thousand_rows_take_at_most_three_times_as_long_as_their_bytes(
    aws: EmbeddedAws, bare_server: str
) -> None:
    rows = np.random.default_rng(0).normal(size=(100_000, 4)).astype(np.float32)
    request = {"Body": encode_features(rows), "ContentType": RECORD_IO, "Accept": RECORD_IO}
    endpoint = aws.serve(ARTIFACT)
    calls = [invocation(url, endpoint, **request) for url in (aws.url, bare_server)]
    ours, bare = (min(durations) for durations in durations_of_each(calls, rounds=15))
    assert ours <= 3 * bare, f"{ours * 1e3:.1f} ms against {bare * 1e3:.1f} ms"
