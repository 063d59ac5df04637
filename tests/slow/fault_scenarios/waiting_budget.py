"""A wait that has used up its budget asks its job to stop and says so."""

from __future__ import annotations

from tests.airflow_api import wait_for
from tests.slow.fault_scenarios.scene import RUN_SECONDS, STEP_SECONDS, Scene, scenario


@scenario()
def a_job_that_gets_no_instances_is_stopped_when_the_waiting_budget_is_used_up(scene: Scene) -> None:
    scene.plan("delay_job", "ProcessingJob", seconds=600)
    job_name = f"queueing{scene.mark}job"
    run = scene.stage.airflow.api.trigger("one_processing_job", scene.run_id, {"job_name": job_name})
    assert run.wait_until_ended(RUN_SECONDS) == "failed"
    assert run.task_states() == {"start": "success", "wait": "failed"}
    message = f"{job_name} is still InProgress after its waiting budget of 11 s. It was asked to stop."
    assert message in run.log("wait")
    wait_for(lambda: scene.jobs("processing") == {job_name: "Stopped"} or None, STEP_SECONDS)
    scene.verify_earlier_model_serves()
