"""The service throttles, drops connections and loses answers: nothing is created twice, and no wait ends early."""

from __future__ import annotations

from sagemaker_pca.report.document import Verdict
from tests.slow.fault_scenarios.scene import STEP_SECONDS, Scene, scenario

CREATING_ACTIONS = (
    "CreateProcessingJob",
    "CreateTrainingJob",
    "CreateModel",
    "CreateEndpointConfig",
    "UpdateEndpoint",
)
READING_ACTIONS = ("DescribeProcessingJob", "DescribeTrainingJob", "DescribeEndpoint", "ListTags", "InvokeEndpoint")
# botocore gives up after ten attempts; the next try of the task meets what is left.
MORE_THAN_BOTOCORE_BEARS = 13


@scenario()
def every_call_is_throttled_or_dropped_and_what_creates_loses_its_answer(scene: Scene) -> None:
    scene.plan("delay_endpoint", seconds=20)
    for action in CREATING_ACTIONS:
        scene.plan("throttle", action, times=2)
        scene.plan("lose_response", action)
    for action in (*CREATING_ACTIONS, *READING_ACTIONS):
        scene.plan("drop_connection", action)
    run = scene.trigger()
    scene.verify_promoted(run)
    assert scene.faults_left() == []
    for task_id in ("start_processing", "start_training", "create_model", "create_endpoint_config"):
        started = run.xcom(task_id)
        assert (started["attempt"], started["adopted"]) == (1, True)
    assert scene.created("model") == scene.created("endpoint_config") == [scene.run_name]
    assert scene.endpoint_tags()["run-name"] == scene.run_name


@scenario()
def throttling_outlasts_the_clients_patience_in_a_task_and_in_the_triggerer(scene: Scene) -> None:
    scene.plan("delay_job", "TrainingJob", seconds=60)
    scene.plan("throttle", "CreateTrainingJob", times=MORE_THAN_BOTOCORE_BEARS)
    run = scene.trigger()
    scene.wait_until_deferred(run, "wait_for_training")
    scene.plan("throttle", "DescribeTrainingJob", times=MORE_THAN_BOTOCORE_BEARS)
    scene.verify_promoted(run, tried_again={"start_training"})
    assert "ClientError may pass by itself" in run.log("start_training", 1)
    assert scene.faults_left() == []


@scenario()
def a_token_that_expires_in_the_middle_of_a_roll_back_leaves_nothing_unverified_in_service(scene: Scene) -> None:
    scene.plan("delay_endpoint", seconds=20)
    run = scene.trigger()
    run.wait_for_task("deploy_endpoint", "success", STEP_SECONDS)
    scene.plan("expire_token", "UpdateEndpoint")
    run.set_task_state("wait_for_endpoint", "failed")
    scene.verify_refused(run, Verdict.ROLLED_BACK, "wait_for_endpoint failed")
    assert (scene.faults_left(), run.tasks()["roll_back"]["try_number"]) == ([], 2)
    assert scene.lease() is None
