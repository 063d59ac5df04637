from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_pca.endpoints.records import DeploymentHistory, PastDeployment


def past(number: int) -> PastDeployment:
    return PastDeployment(run_name=f"run-{number}", endpoint_config_name=f"c-{number}", model_name=f"m-{number}")


def history_of(count: int) -> DeploymentHistory:
    history = DeploymentHistory()
    for number in range(count):
        history = history.with_newest(past(number))
    return history


def test_newest_and_the_last_kept_ones_stay() -> None:
    assert history_of(6).superseded(keep=3) == (past(0), past(1))
    assert history_of(4).superseded(keep=3) == ()
    assert history_of(0).superseded(keep=1) == ()


def test_deployment_noted_twice_is_one() -> None:
    history = history_of(3).with_newest(past(2))
    assert history == history_of(3)


def test_deployment_that_comes_back_is_the_newest() -> None:
    assert history_of(3).with_newest(past(0)).deployments == (past(1), past(2), past(0))


def test_what_is_gone_is_forgotten() -> None:
    assert history_of(3).without((past(0),)).deployments == (past(1), past(2))


def test_failed_deployments_push_no_good_one_out() -> None:
    history = history_of(2)
    for number in range(2, 5):
        history = history.with_newest(past(number).model_copy(update={"verified": False}))
    history = history.with_newest(past(5))
    assert [gone.run_name for gone in history.superseded(keep=2)] == ["run-2", "run-3", "run-4"]


@pytest.mark.parametrize("keep", [1, 2, 5])
@given(st.lists(st.booleans(), max_size=8))
def test_the_good_one_before_the_newest_never_goes(keep: int, verified: list[bool]) -> None:
    history = DeploymentHistory()
    for number, good in enumerate([*verified, True]):
        history = history.with_newest(past(number).model_copy(update={"verified": good}))
    gone = history.superseded(keep)
    before = [item for item in history.deployments[:-1] if item.verified]
    assert not set(before[-keep:]) & set(gone)
    assert history.deployments[-1] not in gone
    assert set(gone) | set(before[-keep:]) == set(history.deployments[:-1])


def test_what_another_airflow_deployed_before_a_take_over_is_not_ours_to_delete() -> None:
    history = DeploymentHistory()
    for number, deployment in enumerate(["theirs", "theirs", "ours", "ours", "ours"]):
        history = history.with_newest(past(number).model_copy(update={"deployment_id": deployment}))
    assert [gone.run_name for gone in history.superseded(1, "ours")] == ["run-2"]


def test_a_history_of_an_earlier_release_is_read() -> None:
    item = {"run_name": "r", "endpoint_config_name": "c", "model_name": "m"}
    history = DeploymentHistory.model_validate({"schema_version": 1, "deployments": [item]})
    assert history.deployments[0].verified
