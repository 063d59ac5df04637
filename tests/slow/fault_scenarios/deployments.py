"""Deployments that fail, collide or find an endpoint in trouble: what was served before is served after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sagemaker_pca.report import Verdict
from sagemaker_pca.run_files import run_name
from tests.airflow_api import wait_for
from tests.slow.fault_scenarios.scene import DAG_ID, RUN_SECONDS, STEP_SECONDS, Scene, scenario


@scenario(earlier_model=False)
def a_first_endpoint_that_never_starts_is_removed(scene: Scene) -> None:
    scene.plan("fail_endpoint", reason="The primary container did not pass the ping health check.")
    run = scene.trigger()
    assert run.wait_until_ended(RUN_SECONDS) == "failed"
    report = scene.report(scene.run_name)
    assert report.run.verdict is Verdict.ROLLED_BACK
    assert "is Failed" in report.run.reason
    assert "did not pass the ping health check" in report.run.reason
    assert scene.serving_config() is None
    assert scene.lease() is None
    scene.verify_jobs(1, 1)


@scenario()
def an_update_that_the_service_rolls_back_fails_the_run(scene: Scene) -> None:
    scene.plan("fail_update", reason="unhealthy container")
    run = scene.trigger()
    scene.verify_refused(run, Verdict.ROLLED_BACK, "the update was rolled back: unhealthy container")
    assert scene.lease() is None


@scenario(earlier_model=False)
def a_failed_endpoint_is_replaced(scene: Scene) -> None:
    scene.plan("fail_endpoint")
    scene.sagemaker.create_endpoint(EndpointName=scene.endpoint_name, EndpointConfigName=scene.stage.served_config)
    wait_for(lambda: scene.endpoint_status() == "Failed" or None, STEP_SECONDS)
    run = scene.trigger()
    scene.verify_promoted(run)
    assert run.xcom("deployment.deploy_endpoint")["action"] == "replace"


@scenario()
def two_runs_at_once_deploy_one_after_the_other(scene: Scene) -> None:
    scene.plan("delay_endpoint", seconds=40)
    first = scene.trigger()
    first.wait_for_task("deployment.deploy_endpoint", "success", RUN_SECONDS)
    second_id = f"{scene.run_id}-2"
    second = scene.trigger(second_id)
    assert first.wait_until_ended(RUN_SECONDS) == "success", scene.story(first)
    assert second.wait_until_ended(RUN_SECONDS) == "success", scene.story(second)

    newest = scene.report(run_name(DAG_ID, second_id))
    assert newest.deployment is not None
    assert newest.deployment.previous_endpoint_config_name == scene.run_name
    assert scene.serving_config() == run_name(DAG_ID, second_id)
    scene.verify_jobs(2, 2)
    assert scene.lease() is None


@scenario()
def a_lease_that_another_run_holds_is_waited_for(scene: Scene) -> None:
    scene.hold_lease("other-run", in_an_hour())
    run = scene.trigger()
    scene.wait_until_deferred(run, "deployment.deploy_endpoint")
    scene.verify_earlier_model_serves()
    scene.drop_lease()
    scene.verify_promoted(run)
    assert "Waiting: the deployment lease is held by other-run until" in run.log("deployment.deploy_endpoint")


@scenario()
def a_lease_that_is_not_given_up_fails_the_run_naming_the_holder(scene: Scene) -> None:
    scene.hold_lease("other-run", in_an_hour())
    run = scene.trigger(lease_wait_seconds=1)
    scene.verify_refused(run, Verdict.FAILED, f"endpoint {scene.endpoint_name} is being deployed by other-run until")
    lease = scene.lease()
    assert lease is not None
    assert lease["holder"] == "other-run"


@scenario()
def the_lease_of_a_dead_holder_is_taken_over(scene: Scene) -> None:
    scene.hold_lease("dead-run", "2001-01-01T00:00:00+00:00")
    scene.verify_promoted(scene.trigger())


@scenario()
def a_roll_back_whose_task_is_killed_is_finished_by_the_next_try(scene: Scene) -> None:
    storm = scene.plan("throttle", "InvokeEndpoint", times=8)
    run = scene.trigger()
    scene.wait_until_struck(storm)
    next_storm = scene.plan("throttle", "UpdateEndpoint", times=6)
    run.set_task_state("deployment.smoke_test", "failed")
    scene.wait_until_struck(next_storm)
    scene.kill_task(run, "deployment.roll_back")
    scene.verify_refused(run, Verdict.ROLLED_BACK, "deployment.smoke_test failed")
    assert scene.lease() is None


def in_an_hour() -> str:
    """When a lease expires that is still good."""
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
