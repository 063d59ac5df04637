"""The kernel kills a task's process: the next try finds what the killed one left, and nothing is created twice."""

from __future__ import annotations

from tests.slow.fault_scenarios.scene import Scene, scenario

# Throttled calls that a task backs off from, so long that its process is there to be killed.
STORM = 6

# The task, and the call that it is to back off from when it is killed.
KILLED_BEFORE_A_CALL = {
    "start_processing": "CreateProcessingJob",
    "wait_for_processing": "DescribeProcessingJob",
    "evaluate_model": "DescribeEndpoint",
    "smoke_test": "InvokeEndpoint",
}
# The task, and what it created without hearing of it before it is killed.
KILLED_AFTER_CREATION = {
    "start_processing": "ProcessingJob",
    "start_training": "TrainingJob",
    "create_model": "Model",
    "create_endpoint_config": "EndpointConfig",
}


@scenario()
def killed_before_they_get_through_tasks_create_what_there_is_to_create_at_their_next_try(scene: Scene) -> None:
    run = scene.trigger()
    scene.kill_task(run, "preflight")
    for task_id, action in KILLED_BEFORE_A_CALL.items():
        storm = scene.plan("throttle", action, times=STORM)
        scene.wait_until_struck(storm)
        scene.kill_task(run, task_id)
    scene.kill_task(run, "publish_report")
    scene.verify_promoted(run, tried_again={"preflight", *KILLED_BEFORE_A_CALL, "publish_report"})
    assert not run.xcom("start_processing")["adopted"]


@scenario()
def killed_before_they_hear_of_what_they_created_tasks_adopt_it_at_their_next_try(scene: Scene) -> None:
    run = scene.trigger()
    for task_id, resource in KILLED_AFTER_CREATION.items():
        scene.plan("lose_response", f"Create{resource}")
        storm = scene.plan("throttle", f"Describe{resource}", times=STORM)
        scene.wait_until_struck(storm)
        scene.kill_task(run, task_id)
    storm = scene.plan("throttle", "AddTags", times=STORM)
    scene.wait_until_struck(storm)
    scene.kill_task(run, "deploy_endpoint")

    scene.verify_promoted(run, tried_again={*KILLED_AFTER_CREATION, "deploy_endpoint"})
    for task_id in KILLED_AFTER_CREATION:
        created = run.xcom(task_id)
        assert (created["name"], created["attempt"], created["adopted"]) == (scene.run_name, 1, True)
    assert scene.created("model") == scene.created("endpoint_config") == [scene.run_name]
    deployed = run.xcom("deploy_endpoint")
    assert (deployed["action"], deployed["previous_endpoint_config_name"]) == ("keep", scene.stage.served_config)
    assert scene.endpoint_tags()["run-name"] == scene.run_name


@scenario()
def waits_that_are_killed_when_their_triggers_have_just_brought_them_back_look_again(scene: Scene) -> None:
    scene.plan("delay_job", "TrainingJob", seconds=40)
    scene.plan("delay_endpoint", seconds=40)
    run = scene.trigger()
    for task_id in ("wait_for_training", "wait_for_endpoint"):
        scene.wait_until_deferred(run, task_id)
        scene.kill_task(run, task_id, resumed=True)
    scene.verify_promoted(run, tried_again={"wait_for_training", "wait_for_endpoint"})
