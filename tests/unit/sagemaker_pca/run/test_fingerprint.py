from typing import Any

import pytest

from sagemaker_pca.run.fingerprint import run_fingerprint
from sagemaker_pca.run.plan import RawFile
from tests.run_plans import INPUTS, plan_of

VPC = {"Subnets": ["subnet-0a1b2c3d"], "SecurityGroupIds": ["sg-0123456789abcdef0"]}


def fingerprint(**settings: Any) -> str:
    return run_fingerprint(plan_of(**settings), INPUTS)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_components": 2},
        {"missing_values": "zero"},
        {"explained_variance": 0.9},
        {"monitoring_limits": "theoretical"},
        {"newlines_in_cells": True},
        {"min_explained_variance": 0.9},
        {"vpc_config": VPC},
        {"serving_role": "another-role"},
        {"serving_instance_count": 2},
        {"endpoint_name": "another"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_decides_the_model_or_how_it_is_served_makes_another_run(settings: dict[str, Any]) -> None:
    assert fingerprint(**settings) != fingerprint()


@pytest.mark.parametrize(
    "settings",
    [
        {"training_volume_gb": 100},
        {"processing_instance_count": 3},
        {"training_instance_count": 2},
        {"processing_role": "another-role"},
        {"smoke_test_rows": 5},
        {"poll_seconds": 1},
        {"owner": "somebody"},
        {"expires_after_days": 7},
        {"force": True},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_how_a_run_is_carried_out_makes_no_other_one(settings: dict[str, Any]) -> None:
    assert fingerprint(**settings) == fingerprint()


def test_other_code_or_raw_files_make_another_run() -> None:
    inputs = [
        INPUTS.model_copy(update={"code_digest": "other"}),
        INPUTS.model_copy(update={"raw_files": (RawFile(key="a.csv", size=1, etag="e"),)}),
        INPUTS.model_copy(update={"raw_bucket": "other"}),
    ]
    assert len({run_fingerprint(plan_of(), one) for one in [INPUTS, *inputs]}) == 4
    # The arguments that lie beside the code follow from settings, which say themselves what they decide.
    assert run_fingerprint(plan_of(), INPUTS.model_copy(update={"code_uri": "s3://b/code-other/"})) == fingerprint()
