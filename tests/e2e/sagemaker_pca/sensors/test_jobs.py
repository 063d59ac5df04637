"""Waiting for a job ends in success only when the job is Completed."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSensorTimeout, TaskDeferred
from botocore.exceptions import ClientError

from sagemaker_pca.exceptions import JobFailedError, WaitTimeoutError
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.resource_kinds import PROCESSING_JOB
from sagemaker_pca.sensors.jobs import SageMakerProcessingJobSensor, SageMakerTrainingJobSensor
from sagemaker_pca.triggers.jobs import SageMakerJobTrigger
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, channel, csv_bytes
from tests.e2e.sagemaker_pca.conftest import PlanFault
from tests.e2e.sagemaker_pca.running import first_event_now, run

pytestmark = pytest.mark.e2e

WAYS = pytest.mark.parametrize("deferrable", [True, False], ids=["in the triggerer", "in the worker"])
STUBBORN = "import time\nprint('started', flush=True)\ntime.sleep(60)"


@pytest.fixture
def stubborn_job(aws: EmbeddedAws, hook: SageMakerPcaHook) -> Iterator[str]:
    """A job that runs until it is stopped."""
    name = aws.start_processing(STUBBORN, StoppingCondition={"MaxRuntimeInSeconds": 600})
    yield name
    hook.stop_job(PROCESSING_JOB, name)


def sensor(job_name: str, **arguments: Any) -> SageMakerProcessingJobSensor:
    return SageMakerProcessingJobSensor(task_id="wait", job_name=job_name, poll_seconds=0.1, **arguments)


def status(aws: EmbeddedAws, name: str) -> str:
    return str(aws.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"])


@WAYS
def test_a_completed_job_gives_its_description_as_plain_json(aws: EmbeddedAws, deferrable: bool) -> None:
    name = aws.start_processing("print('done')")
    description = run(sensor(name, deferrable=deferrable))
    assert description["ProcessingJobStatus"] == "Completed"
    assert description["CreationTime"].startswith("20")
    assert json.loads(json.dumps(description)) == description


@WAYS
def test_a_failed_job_fails_with_the_services_reason_and_the_last_log_lines(aws: EmbeddedAws, deferrable: bool) -> None:
    name = aws.start_processing("print('reading rows', flush=True)\nraise ValueError('no column Ch9')")
    with pytest.raises(JobFailedError) as error:
        run(sensor(name, deferrable=deferrable))
    failure = error.value.failure
    assert failure.reason.startswith(f"processing job {name} ended Failed: AlgorithmError")
    assert failure.link.startswith("http")
    assert name in failure.link
    assert failure.log_tail[0] == "reading rows"
    assert failure.log_tail[-1] == "ValueError: no column Ch9"


SCRIPT_THAT_EXPLAINS_ITSELF = """
import pathlib, sys
print("Caused by: a column that is not there", flush=True)
pathlib.Path("/opt/ml/output/message").write_text("a.csv has no column Ch9. Correct the feature columns.")
sys.exit(1)
"""


@WAYS
def test_the_sentence_that_a_container_leaves_for_people_is_the_reason(aws: EmbeddedAws, deferrable: bool) -> None:
    name = aws.start_processing(SCRIPT_THAT_EXPLAINS_ITSELF)
    with pytest.raises(JobFailedError) as error:
        run(sensor(name, deferrable=deferrable))
    reason = error.value.failure.reason
    assert f"{name} ended Failed: a.csv has no column Ch9. Correct the feature columns. (AlgorithmError: See" in reason
    assert "Caused by" not in reason
    assert error.value.failure.log_tail == ("Caused by: a column that is not there",)


@WAYS
def test_a_job_that_somebody_stops_is_no_success(aws: EmbeddedAws, deferrable: bool) -> None:
    name = aws.start_processing(STUBBORN)
    aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    with pytest.raises(JobFailedError, match=f"processing job {name} ended Stopped"):
        run(sensor(name, deferrable=deferrable))


def test_a_job_that_the_service_fails_without_a_log_is_told_in_its_words(
    aws: EmbeddedAws, plan_fault: PlanFault
) -> None:
    plan_fault(fault="fail_job", target="ProcessingJob", reason="InternalServerError: no capacity")
    name = aws.start_processing("print(1)")
    with pytest.raises(JobFailedError, match="ended Failed: InternalServerError: no capacity"):
        run(sensor(name))


def test_a_stopped_training_job_without_a_reason_is_no_success_and_no_crash(
    aws: EmbeddedAws, plan_fault: PlanFault
) -> None:
    plan_fault(fault="delay_job", target="TrainingJob", seconds=30)
    name = aws.start_training(
        channels=[channel("train", aws.put("train.csv", csv_bytes([[1.0, 2.0]] * 50)))],
        hyperparameters={"feature_dim": "2", "num_components": "1", "mini_batch_size": "10"},
    )
    aws.sagemaker.stop_training_job(TrainingJobName=name)
    with pytest.raises(JobFailedError, match="ended Stopped"):
        run(SageMakerTrainingJobSensor(task_id="wait", job_name=name, poll_seconds=0.1))


def deferral(task: SageMakerProcessingJobSensor) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({})
    return deferred.value


@pytest.mark.parametrize(
    ("stop_on_kill", "outcome", "states"),
    [(True, "It was asked to stop.", {"Stopping", "Stopped"}), (False, "It was left running.", {"InProgress"})],
)
def test_a_wait_whose_budget_is_used_up_stops_the_job_unless_told_not_to(
    aws: EmbeddedAws, stubborn_job: str, stop_on_kill: bool, outcome: str, states: set[str]
) -> None:
    task = sensor(stubborn_job, stop_on_kill=stop_on_kill)
    trigger = deferral(task).trigger
    assert isinstance(trigger, SageMakerJobTrigger)
    trigger.deadline = time.time() - 1
    event = first_event_now(trigger)
    assert event.payload == {"status": "timeout"}
    with pytest.raises(WaitTimeoutError, match=outcome):
        task.execute_complete({}, event.payload)
    assert status(aws, stubborn_job) in states


def test_the_waiting_budget_is_the_jobs_own_limit_and_an_hour(stubborn_job: str) -> None:
    trigger = deferral(sensor(stubborn_job)).trigger
    assert isinstance(trigger, SageMakerJobTrigger)
    assert trigger.deadline == pytest.approx(time.time() + 600 + 3600, abs=60)


def test_a_wait_that_is_resumed_too_early_goes_on(stubborn_job: str) -> None:
    with pytest.raises(TaskDeferred):
        sensor(stubborn_job).execute_complete({}, {"status": "ended"})


def test_a_trigger_travels_as_plain_json(aws: EmbeddedAws) -> None:
    name = aws.start_processing("print(1)")
    task = sensor(name, region_name="eu-west-1", botocore_config={"connect_timeout": 5}, verify=False)
    _, arguments = task.trigger(aws.wait_for_processing(name)).serialize()
    assert json.loads(json.dumps(arguments)) == arguments
    assert SageMakerJobTrigger(**arguments).serialize()[1] == arguments
    assert (arguments["region_name"], arguments["verify"]) == ("eu-west-1", False)
    assert arguments["botocore_config"] == {"connect_timeout": 5}


def test_throttled_looks_do_not_end_the_wait(aws: EmbeddedAws, plan_fault: PlanFault) -> None:
    name = aws.start_processing("import time; time.sleep(1)")
    plan_fault(fault="throttle", target="DescribeProcessingJob", times=2)
    plan_fault(fault="drop_connection", target="DescribeProcessingJob", times=1)
    assert run(sensor(name))["ProcessingJobStatus"] == "Completed"


def test_an_outage_that_outlasts_the_clients_retries_does_not_end_the_wait(
    aws: EmbeddedAws, plan_fault: PlanFault
) -> None:
    trigger = deferral(sensor(aws.start_processing("import time; time.sleep(4)"))).trigger
    assert isinstance(trigger, SageMakerJobTrigger)
    trigger.botocore_config = {"retries": {"total_max_attempts": 1}}
    for fault in ("throttle", "expire_token", "drop_connection"):
        plan_fault(fault=fault, target="DescribeProcessingJob", times=3)
    assert first_event_now(trigger).payload == {"status": "ended"}


def test_an_error_that_does_not_pass_ends_the_wait(aws: EmbeddedAws) -> None:
    trigger = deferral(sensor(aws.start_processing("import time; time.sleep(60)"))).trigger
    assert isinstance(trigger, SageMakerJobTrigger)
    trigger.job_name = "never-started"
    with pytest.raises(ClientError, match="Could not find requested job"):
        first_event_now(trigger)


def test_a_wait_after_a_refused_one_reads_the_connection_again(aws: EmbeddedAws) -> None:
    task = sensor(aws.start_processing("import time; time.sleep(60)"))
    trigger = deferral(task).trigger
    assert isinstance(trigger, SageMakerJobTrigger)
    stale = trigger.hook
    trigger.job_name = "never-started"
    with pytest.raises(ClientError):
        first_event_now(trigger)
    assert trigger.hook is not stale


def test_a_job_that_has_ended_needs_no_stop(aws: EmbeddedAws, hook: SageMakerPcaHook) -> None:
    name = aws.start_processing("print(1)")
    aws.wait_for_processing(name)
    hook.stop_job(PROCESSING_JOB, name)
    assert status(aws, name) == "Completed"


def test_a_wait_in_the_worker_that_runs_out_of_time_stops_the_job(aws: EmbeddedAws, stubborn_job: str) -> None:
    with pytest.raises(AirflowSensorTimeout):
        sensor(stubborn_job, deferrable=False, timeout=0.3).execute({})
    assert status(aws, stubborn_job) in {"Stopping", "Stopped"}


def test_a_wait_in_the_worker_leaves_the_job_running_where_told_so(aws: EmbeddedAws, stubborn_job: str) -> None:
    with pytest.raises(AirflowSensorTimeout):
        sensor(stubborn_job, deferrable=False, timeout=0.3, stop_on_kill=False).execute({})
    assert status(aws, stubborn_job) == "InProgress"
