"""The kernel kills a task's process: the next try finds what the killed one left, and nothing is created twice."""

from __future__ import annotations

from tests.airflow_api import DagRun
from tests.slow.fault_scenarios.scene import Scene, scenario

# Throttled calls that a task backs off from, so long that its process is there to be killed.
STORM = 6


@scenario
def killed_before_the_plan_is_made(scene: Scene) -> None:
    scene.serve_earlier_model()
    kill_at_once(scene, "preflight")


@scenario
def killed_before_the_processing_job_is_created(scene: Scene) -> None:
    scene.serve_earlier_model()
    run = kill_in_storm(scene, "CreateProcessingJob", "features.start_processing")
    assert not run.xcom("features.start_processing")["adopted"]


@scenario
def killed_after_the_processing_job_was_created(scene: Scene) -> None:
    scene.serve_earlier_model()
    scene.plan("lose_response", "CreateProcessingJob")
    run = kill_in_storm(scene, "DescribeProcessingJob", "features.start_processing")
    assert run.xcom("features.start_processing")["adopted"]


@scenario
def killed_while_it_looks_at_the_processing_job(scene: Scene) -> None:
    scene.serve_earlier_model()
    kill_in_storm(scene, "DescribeProcessingJob", "features.wait_for_processing")


@scenario
def killed_after_the_training_job_was_created(scene: Scene) -> None:
    scene.serve_earlier_model()
    scene.plan("lose_response", "CreateTrainingJob")
    run = kill_in_storm(scene, "DescribeTrainingJob", "training.start_training")
    assert run.xcom("training.start_training")["adopted"]


@scenario
def killed_when_its_wait_is_over(scene: Scene) -> None:
    scene.serve_earlier_model()
    scene.plan("delay_job", "TrainingJob", seconds=20)
    run = scene.trigger()
    scene.wait_until_deferred(run, "training.wait_for_training")
    scene.kill_task(run, "training.wait_for_training")
    scene.verify_promoted(run, tried_again="training.wait_for_training")


@scenario
def killed_while_it_evaluates_the_model(scene: Scene) -> None:
    scene.serve_earlier_model()
    kill_in_storm(scene, "DescribeEndpoint", "evaluate_model")


@scenario
def killed_after_the_model_was_created(scene: Scene) -> None:
    scene.serve_earlier_model()
    scene.plan("lose_response", "CreateModel")
    run = kill_in_storm(scene, "DescribeModel", "deployment.create_model")
    assert run.xcom("deployment.create_model")["adopted"]
    assert scene.created("model") == [scene.run_name]


@scenario
def killed_after_the_endpoint_configuration_was_created(scene: Scene) -> None:
    scene.serve_earlier_model()
    scene.plan("lose_response", "CreateEndpointConfig")
    run = kill_in_storm(scene, "DescribeEndpointConfig", "deployment.create_endpoint_config")
    assert run.xcom("deployment.create_endpoint_config")["adopted"]
    assert scene.created("endpoint_config") == [scene.run_name]


@scenario
def killed_after_the_update_was_asked_for(scene: Scene) -> None:
    scene.serve_earlier_model()
    run = kill_in_storm(scene, "AddTags", "deployment.deploy_endpoint")
    deployed = run.xcom("deployment.deploy_endpoint")
    assert deployed["action"] == "keep"
    assert deployed["previous_endpoint_config_name"] == scene.stage.served_config
    assert scene.endpoint_tags()["run-name"] == scene.run_name


@scenario
def killed_while_it_waits_for_the_endpoint(scene: Scene) -> None:
    scene.serve_earlier_model()
    scene.plan("delay_endpoint", seconds=20)
    run = scene.trigger()
    scene.wait_until_deferred(run, "deployment.wait_for_endpoint")
    scene.kill_task(run, "deployment.wait_for_endpoint")
    scene.verify_promoted(run, tried_again="deployment.wait_for_endpoint")


@scenario
def killed_during_the_smoke_test(scene: Scene) -> None:
    scene.serve_earlier_model()
    kill_in_storm(scene, "InvokeEndpoint", "deployment.smoke_test")


@scenario
def killed_while_it_publishes(scene: Scene) -> None:
    scene.serve_earlier_model()
    kill_at_once(scene, "publish_results")


def kill_at_once(scene: Scene, task_id: str) -> None:
    """Kill a task's first try as soon as it has a process; the run must end as if nothing had been."""
    run = scene.trigger()
    scene.kill_task(run, task_id)
    scene.verify_promoted(run, tried_again=task_id)


def kill_in_storm(scene: Scene, action: str, task_id: str) -> DagRun:
    """Kill a task's first try while it backs off from a throttled call; the run must end as if nothing had been."""
    storm = scene.plan("throttle", action, times=STORM)
    run = scene.trigger()
    scene.wait_until_struck(storm)
    scene.kill_task(run, task_id)
    scene.verify_promoted(run, tried_again=task_id)
    return run
