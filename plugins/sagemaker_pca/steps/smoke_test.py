"""Ask the endpoint for projections of raw rows and compare them with the artifact's, number by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from sagemaker_pca.exceptions import SmokeTestError
from sagemaker_pca.hooks.endpoint_client import EndpointClient, bodies, csv_line
from sagemaker_pca.model.artifact import FloatArray, PcaModel
from sagemaker_pca.model.sampled_rows import evenly
from sagemaker_pca.plurals import counted
from sagemaker_pca.report.document import SmokeTest
from sagemaker_pca.steps.pipeline_run import PipelineRun
from sagemaker_pca.steps.processing_results import read_sample


def smoke_test(run: PipelineRun) -> dict[str, Any]:
    """Send raw rows one by one and all at once; the served model must project them as the artifact does.

    Raises:
        SmokeTestError: on another shape, a number that is not finite, or a difference beyond float32 rounding.
    """
    plan = run.plan
    run.lease.take(run.hook, plan.config.endpoint_name)
    model = PcaModel.from_artifact(run.hook.read_bytes(run.served_artifact_uri))
    rows = read_sample(run).rows
    tested = rows[evenly(len(rows), plan.config.smoke_test_rows)]

    endpoint = EndpointClient(run.hook.runtime, plan.config.endpoint_name)
    singles = np.vstack([endpoint.project(row[np.newaxis]) for row in tested])
    many = tested[: len(next(bodies(map(csv_line, tested), model.components.shape[1])))]
    together = endpoint.project(many)
    expected = model.project(tested)
    tolerance = model.float32_tolerance(tested)
    check_agreement(endpoint.name, "one row a call", singles, expected, tolerance)
    check_agreement(endpoint.name, "many rows in one call", together, expected[: len(many)], tolerance[: len(many)])
    differences = np.abs(np.vstack([singles - expected, together - expected[: len(many)]]))

    result = SmokeTest(
        rows=len(tested),
        raw_row=tested[0],
        endpoint_projection=singles[0],
        artifact_projection=expected[0],
        max_abs_difference=float(differences.max()),
        latency_p50_ms=float(np.percentile(endpoint.latencies_ms[: len(tested)], 50)),
        latency_p95_ms=float(np.percentile(endpoint.latencies_ms[: len(tested)], 95)),
    )
    run.hook.log.info(
        "Endpoint %s projects %s as the artifact does: the largest difference is %.2g, the median call took %.1f ms.",
        endpoint.name,
        counted(result.rows, "raw row"),
        result.max_abs_difference,
        result.latency_p50_ms,
    )
    return result.model_dump(mode="json")


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
