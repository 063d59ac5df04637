"""An endpoint as its clients see it: rows in, projections out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sagemaker_pca.exceptions import SmokeTestError
from sagemaker_pca.model.artifact import FloatArray

# Of a call to a serverless endpoint, the smallest limit that the service documents; of its answer likewise.
LARGEST_BODY_BYTES = 4 * 1024 * 1024
# Of an answer in JSON: `{"projection": [ … ]}, ` and a number of 17 digits with sign, exponent and comma.
ANSWER_BYTES_PER_ROW, ANSWER_BYTES_PER_NUMBER = 20, 26
# States in which an endpoint answers.
SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})


class EndpointClient:
    """One endpoint; keeps the latency of each call.

    :param runtime: boto3's client of ``sagemaker-runtime``
    """

    def __init__(self, runtime: Any, name: str) -> None:
        self._runtime = runtime
        self.name = name
        self.latencies_ms: list[float] = []

    def project(self, rows: FloatArray) -> FloatArray:
        """(n, k) projections of (n, d) rows, sent as CSV without a header.

        Raises:
            SmokeTestError: when the answer holds no projections.
        """
        return self.project_lines(map(csv_line, rows))

    def project_lines(self, lines: Iterable[str]) -> FloatArray:
        """Likewise of rows that are lines of CSV already."""
        body = "".join(lines).encode()
        started = time.perf_counter()
        answer = self._runtime.invoke_endpoint(
            EndpointName=self.name, ContentType="text/csv", Accept="application/json", Body=body
        )
        content = answer["Body"].read()
        self.latencies_ms.append((time.perf_counter() - started) * 1000)
        try:
            document = json.loads(content)
            projections: FloatArray = np.array([item["projection"] for item in document["projections"]], dtype=float)
        except (ValueError, KeyError, TypeError) as error:
            raise SmokeTestError(
                f"endpoint {self.name} answered {content[:200]!r}, which holds no projections ({error!r})."
            ) from error
        return projections


def csv_line(row: FloatArray) -> str:
    """A row as the endpoint takes it, every digit kept."""
    return ",".join(map(repr, row.tolist())) + "\n"


def bodies(lines: Iterable[str], components: int) -> Iterator[list[str]]:
    """Lines of CSV in lists that one call each may carry, its answer included; there is at least one line in each.

    :param components: how many numbers the endpoint answers to a line
    """
    most_lines = max(1, LARGEST_BODY_BYTES // (ANSWER_BYTES_PER_ROW + ANSWER_BYTES_PER_NUMBER * components))
    body: list[str] = []
    size = 0
    for line in lines:
        if body and (size + len(line) > LARGEST_BODY_BYTES or len(body) == most_lines):
            yield body
            body, size = [], 0
        body.append(line)
        size += len(line)
    if body:
        yield body
