"""A job's log is followed to its last line, each line once, and no other job's."""

from datetime import UTC, datetime, timedelta

import pytest

from sagemaker_pca.hooks.job_log import TAIL_LINES, JobLog, last_lines
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.resource_kinds import PROCESSING_JOB, TRAINING_JOB, ResourceKind
from sagemaker_pca.run.jobs import ended_at
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws

pytestmark = pytest.mark.e2e

SLOW = "import time\nfor n in range(8):\n    print('line', n, flush=True)\n    time.sleep(0.1)"


def test_every_line_is_told_once_and_in_order(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    name = aws.start_processing(SLOW)
    log, told = JobLog(PROCESSING_JOB, name), []
    while hook.describe(PROCESSING_JOB, name)["ProcessingJobStatus"] == "InProgress":
        told += log.new_lines(hook)
    told += log.new_lines(hook)
    assert told == [f"line {n}" for n in range(8)]
    assert log.new_lines(hook) == []


def test_a_job_has_only_its_own_lines(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    names = [aws.start_processing(f"print({text!r})") for text in ("one", "other")]
    for name in names:
        aws.wait_for_processing(name)
    assert [JobLog(PROCESSING_JOB, name).new_lines(hook) for name in names] == [["one"], ["other"]]


def test_all_hosts_of_a_job_are_followed(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    script = "import json\nprint(json.load(open('/opt/ml/config/resourceconfig.json'))['current_host'])"
    name = aws.start_processing(script, instance_count=2)
    aws.wait_for_processing(name)
    assert sorted(JobLog(PROCESSING_JOB, name).new_lines(hook)) == ["algo-1", "algo-2"]


@pytest.mark.parametrize("kind", [PROCESSING_JOB, TRAINING_JOB], ids=lambda kind: kind.operation)
def test_a_job_that_has_said_nothing_yet_has_an_empty_log(hook: SageMakerPcaHook, kind: ResourceKind) -> None:
    assert JobLog(kind, "no-such-job").new_lines(hook) == []


def test_the_last_lines_are_the_last_ones(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    name = aws.start_processing("for n in range(100): print(n)")
    aws.wait_for_processing(name)
    expected = [str(n) for n in range(100 - TAIL_LINES, 100)]
    ended = ended_at(hook.describe(PROCESSING_JOB, name))
    assert ended is not None
    assert last_lines(hook, PROCESSING_JOB, name, ended) == expected
    assert last_lines(hook, PROCESSING_JOB, name, None) == expected


def test_a_job_that_was_silent_before_its_end_shows_what_it_said_earlier(
    aws: EmbeddedAws, hook: SageMakerPcaHook
) -> None:
    name = aws.start_processing("print('only line')")
    aws.wait_for_processing(name)
    much_later = datetime.now(UTC) + timedelta(hours=2)
    assert last_lines(hook, PROCESSING_JOB, name, much_later) == ["only line"]
