"""Somebody clears or marks what runs: marked failed stops the job, all else leaves it running to be adopted."""

from __future__ import annotations

from typing import Any

from sagemaker_pca.report.document import Verdict
from tests.airflow_api import DagRun, wait_for
from tests.slow.fault_scenarios.scene import RUN_SECONDS, STEP_SECONDS, Scene, scenario

WAIT = "wait_for_training"


@scenario()
def a_wait_that_is_marked_failed_stops_its_job(scene: Scene) -> None:
    run = begin_wait(scene, 600)
    run.set_task_state(WAIT, "failed")
    scene.verify_refused(run, Verdict.FAILED, f"{WAIT} failed")
    wait_for(lambda: scene.jobs("training") == {scene.run_name: "Stopped"} or None, STEP_SECONDS)


@scenario()
def a_wait_that_is_marked_failed_leaves_its_job_where_that_is_asked_for(scene: Scene) -> None:
    run = begin_wait(scene, 120, stop_jobs_on_kill=False)
    run.set_task_state(WAIT, "failed")
    scene.verify_refused(run, Verdict.FAILED, f"{WAIT} failed")
    wait_for(lambda: scene.jobs("training") == {scene.run_name: "Completed"} or None, STEP_SECONDS)


@scenario()
def a_run_that_is_marked_failed_stops_the_job_it_waits_for(scene: Scene) -> None:
    run = begin_wait(scene, 600)
    run.set_state("failed")
    wait_for(lambda: scene.jobs("training") == {scene.run_name: "Stopped"} or None, STEP_SECONDS)
    scene.verify_refused(run, Verdict.FAILED, f"{WAIT} failed: it was marked failed")


@scenario()
def a_wait_and_a_start_that_are_cleared_while_the_job_runs_go_on_with_the_same_job(scene: Scene) -> None:
    run = begin_wait(scene, 100)
    run.clear(WAIT)
    wait_for(lambda: run.task(WAIT)["try_number"] > 1 or None, STEP_SECONDS)
    scene.wait_until_deferred(run, WAIT)
    run.clear("start_training")
    scene.verify_promoted(run, tried_again={"start_training", WAIT})
    assert run.xcom("start_training")["adopted"]


@scenario()
def a_wait_that_is_marked_success_leaves_its_job_running_to_be_adopted(scene: Scene) -> None:
    run = begin_wait(scene, 120)
    run.set_task_state(WAIT, "success")
    scene.verify_refused(run, Verdict.FAILED, f"{WAIT} was marked success")
    assert scene.jobs("training") == {scene.run_name: "InProgress"}

    run.clear("start_training")
    assert run.wait_until_ended_again(RUN_SECONDS) == "success", scene.story(run)
    scene.verify_outcome(processing_jobs=1, training_jobs=1)


def begin_wait(scene: Scene, seconds: float, **settings: Any) -> DagRun:
    """A run that waits in the triggerer for a training job that starts after so many seconds."""
    scene.plan("delay_job", "TrainingJob", seconds=seconds)
    run = scene.trigger(**settings)
    scene.wait_until_deferred(run, WAIT)
    return run
