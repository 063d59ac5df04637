from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from sagemaker_pca.exceptions import Failure, InputError
from sagemaker_pca.run import tasks
from sagemaker_pca.steps.pipeline_run import PipelineRun, created_by, from_run, if_planned
from sagemaker_pca.steps.transform_run import TransformRun
from tests.run_plans import plan_of


class Try:
    """One try of a task: what others left in XCom, and how often it was asked for."""

    def __init__(self, **results: Any) -> None:
        self.results = results
        self.pulls: Counter[str] = Counter()
        self.context: Any = {"ti": SimpleNamespace(xcom_pull=self.pull)}

    def pull(self, task_ids: str, key: str) -> Any:
        self.pulls[task_ids] += 1
        return self.results.get(task_ids) if key == "return_value" else None


def planned(**results: Any) -> Try:
    return Try(preflight=plan_of().model_dump(mode="json"), **results)


def test_all_templated_fields_of_a_try_pull_the_plan_once() -> None:
    one_try = planned(start_training={"name": "job-2"})
    fields = [
        from_run(lambda run: run.plan.config.poll_seconds),
        from_run(lambda run: run.plan.files.deployment_record_uri),
        if_planned(lambda run: run.lease.as_document()),
        created_by(tasks.START_TRAINING),
        created_by(tasks.START_TRAINING),
    ]
    values = [field(one_try.context, None) for field in fields]
    assert values[-1] == "job-2"
    assert one_try.pulls == {"preflight": 1, "start_training": 1}
    assert PipelineRun.of(one_try.context).plan is PipelineRun.of(one_try.context).plan


def test_another_try_sees_what_is_there_by_then() -> None:
    first, second = planned(start_training={"name": "job"}), planned(start_training={"name": "job-2"})
    name = created_by(tasks.START_TRAINING)
    assert [name(first.context, None), name(second.context, None)] == ["job", "job-2"]


def test_the_two_pipelines_do_not_take_each_others_view() -> None:
    one_try = planned()
    assert type(PipelineRun.of(one_try.context)) is PipelineRun
    assert type(TransformRun.of(one_try.context)) is TransformRun


def test_a_task_that_was_marked_success_too_early_is_named_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"start_training was marked success .* Clear it"):
        created_by(tasks.START_TRAINING)(planned().context, None)


def test_fields_of_tasks_that_always_run_are_empty_in_a_run_without_a_plan() -> None:
    assert if_planned(lambda run: run.plan.bucket)(Try().context, None) is None


@pytest.mark.parametrize(
    ("results", "smoke_test", "reason"),
    [
        ({}, None, "before it planned"),
        # Staging may have been cleared while the deployment went on, and may not have ended well since.
        ({"preflight": plan_of().model_dump(mode="json")}, None, None),
        ({"preflight": plan_of().model_dump(mode="json"), "stage_inputs": {}}, "success", "verified"),
        ({"preflight": plan_of().model_dump(mode="json"), "stage_inputs": {}}, "failed", None),
        ({"preflight": plan_of().model_dump(mode="json"), "stage_inputs": {}}, "skipped", None),
        ({"preflight": plan_of().model_dump(mode="json"), "stage_inputs": {}}, "upstream_failed", None),
    ],
)
def test_only_a_deployment_that_may_have_begun_and_is_not_verified_is_rolled_back(
    results: dict[str, Any], smoke_test: str | None, reason: str | None
) -> None:
    run = PipelineRun(Try(**results).context)
    run.__dict__["states"] = {tasks.SMOKE_TEST: smoke_test}
    assert (run.why_no_roll_back is None) is (reason is None)
    assert reason is None or reason in str(run.why_no_roll_back)


def test_a_run_that_had_nothing_to_do_is_not_rolled_back() -> None:
    run = PipelineRun(planned().context)
    run.__dict__["states"] = {tasks.STAGE_INPUTS: "skipped"}
    run._results[tasks.STAGE_INPUTS, tasks.SKIP_REASON_KEY] = "the endpoint already serves this model"
    assert run.why_no_roll_back == "The run ended before it changed anything."


def test_a_task_that_left_no_word_was_marked_failed_or_killed() -> None:
    failure = PipelineRun(planned().context).failure(tasks.WAIT_FOR_TRAINING)
    assert failure == Failure(
        reason="it was marked failed, or killed.", hint="The log of wait_for_training may say more."
    )
