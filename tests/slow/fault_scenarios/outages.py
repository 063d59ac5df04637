"""The triggerer or the service goes away for a while, in the middle of a wait: it goes on where it was."""

from __future__ import annotations

import signal
import time

from sagemaker_pca.report.document import Verdict
from tests.airflow_api import DagRun
from tests.slow.fault_scenarios.scene import STEP_SECONDS, Scene, scenario

WAIT = "wait_for_training"
OUTAGE_SECONDS = 20


@scenario(alone=True)
def the_triggerer_is_restarted_and_killed_in_the_middle_of_a_wait(scene: Scene) -> None:
    run = begin_wait(scene)
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with scene.stage.airflow.without("triggerer", signal_number):
            pass
    scene.verify_promoted(run)
    assert scene.jobs("training") == {scene.run_name: "Completed"}


@scenario(alone=True)
def a_wait_that_is_marked_failed_while_the_triggerer_is_away_stops_its_job(scene: Scene) -> None:
    run = begin_wait(scene)
    with scene.stage.airflow.without("triggerer"):
        run.set_task_state(WAIT, "failed")
        scene.verify_refused(run, Verdict.FAILED, f"{WAIT} failed")
    assert scene.jobs("training") == {scene.run_name: "Stopped"}


@scenario(alone=True)
def the_service_is_away_while_a_task_and_the_triggerer_ask_it(scene: Scene) -> None:
    scene.plan("delay_job", "TrainingJob", seconds=60)
    run = scene.trigger()
    run.wait_for_task("start_training", "running", STEP_SECONDS)
    scene.interrupt_service(OUTAGE_SECONDS)
    scene.wait_until_deferred(run, WAIT)
    time.sleep(10)  # past the time in which a wait does not look yet
    scene.interrupt_service(OUTAGE_SECONDS)
    scene.verify_promoted(run)


def begin_wait(scene: Scene) -> DagRun:
    """A run that waits in the triggerer for a training job."""
    scene.plan("delay_job", "TrainingJob", seconds=60)
    run = scene.trigger()
    scene.wait_until_deferred(run, WAIT)
    return run
