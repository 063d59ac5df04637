"""Deployments that fail, collide or find an endpoint in trouble: what was served before is served after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sagemaker_pca.report.document import Verdict
from sagemaker_pca.run.locations import run_name
from tests.airflow_api import wait_for
from tests.cloudwatch_alarms import put_alarm
from tests.pipeline_process import raw_csv
from tests.run_plans import DEPLOYMENT_ID, OWNER_TAGS
from tests.slow.fault_scenarios.scene import DAG_ID, RUN_SECONDS, STEP_SECONDS, Scene, scenario

# Longer than a whole run beside it takes.
SLOW_JOB_SECONDS = 150


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
    scene.verify_refused(run, Verdict.ROLLED_BACK, "the service rolled the update back: unhealthy container")
    assert scene.lease() is None


@scenario()
def an_alarm_of_the_account_rolls_the_update_back(scene: Scene) -> None:
    alarm = f"alarm{scene.mark}errors"
    put_alarm(scene.cloudwatch, alarm, "ALARM")
    run = scene.trigger(roll_back_alarms=[alarm])
    reason = f"the service rolled the update back: The following CloudWatch alarms are in ALARM state: {alarm}"
    scene.verify_refused(run, Verdict.ROLLED_BACK, reason)
    assert scene.lease() is None


@scenario(earlier_model=False)
def a_failed_endpoint_is_replaced_also_when_the_answer_is_lost(scene: Scene) -> None:
    scene.plan("fail_endpoint")
    scene.sagemaker.create_endpoint(
        EndpointName=scene.endpoint_name, EndpointConfigName=scene.stage.served_config, Tags=OWNER_TAGS
    )
    wait_for(lambda: scene.endpoint_status() == "Failed" or None, STEP_SECONDS)
    scene.plan("lose_response", "CreateEndpoint")
    run = scene.trigger()
    scene.verify_promoted(run)
    assert run.xcom("deploy_endpoint")["action"] == "create", "once the failed one was gone"
    assert scene.endpoint_tags()["run-name"] == scene.run_name


@scenario()
def a_run_that_is_marked_failed_while_the_endpoint_changes_is_rolled_back_and_reported(scene: Scene) -> None:
    scene.plan("delay_endpoint", seconds=20)
    run = scene.trigger()
    scene.wait_until_deferred(run, "wait_for_endpoint")
    run.set_state("failed")
    scene.verify_refused(run, Verdict.ROLLED_BACK, "wait_for_endpoint failed: it was marked failed")
    assert scene.lease() is None


@scenario(earlier_model=False)
def a_run_that_is_marked_failed_while_a_new_endpoint_is_created_leaves_none(scene: Scene) -> None:
    scene.plan("delay_endpoint", seconds=20)
    run = scene.trigger()
    run.wait_for_task("wait_for_endpoint", "deferred", STEP_SECONDS)
    run.set_state("failed")
    assert run.wait_until_ended(RUN_SECONDS) == "failed", scene.story(run)
    assert scene.report(scene.run_name).run.verdict is Verdict.ROLLED_BACK
    assert scene.serving_config() is None


@scenario()
def two_runs_at_once_deploy_one_after_the_other(scene: Scene) -> None:
    scene.plan("delay_endpoint", seconds=40)
    first = scene.trigger()
    first.wait_for_task("deploy_endpoint", "success", RUN_SECONDS)
    second_id = f"{scene.run_id}-2"
    second = scene.trigger(second_id)
    assert first.wait_until_ended(RUN_SECONDS) == "success", scene.story(first)
    assert second.wait_until_ended(RUN_SECONDS) == "success", scene.story(second)

    newest = scene.report(run_name(DEPLOYMENT_ID, DAG_ID, second_id))
    assert newest.deployment is not None
    assert newest.deployment.previous_endpoint_config_name == scene.run_name
    assert scene.serving_config() == run_name(DEPLOYMENT_ID, DAG_ID, second_id)
    scene.verify_jobs(2, 2)
    assert scene.lease() is None


@scenario()
def a_slow_run_of_older_data_leaves_a_newer_model_in_service(scene: Scene) -> None:
    scene.plan("delay_job", target="ProcessingJob", seconds=SLOW_JOB_SECONDS)
    slow = scene.trigger()
    scene.wait_until_deferred(slow, "wait_for_processing")
    scene.put_raw("newer.csv", raw_csv(500, offset=0.02))
    quick_id = f"{scene.run_id}-2"
    quick = scene.trigger(quick_id)
    assert quick.wait_until_ended(RUN_SECONDS) == "success", scene.story(quick)
    newer = run_name(DEPLOYMENT_ID, DAG_ID, quick_id)

    assert slow.wait_until_ended(RUN_SECONDS) == "success", scene.story(slow)
    assert slow.task_states()["deploy_endpoint"] == "skipped"
    report = scene.report(scene.run_name)
    assert report.run.verdict is Verdict.SKIPPED
    assert report.run.reason.startswith(f"Not deployed: run {newer}, which is in service, is of raw data listed at")
    assert scene.serving_config() == newer
    assert scene.lease() is None
    scene.verify_jobs(2, 2)


@scenario()
def two_runs_at_once_on_the_same_data_train_once(scene: Scene) -> None:
    scene.plan("delay_job", target="ProcessingJob", seconds=SLOW_JOB_SECONDS)
    first = scene.trigger(force=False)
    first.wait_for_task("start_processing", "success", STEP_SECONDS)
    second_id = f"{scene.run_id}-2"
    second = scene.trigger(second_id, force=False)
    assert second.wait_until_ended(RUN_SECONDS) == "success", scene.story(second)
    reason = scene.report(run_name(DEPLOYMENT_ID, DAG_ID, second_id)).run.reason
    assert reason.startswith(f"Run {scene.run_name} until "), reason
    assert "is making the model of the same" in reason
    scene.verify_promoted(first)


@scenario(earlier_model=False)
def an_endpoint_of_another_airflow_is_refused_before_any_job(scene: Scene) -> None:
    theirs = [OWNER_TAGS[0], {"Key": "deployment-id", "Value": "theirs"}, {"Key": "owner", "Value": "team-b"}]
    scene.sagemaker.create_endpoint(
        EndpointName=scene.endpoint_name, EndpointConfigName=scene.stage.served_config, Tags=theirs
    )
    wait_for(lambda: scene.endpoint_status() == "InService" or None, STEP_SECONDS)
    run = scene.trigger()
    message = f"endpoint {scene.endpoint_name} is somebody else's: it is tagged deployment-id=theirs"
    scene.verify_refused(run, Verdict.FAILED, message, processing_jobs=0, training_jobs=0)
    assert scene.endpoint_tags()["deployment-id"] == "theirs"


@scenario()
def a_lease_that_another_run_holds_is_waited_for_and_taken_over_when_its_holder_is_dead(scene: Scene) -> None:
    scene.hold_lease("other-run", in_an_hour())
    run = scene.trigger()
    scene.wait_until_deferred(run, "deploy_endpoint")
    scene.verify_earlier_model_serves()
    scene.hold_lease("other-run", "2001-01-01T00:00:00+00:00")
    scene.verify_promoted(run)
    assert "Waiting: the deployment lease is held by other-run until" in run.log("deploy_endpoint")


@scenario()
def a_lease_that_is_not_given_up_fails_the_run_naming_the_holder(scene: Scene) -> None:
    scene.hold_lease("other-run", in_an_hour())
    run = scene.trigger(lease_wait_seconds=1)
    scene.verify_refused(run, Verdict.FAILED, f"endpoint {scene.endpoint_name} is being changed by other-run until")
    lease = scene.lease()
    assert lease is not None
    assert lease["holder"] == "other-run"


@scenario()
def a_roll_back_whose_task_is_killed_is_finished_by_the_next_try(scene: Scene) -> None:
    storm = scene.plan("throttle", "InvokeEndpoint", times=8)
    run = scene.trigger()
    scene.wait_until_struck(storm)
    next_storm = scene.plan("throttle", "UpdateEndpoint", times=6)
    run.set_task_state("smoke_test", "failed")
    scene.wait_until_struck(next_storm)
    scene.kill_task(run, "roll_back")
    scene.verify_refused(run, Verdict.ROLLED_BACK, "smoke_test failed")
    assert scene.lease() is None


def in_an_hour() -> str:
    """When a lease expires that is still good."""
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
