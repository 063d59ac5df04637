from __future__ import annotations

from sagemaker_pca.deployment_history import DeploymentHistory, PastDeployment


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
