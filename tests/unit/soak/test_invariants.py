"""The soak test's invariants pass what is right and say what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sagemaker_pca.report.document import Verdict
from tests.soak.invariants import EndpointFacts, RunFacts, violations

PROMOTED = RunFacts(
    run_name="run",
    endpoint="endpoint",
    state="success",
    planned=True,
    verdict=Verdict.PROMOTED,
    jobs={("processing", "run"): {"run": "Completed"}, ("profile", "run-profile"): {}},
    promoted_config="run",
    listed_at=datetime(2024, 1, 2, tzinfo=UTC),
)
SERVING = EndpointFacts("endpoint", "InService", serving_config="run", answers=True, promotion="run")
FAILED = replace(PROMOTED, state="failed", verdict=Verdict.FAILED, reason="a disk is full", promoted_config=None)
NO_ENDPOINT = EndpointFacts("endpoint", None)


def found(run: RunFacts = PROMOTED, endpoint: EndpointFacts = SERVING, **earlier: RunFacts) -> str:
    return " ".join(violations([run], list(earlier.values()), [endpoint]))


def with_jobs(**statuses: str) -> RunFacts:
    jobs = {name.replace("_", "-"): status for name, status in statuses.items()}
    return replace(FAILED, jobs={("training", "run"): jobs})


def test_a_promoted_run_and_its_endpoint_are_right() -> None:
    assert found() == ""


def test_a_failed_first_deployment_without_an_endpoint_is_right() -> None:
    assert found(FAILED, NO_ENDPOINT) == ""


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_job_that_cannot_be_used_may_have_a_next_attempt(status: str) -> None:
    assert found(with_jobs(run=status, run_2="Completed"), NO_ENDPOINT) == ""


@pytest.mark.parametrize("status", ["Completed", "InProgress"])
def test_a_job_that_can_be_used_may_not(status: str) -> None:
    run = replace(with_jobs(run=status, run_2="Completed"), stops_jobs=False)
    assert f"made the training job run-2, though run is {status}" in found(run, NO_ENDPOINT)


def test_who_clears_the_staging_may_ask_for_other_jobs() -> None:
    run = replace(with_jobs(run="Completed", run_2="Completed"), user_actions=(("clear task", "stage_inputs"),))
    assert found(run, NO_ENDPOINT) == ""


def test_attempts_have_no_holes() -> None:
    assert "the attempts have holes" in found(with_jobs(run="Failed", run_3="Completed"), NO_ENDPOINT)


def test_a_job_of_an_ended_run_goes_on_only_where_somebody_asked_for_it() -> None:
    run = with_jobs(run="InProgress")
    assert "its training job run is still InProgress" in found(run, NO_ENDPOINT)
    assert found(replace(run, stops_jobs=False), NO_ENDPOINT) == ""
    given_up = replace(run, user_actions=(("mark task success", "wait_for_training"),))
    assert found(given_up, NO_ENDPOINT) == ""


def test_a_planned_run_without_a_report_is_found() -> None:
    run = replace(FAILED, verdict=None)
    assert "without a report" in found(run, NO_ENDPOINT)
    assert found(replace(run, planned=False), NO_ENDPOINT) == ""


@pytest.mark.parametrize("verdict", Verdict)
def test_a_run_is_green_exactly_where_its_verdict_is_good(verdict: Verdict) -> None:
    good = verdict in {Verdict.PROMOTED, Verdict.SKIPPED}
    for state in ("success", "failed"):
        run = replace(FAILED, state=state, verdict=verdict)
        assert ("its verdict is" in found(run, NO_ENDPOINT)) == (good != (state == "success"))


def test_a_run_that_was_marked_failed_was_not_skipped() -> None:
    run = replace(FAILED, state="success", verdict=Verdict.SKIPPED, user_actions=(("mark run failed", ""),))
    assert "was marked failed, and its report calls it skipped" in found(run, NO_ENDPOINT)


def test_a_verdict_says_why() -> None:
    run = replace(FAILED, state="success", verdict=Verdict.SKIPPED, reason="None")
    assert "does not say why" in found(run, NO_ENDPOINT)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"status": None}, "is gone, though runs were promoted"),
        ({"status": "Failed"}, "is Failed with run"),
        ({"serving_config": "other"}, "with other, which no run has reported promoted"),
        ({"promotion": "other"}, "though other was promoted last"),
        ({"answers": False}, "does not answer"),
        ({"lease_holder": "run"}, "still holds the lease of endpoint"),
        ({"claims": ("run",)}, "run has ended and still claims a training for endpoint"),
    ],
)
def test_an_endpoint_that_is_not_as_promoted_is_found(change: dict[str, Any], sentence: str) -> None:
    assert sentence in found(endpoint=replace(SERVING, **change))


def test_an_endpoint_that_a_rolled_back_first_deployment_left_is_found() -> None:
    assert "no run has reported promoted" in found(replace(FAILED, verdict=Verdict.ROLLED_BACK))


def test_a_model_of_older_data_may_not_follow_one_of_newer_data() -> None:
    newer = replace(PROMOTED, run_name="new", promoted_config="new", listed_at=datetime(2024, 1, 3, tzinfo=UTC))
    assert "went back to run, though new is of newer data" in found(newer=newer)
    assert found(newer, replace(SERVING, serving_config="new", promotion="new"), earlier=PROMOTED) == ""
