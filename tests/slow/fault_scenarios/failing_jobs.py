"""Jobs that fail or are stopped, and models that may not be deployed: the run is red, says why, and nothing changes."""

from __future__ import annotations

from sagemaker_pca.report.document import Verdict
from sagemaker_pca.run.locations import profile_job_name
from tests.slow.fault_scenarios.scene import RAW_ROWS, RUN_SECONDS, Scene, scenario


@scenario()
def a_failed_processing_job_gets_a_second_attempt_once_it_is_cleared(scene: Scene) -> None:
    scene.plan("fail_job", "ProcessingJob", reason="InternalServerError: no capacity")
    run = scene.trigger()
    report = scene.verify_refused(
        run, Verdict.FAILED, "ended Failed: InternalServerError: no capacity", training_jobs=0
    )
    assert report.failed_step is not None
    assert report.failed_step.task_id == "wait_for_processing"

    run.clear("start_processing")
    assert run.wait_until_ended_again(RUN_SECONDS) == "success", scene.story(run)
    scene.verify_outcome(processing_jobs=2, training_jobs=1)
    assert scene.jobs("processing") == {scene.run_name: "Failed", f"{scene.run_name}-2": "Completed"}


@scenario()
def a_failed_profile_job_gets_a_second_attempt_whose_moments_are_used(scene: Scene) -> None:
    scene.plan("fail_job", "ProcessingJob", reason="InternalServerError: no capacity")
    run = scene.trigger(scaling="standardize", processing_instance_count=2)
    report = scene.verify_refused(
        run, Verdict.FAILED, "ended Failed: InternalServerError: no capacity", training_jobs=0
    )
    assert report.failed_step is not None
    assert report.failed_step.task_id == "wait_for_profiling"

    run.clear("start_profiling")
    assert run.wait_until_ended_again(RUN_SECONDS) == "success", scene.story(run)
    scene.verify_outcome(processing_jobs=3, training_jobs=1)
    profile = profile_job_name(scene.run_name)
    assert scene.jobs("processing") == {profile: "Failed", f"{profile}-2": "Completed", scene.run_name: "Completed"}


@scenario()
def a_failed_training_job_fails_the_run_with_its_reason(scene: Scene) -> None:
    scene.plan("fail_job", "TrainingJob", reason="AlgorithmError: the disk is full")
    scene.verify_refused(scene.trigger(), Verdict.FAILED, "ended Failed: AlgorithmError: the disk is full")


@scenario()
def a_job_that_somebody_stops_is_no_success(scene: Scene) -> None:
    scene.plan("delay_job", "TrainingJob", seconds=600)
    run = scene.trigger()
    scene.wait_until_deferred(run, "wait_for_training")
    scene.sagemaker.stop_training_job(TrainingJobName=scene.run_name)
    scene.verify_refused(run, Verdict.FAILED, "ended Stopped: somebody stopped it")
    assert scene.jobs("training") == {scene.run_name: "Stopped"}


@scenario()
def a_metric_that_is_not_a_number_refuses_the_model(scene: Scene) -> None:
    scene.put_raw("recording.csv", b"Real Time,Ch5,Ch6,Ch7,Ch8,BioRadio Event,\n" + b"t,1,2,3,4,,\n" * RAW_ROWS)
    scene.verify_refused(scene.trigger(), Verdict.REFUSED, "explained_variance is not a number")
    assert scene.created("model") == []
