"""An endpoint as its clients see it: rows in, projections out."""

from __future__ import annotations

import json
import time

import numpy as np

from sagemaker_pca.exceptions import SmokeTestError
from sagemaker_pca.hooks.clients import AwsClientsHook
from sagemaker_pca.model.artifact import FloatArray


class EndpointClient:
    """One endpoint; keeps the latency of each call."""

    def __init__(self, hook: AwsClientsHook, name: str) -> None:
        self._runtime = hook.runtime
        self.name = name
        self.latencies_ms: list[float] = []

    def project(self, rows: FloatArray) -> FloatArray:
        """(n, k) projections of (n, d) rows, sent as CSV without a header.

        Raises:
            SmokeTestError: when the answer holds no projections.
        """
        body = "".join(map(csv_line, rows)).encode()
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
