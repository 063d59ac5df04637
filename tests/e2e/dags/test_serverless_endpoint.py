"""The pipeline on a serverless endpoint."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sagemaker_pca.report.document import Verdict
from tests.pipeline_process import BUCKET, PipelineProcess, raw_csv
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

SERVERLESS = {"serving": "serverless", "serverless_memory_gb": 3, "serverless_max_concurrency": 7}
ROW = [0.005, 0.004, 0.003, 0.002]


@pytest.fixture(scope="module")
def pipeline() -> Iterator[PipelineProcess]:
    """A pipeline whose first run made a serverless endpoint, on a service that forgets containers soon."""
    times = {"SAGEMAKER_LOCAL_SERVERLESS_COLD_START_SECONDS": "0.3", "SAGEMAKER_LOCAL_SERVERLESS_IDLE_SECONDS": "0.5"}
    with ServiceProcess(times) as service:
        pipeline = PipelineProcess(service.url, uuid.uuid4().hex[:8])
        pipeline.put_raw("a.csv", raw_csv(rows=3000))
        first = pipeline.run(**SERVERLESS)
        assert first.exit_code == 0, first.log[-4000:]
        assert first.report.run.verdict is Verdict.PROMOTED
        yield pipeline


def training_jobs(pipeline: PipelineProcess) -> int:
    return len(pipeline.sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"])


def test_it_has_the_size_that_the_settings_say_and_answers_after_idleness(pipeline: PipelineProcess) -> None:
    (variant,) = pipeline.sagemaker.describe_endpoint(EndpointName=pipeline.endpoint_name)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 7}
    time.sleep(0.7)
    started = time.perf_counter()
    cold = pipeline.project([ROW])
    seconds = time.perf_counter() - started
    assert seconds >= 0.3
    np.testing.assert_array_equal(pipeline.project([ROW]), cold)


def test_unchanged_data_is_skipped_and_new_data_updates_it(pipeline: PipelineProcess) -> None:
    again = pipeline.run(force=False, **SERVERLESS)
    assert again.report.run.verdict is Verdict.SKIPPED
    pipeline.put_raw("b.csv", raw_csv(rows=3000, offset=0.01))
    before = pipeline.serving_config()
    second = pipeline.run(force=False, **SERVERLESS)
    assert second.exit_code == 0, second.log[-4000:]
    assert second.report.deployment is not None
    assert second.report.deployment.previous_endpoint_config_name == before
    assert pipeline.serving_config() == second.report.run.run_name


def test_a_model_that_does_not_answer_as_it_should_is_rolled_back(pipeline: PipelineProcess) -> None:
    before, answer = pipeline.serving_config(), pipeline.project([ROW])
    pipeline.put_raw("moved.csv", raw_csv(rows=3000, offset=0.03))
    pipeline.plan_fault(fault="keep_old_model", name=pipeline.endpoint_name)
    run = pipeline.run(max_explained_variance_drop=1.0, **SERVERLESS)
    pipeline.s3.delete_object(Bucket=BUCKET, Key=f"{pipeline.raw_prefix}moved.csv")
    assert run.exit_code != 0
    assert run.report.run.verdict is Verdict.ROLLED_BACK
    assert pipeline.serving_config() == before
    np.testing.assert_array_equal(pipeline.project([ROW]), answer)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"serving": "instance"}, "is of serving=serverless: SageMaker makes no endpoint of serving=instance of it"),
        (
            {**SERVERLESS, "vpc_config": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
            "serving=serverless cannot have a vpc_config",
        ),
    ],
    ids=["of another kind", "in a VPC"],
)
def test_what_aws_would_refuse_is_refused_before_a_job(
    pipeline: PipelineProcess, settings: dict[str, Any], words: str
) -> None:
    jobs, before = training_jobs(pipeline), pipeline.serving_config()
    exit_code, log = pipeline.dags_test("pca_pipeline", pipeline.conf(**settings))
    assert exit_code != 0
    assert words in log
    assert (training_jobs(pipeline), pipeline.serving_config()) == (jobs, before)
