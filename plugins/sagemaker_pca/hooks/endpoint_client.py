"""An endpoint as its clients see it: rows in, projections out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sagemaker_pca.exceptions import SmokeTestError
from sagemaker_pca.model.artifact import FloatArray, PcaModel

# Of a call to a serverless endpoint, the smallest limit that the service documents; of its answer likewise.
LARGEST_BODY_BYTES = 4 * 1024 * 1024
# Of an answer in JSON: `{"projection": [ … ]}, ` and a number of 17 digits with sign, exponent and comma.
ANSWER_BYTES_PER_ROW, ANSWER_BYTES_PER_NUMBER = 20, 26
# States in which an endpoint answers.
SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})


class CheckedAnswers(NamedTuple):
    """Projections of the same rows (n, k), and the largest difference in any answer."""

    endpoint: FloatArray
    artifact: FloatArray
    max_abs_difference: float


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

    def check_against(self, model: PcaModel, rows: FloatArray) -> CheckedAnswers:
        """Send (n, d) rows one by one, then as many of them at once as a call may carry; compare with the artifact's.

        Raises:
            SmokeTestError: on another shape, a number that is not finite, or a difference beyond float32 rounding.
        """
        singles = np.vstack([self.project(row[np.newaxis]) for row in rows])
        many = rows[: len(next(bodies(map(csv_line, rows), model.components.shape[1])))]
        together = self.project(many)
        expected, tolerance = model.project(rows), model.float32_tolerance(rows)
        check_agreement(self.name, "one row a call", singles, expected, tolerance)
        check_agreement(self.name, "many rows in one call", together, expected[: len(many)], tolerance[: len(many)])
        differences = np.abs(np.vstack([singles - expected, together - expected[: len(many)]]))
        return CheckedAnswers(singles, expected, float(differences.max()))


def check_agreement(name: str, how: str, answer: FloatArray, expected: FloatArray, tolerance: FloatArray) -> None:
    """Refuse projections of another shape, not finite, or too far from the artifact's."""
    if answer.shape != expected.shape:
        raise SmokeTestError(
            f"endpoint {name}, {how}: {answer.shape} numbers came back for {expected.shape} asked. "
            "Another model is in service, or an old one."
        )
    if not np.isfinite(answer).all():
        raise SmokeTestError(f"endpoint {name}, {how}: the projections hold NaN or infinity.")
    excess = np.abs(answer - expected) - tolerance
    if (excess > 0).any():
        row, component = np.unravel_index(int(np.argmax(excess)), excess.shape)
        raise SmokeTestError(
            f"endpoint {name}, {how}: row {row + 1}, PC{answer.shape[1] - component} is {answer[row, component]:.9g}, "
            f"the artifact says {expected[row, component]:.9g} (tolerance {tolerance[row, component]:.2g}). "
            "Another model is in service, or an old one."
        )


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
