from __future__ import annotations

import pytest

from sagemaker_pca.endpoints.ownership import check_own, is_another_deployments, why_not_own
from sagemaker_pca.exceptions import DeploymentError

OURS = {"managed-by": "sagemaker-pca", "deployment-id": "dev"}
THEIRS = OURS | {"deployment-id": "prod", "owner": "team-b"}


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (OURS, None),
        (THEIRS, "tagged deployment-id=prod, and this deployment is dev"),
        ({"managed-by": "sagemaker-pca"}, "not tagged deployment-id=dev"),
        ({"deployment-id": "dev"}, "not tagged managed-by=sagemaker-pca"),
        ({}, "not tagged managed-by=sagemaker-pca"),
    ],
)
def test_an_endpoint_is_ours_by_both_tags(tags: dict[str, str], reason: str | None) -> None:
    assert why_not_own(tags, "dev") == reason


def test_what_no_airflow_made_is_nobody_elses_pipeline() -> None:
    assert not is_another_deployments({"deployment-id": "prod"}, "dev")
    assert not is_another_deployments({"managed-by": "sagemaker-pca"}, "dev")
    assert is_another_deployments(THEIRS, "dev")
    assert is_another_deployments(OURS, None)


def test_a_foreign_endpoint_is_refused_naming_its_owner_and_what_to_do() -> None:
    check_own("e", OURS, "dev", "ecg")
    check_own("e", OURS | {"dag-id": "ecg"}, "dev", "ecg")
    with pytest.raises(DeploymentError) as refusal:
        check_own("e", THEIRS, "dev", "ecg")
    assert str(refusal.value) == (
        "endpoint e is somebody else's: it is tagged deployment-id=prod, and this deployment is dev. "
        "Its tag owner is team-b. "
        "Give endpoint_name another name, or set take_over_endpoint to deploy to it and own it from then on."
    )


def test_an_endpoint_of_another_pipeline_is_refused_by_name() -> None:
    tags = OURS | {"dag-id": "ecg_weekly", "owner": "me"}
    with pytest.raises(DeploymentError) as refusal:
        check_own("e", tags, "dev", "ecg_daily")
    assert str(refusal.value).startswith(
        "endpoint e is the pipeline ecg_weekly's of this Airflow, and this is ecg_daily. Its tag owner is me. "
    )
    check_own("e", tags, "dev", None)
