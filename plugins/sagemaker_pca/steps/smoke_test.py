"""Ask the endpoint for projections of raw rows and compare them with the artifact's, number by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from sagemaker_pca.hooks.endpoint_client import EndpointClient
from sagemaker_pca.model.artifact import PcaModel
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
    answers = endpoint.check_against(model, tested)
    result = SmokeTest(
        rows=len(tested),
        raw_row=tested[0],
        endpoint_projection=answers.endpoint[0],
        artifact_projection=answers.artifact[0],
        max_abs_difference=answers.max_abs_difference,
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
