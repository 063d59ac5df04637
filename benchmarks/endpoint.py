"""Invocations of an endpoint through boto3 beside a bare WSGI server that answers a constant of the same size.

Many clients at once are one program over plain sockets: as many with boto3 would be what is measured.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.embedded_service import client, serve_model
from benchmarks.fresh_process import Usage, medians, module, run, say
from benchmarks.measurement import Group, Growth, Row
from benchmarks.programs.invoke_at_once import CONNECTIONS
from quickstart.embedded_service import start_service
from sagemaker_local.pca_algorithm.recordio import encode_features

ENDPOINT = "benchmark"
COLUMNS, COMPONENTS = 4, 3
RECORDIO = "application/x-recordio-protobuf"
CLIENTS = 3
ONE_ROW_CALLS, BULK_CALLS, CALLS_AT_ONCE = 300, 15, 2000
BULK_ROWS, GROWTH_ROWS = 100_000, (1_000, 10_000, 100_000)
MAX_ONE_ROW_RATIO, MAX_BULK_RATIO = 1.15, 3.0
MAX_AT_ONCE_RATIO, MAX_SLOW_TO_MEDIAN = 1.25, 3.0
CONSTANT = "bare WSGI server, constant answer"


class Request(NamedTuple):
    """What is sent to an endpoint again and again."""

    body: bytes
    content_type: str
    accept: str
    calls: int
    client: str = "invoke"  # of `benchmarks.programs`


def measure(folder: Path, full: bool) -> Group:
    """Measure one row a call, from one client and from many at once, and many rows a call."""
    service, address = start_service(folder)
    try:
        serve_model(address, ENDPOINT, np.eye(COLUMNS)[:, :COMPONENTS])
        one_row = invoke(address, row_request(ONE_ROW_CALLS), folder)
        at_once = invoke(address, row_request(CALLS_AT_ONCE, "invoke_at_once"), folder)
        sizes = GROWTH_ROWS if not full else (*GROWTH_ROWS, 2 * BULK_ROWS)
        bulk = {size: invoke(address, records(size), folder) for size in sizes}
    finally:
        service.terminate()
        service.wait()
    return Group(
        rows=(*one_row_rows(one_row), *at_once_rows(at_once), bulk_row(bulk[BULK_ROWS])),
        growth=(growth("endpoint", "seconds", bulk), growth(CONSTANT, "constant_seconds", bulk)),
        size_label="rows in one call",
    )


def row_request(calls: int, client: str = "invoke") -> Request:
    """Return a request with one row."""
    return Request(b"1,2,3,4", "text/csv", "application/json", calls, client)


def records(row_count: int) -> Request:
    """Return a request with many rows."""
    rows = np.random.default_rng(0).normal(size=(row_count, COLUMNS)).astype(np.float32)
    return Request(encode_features(rows), RECORDIO, RECORDIO, BULK_CALLS)


def invoke(service: str, request: Request, folder: Path) -> Usage:
    """Send a request from fresh clients and return the medians of what they saw."""
    body_file = folder / "body"
    body_file.write_bytes(request.body)
    sent = {"ContentType": request.content_type, "Accept": request.accept}
    runtime = client(service, "sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=request.body, **sent)["Body"].read()
    arguments = (ENDPOINT, request.content_type, request.accept, body_file, str(request.calls))
    with constant_server(len(answer)) as constant:
        command = module(f"benchmarks.programs.{request.client}", service, constant, *arguments)
        usage = medians([run(command) for _ in range(CLIENTS)])
    ours, theirs = (1000 * usage.reported[key] for key in ("seconds", "constant_seconds"))
    say(f"  {request.client}, {len(request.body):,} bytes: {ours:.2f} ms, constant answer {theirs:.2f} ms")
    return usage


@contextmanager
def constant_server(answer_bytes: int) -> Iterator[str]:
    """Run a constant server and give its address."""
    command = [sys.executable, "-m", "benchmarks.programs.constant_server", str(answer_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - a pipe was asked for
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def one_row_rows(usage: Usage) -> tuple[Row, ...]:
    """Return the medians and the slowest hundredth of calls with one row."""
    return (
        comparison("one CSV row, median", usage, "seconds", "constant_seconds", MAX_ONE_ROW_RATIO),
        comparison("one CSV row, 99th percentile", usage, "slow_seconds", "constant_slow_seconds"),
    )


def at_once_rows(usage: Usage) -> tuple[Row, ...]:
    """Return the time from answer to answer of many clients, and how far the slowest hundredth is from the median."""
    per_call = comparison(
        f"{CONNECTIONS} clients at once, per CSV row", usage, "seconds", "constant_seconds", MAX_AT_ONCE_RATIO
    )
    slow = comparison(
        f"{CONNECTIONS} clients at once, 99th percentile", usage, "slow_seconds", "median_seconds", MAX_SLOW_TO_MEDIAN
    )
    return per_call, slow.model_copy(update={"beside": "median of the same"})


def bulk_row(usage: Usage) -> Row:
    """Return the median of calls with many rows."""
    name = f"{BULK_ROWS:,} x {COLUMNS} RecordIO in one call"
    row = comparison(name, usage, "seconds", "constant_seconds", MAX_BULK_RATIO)
    return row.model_copy(update={"data_rows": BULK_ROWS, "data_bytes": 4 * BULK_ROWS * COLUMNS})


def comparison(name: str, usage: Usage, ours: str, theirs: str, max_ratio: float | None = None) -> Row:
    """Compare two of the numbers that the clients reported."""
    reported = usage.reported
    return Row(
        name=name,
        unit="ms",
        ours=1000 * reported[ours],
        beside=CONSTANT,
        theirs=1000 * reported[theirs],
        max_ratio=max_ratio,
    )


def growth(name: str, key: str, usages: dict[int, Usage]) -> Growth:
    """Return how the median grows with the rows in a call."""
    seconds = tuple(usage.reported[key] for usage in usages.values())
    return Growth(name=name, sizes=tuple(usages), seconds=seconds)
