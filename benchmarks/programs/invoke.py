"""A client that invokes an endpoint and a constant server in turns, over one connection each.

`python -m benchmarks.programs.invoke SERVICE CONSTANT_SERVER ENDPOINT CONTENT_TYPE ACCEPT BODY_FILE CALLS` reports
the median of each in seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles

from benchmarks.embedded_service import client
from benchmarks.stopwatch import report

WARM_UP_CALLS = 3


def main(arguments: Sequence[str]) -> None:
    """Take turns and report."""
    service, constant_server, endpoint, content_type, accept, body_file, calls = arguments
    body = Path(body_file).read_bytes()
    request = {"EndpointName": endpoint, "ContentType": content_type, "Accept": accept, "Body": body}
    invocations = [invocation(address, request) for address in (service, constant_server)]
    durations: list[list[float]] = [[] for _ in invocations]
    for _ in range(WARM_UP_CALLS + int(calls)):
        for invoke, found in zip(invocations, durations, strict=True):
            started = time.perf_counter()
            invoke()
            found.append(time.perf_counter() - started)
    ours, theirs = (found[WARM_UP_CALLS:] for found in durations)
    report(
        seconds=median(ours),
        constant_seconds=median(theirs),
        slow_seconds=quantiles(ours, n=100)[98],
        constant_slow_seconds=quantiles(theirs, n=100)[98],
    )


def invocation(address: str, request: Mapping[str, object]) -> Callable[[], bytes]:
    """Return a call that sends the request and reads the answer."""
    runtime = client(address, "sagemaker-runtime")
    return lambda: bytes(runtime.invoke_endpoint(**request)["Body"].read())


if __name__ == "__main__":
    main(sys.argv[1:])
