"""The kernel kills a task's process: the next try finds what the killed one left, and nothing is created twice."""

from __future__ import annotations

from functools import partial

from tests.airflow_api import DagRun
from tests.slow.fault_scenarios.scene import Scene, scenario

# Throttled calls that a task backs off from, so long that its process is there to be killed.
STORM = 6

KILLED_AT_ONCE = {
    "killed_before_the_plan_is_made": "preflight",
    "killed_while_it_publishes": "publish_results",
}
# The task, and the call that it is to back off from when it is killed.
KILLED_BEFORE_A_CALL = {
    "killed_before_the_processing_job_is_created": ("features.start_processing", "CreateProcessingJob"),
    "killed_while_it_looks_at_the_processing_job": ("features.wait_for_processing", "DescribeProcessingJob"),
    "killed_while_it_evaluates_the_model": ("evaluate_model", "DescribeEndpoint"),
    "killed_during_the_smoke_test": ("deployment.smoke_test", "InvokeEndpoint"),
}
# The task, and what it created without hearing of it before it is killed.
KILLED_AFTER_CREATION = {
    "killed_after_the_processing_job_was_created": ("features.start_processing", "ProcessingJob"),
    "killed_after_the_training_job_was_created": ("training.start_training", "TrainingJob"),
    "killed_after_the_model_was_created": ("deployment.create_model", "Model"),
    "killed_after_the_endpoint_configuration_was_created": ("deployment.create_endpoint_config", "EndpointConfig"),
}
# The waiting task, and what delays the thing that it waits for.
KILLED_WHEN_RESUMED = {
    "killed_when_the_training_job_has_ended": ("training.wait_for_training", ("delay_job", "TrainingJob")),
    "killed_when_the_endpoint_is_in_service": ("deployment.wait_for_endpoint", ("delay_endpoint", "")),
}


def kill_at_once(scene: Scene, task_id: str) -> None:
    """Kill a task's first try as soon as it has a process; the run must end as if nothing had been."""
    run = scene.trigger()
    scene.kill_task(run, task_id)
    scene.verify_promoted(run, tried_again=task_id)


def kill_in_storm(scene: Scene, task_id: str, action: str) -> DagRun:
    """Kill a task's first try while it backs off from a throttled call; the run must end as if nothing had been."""
    storm = scene.plan("throttle", action, times=STORM)
    run = scene.trigger()
    scene.wait_until_struck(storm)
    scene.kill_task(run, task_id)
    scene.verify_promoted(run, tried_again=task_id)
    return run


def kill_before_call(scene: Scene, task_id: str, action: str) -> None:
    """Kill a task that has not got through with a call: its next try creates what there is to create."""
    run = kill_in_storm(scene, task_id, action)
    assert not run.xcom("features.start_processing")["adopted"]


def kill_after_creation(scene: Scene, task_id: str, resource: str) -> None:
    """Kill a task that has created something and does not know: its next try adopts it."""
    scene.plan("lose_response", f"Create{resource}")
    run = kill_in_storm(scene, task_id, f"Describe{resource}")
    created = run.xcom(task_id)
    assert (created["name"], created["attempt"], created["adopted"]) == (scene.run_name, 1, True)
    assert scene.created("model") == scene.created("endpoint_config") == [scene.run_name]


def kill_resumed(scene: Scene, task_id: str, delay: tuple[str, str]) -> None:
    """Kill a task that its trigger has just brought back."""
    scene.plan(*delay, seconds=20)
    run = scene.trigger()
    scene.wait_until_deferred(run, task_id)
    scene.kill_task(run, task_id)
    scene.verify_promoted(run, tried_again=task_id)


for name, task in KILLED_AT_ONCE.items():
    scenario(name)(partial(kill_at_once, task_id=task))
for name, (task, call) in KILLED_BEFORE_A_CALL.items():
    scenario(name)(partial(kill_before_call, task_id=task, action=call))
for name, (task, created_resource) in KILLED_AFTER_CREATION.items():
    scenario(name)(partial(kill_after_creation, task_id=task, resource=created_resource))
for name, (task, planned_delay) in KILLED_WHEN_RESUMED.items():
    scenario(name)(partial(kill_resumed, task_id=task, delay=planned_delay))


@scenario()
def killed_after_the_update_was_asked_for(scene: Scene) -> None:
    run = kill_in_storm(scene, "deployment.deploy_endpoint", "AddTags")
    deployed = run.xcom("deployment.deploy_endpoint")
    assert deployed["action"] == "keep"
    assert deployed["previous_endpoint_config_name"] == scene.stage.served_config
    assert scene.endpoint_tags()["run-name"] == scene.run_name
