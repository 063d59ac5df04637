"""The service throttles, drops connections and loses answers: nothing is created twice, and no wait ends early."""

from __future__ import annotations

from tests.slow.fault_scenarios.scene import Scene, scenario

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
def every_request_that_creates_is_throttled(scene: Scene) -> None:
    for action in CREATING_ACTIONS:
        scene.plan("throttle", action, times=3)
    scene.verify_promoted(scene.trigger())


@scenario()
def throttling_outlasts_the_clients_patience(scene: Scene) -> None:
    scene.plan("throttle", "CreateTrainingJob", times=MORE_THAN_BOTOCORE_BEARS)
    run = scene.trigger()
    scene.verify_promoted(run, tried_again="training.start_training")
    assert "ClientError may pass by itself" in run.log("training.start_training", 1)


@scenario()
def throttling_outlasts_the_clients_patience_in_the_triggerer(scene: Scene) -> None:
    scene.plan("delay_job", "TrainingJob", seconds=60)
    run = scene.trigger()
    scene.wait_until_deferred(run, "training.wait_for_training")
    scene.plan("throttle", "DescribeTrainingJob", times=MORE_THAN_BOTOCORE_BEARS)
    scene.verify_promoted(run)
    assert scene.faults_left() == []


@scenario()
def every_connection_is_dropped_once(scene: Scene) -> None:
    for action in (*CREATING_ACTIONS, *READING_ACTIONS):
        scene.plan("drop_connection", action)
    scene.verify_promoted(scene.trigger())


@scenario()
def the_answers_to_both_job_requests_are_lost(scene: Scene) -> None:
    for action in ("CreateProcessingJob", "CreateTrainingJob"):
        scene.plan("lose_response", action)
    run = scene.trigger()
    scene.verify_promoted(run)
    for task_id in ("features.start_processing", "training.start_training"):
        started = run.xcom(task_id)
        assert (started["attempt"], started["adopted"]) == (1, True)


@scenario()
def the_answers_to_all_deployment_requests_are_lost(scene: Scene) -> None:
    scene.plan("delay_endpoint", seconds=20)
    for action in ("CreateModel", "CreateEndpointConfig", "UpdateEndpoint"):
        scene.plan("lose_response", action)
    scene.verify_promoted(scene.trigger())
    assert scene.created("model") == scene.created("endpoint_config") == [scene.run_name]
    assert scene.endpoint_tags()["run-name"] == scene.run_name


@scenario(earlier_model=False)
def the_answer_to_the_first_deployment_is_lost(scene: Scene) -> None:
    scene.plan("lose_response", "CreateEndpoint")
    scene.verify_promoted(scene.trigger())
    assert scene.endpoint_tags()["run-name"] == scene.run_name
