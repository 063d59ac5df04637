from __future__ import annotations

from typing import Any

import pytest

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.settings.form import form_fields
from sagemaker_pca.settings.pipeline import PcaRunConfig, resolve

LAYERS = ("run", "pipeline", "deployment")


def refusal(**layers: dict[str, Any]) -> str:
    with pytest.raises(SettingError) as error:
        resolve(*(layers.get(layer, {}) for layer in LAYERS))
    return str(error.value)


def test_a_run_wins_over_its_pipeline_and_that_over_the_deployment_and_that_over_what_is_built_in() -> None:
    config, origins = resolve(
        {"num_components": 2, "owner": "me"},
        {"num_components": 1, "mini_batch_size": 50, "poll_seconds": 2, "owner": "us"},
        {"poll_seconds": 1, "job_logs": False, "owner": "everybody"},
    )
    assert (config.num_components, origins["num_components"]) == (2, "run")
    assert (config.owner, origins["owner"]) == ("me", "run")
    assert (config.mini_batch_size, origins["mini_batch_size"]) == (50, "pipeline")
    assert (config.poll_seconds, origins["poll_seconds"]) == (2, "pipeline")
    assert (config.job_logs, origins["job_logs"]) == (False, "deployment")
    assert (config.min_rows, origins["min_rows"]) == (100, "built-in")


def test_every_setting_has_an_origin() -> None:
    assert resolve({}, {}).origins == dict.fromkeys(PcaRunConfig.model_fields, "built-in")


def test_what_a_form_sends_untouched_hides_no_lower_layer() -> None:
    pipeline = {"num_components": 2, "feature_columns": ["a", "b"], "mini_batch_size": 7, "owner": None}
    deployment = {"owner": "everybody", "poll_seconds": 1}
    untouched = {name: field["default"] for name, field in form_fields(PcaRunConfig, pipeline).items()}
    assert resolve(untouched, pipeline, deployment) == resolve({}, pipeline, deployment)
    config, origins = resolve(untouched, pipeline, deployment)
    assert (config.owner, origins["owner"], origins["num_components"]) == ("everybody", "deployment", "pipeline")


def test_an_emptied_field_unsets_what_may_be_unset() -> None:
    config, origins = resolve({"mini_batch_size": None}, {"mini_batch_size": 50})
    assert (config.mini_batch_size, origins["mini_batch_size"]) == (None, "run")


@pytest.mark.parametrize("name", ["decimal", "owner", "vpc_config"])
def test_none_is_not_given_where_it_is_no_value_or_the_deployments_to_say(name: str) -> None:
    vpc = {"Subnets": ["subnet-0a1b2c3d"], "SecurityGroupIds": ["sg-0a1b2c3d"]}
    pipeline = {"decimal": ",", "delimiter": ";", "owner": "us", "vpc_config": vpc}
    assert resolve({name: None}, pipeline) == resolve({}, pipeline)
    assert resolve({}, {name: None}, {"owner": "us", "vpc_config": vpc}) == resolve(
        {}, {}, {"owner": "us", "vpc_config": vpc}
    )


def test_falsy_values_are_given_values() -> None:
    config, origins = resolve({"subtract_mean": False, "lease_wait_seconds": 0}, {"subtract_mean": True})
    assert (config.subtract_mean, config.lease_wait_seconds) == (False, 0)
    assert origins["subtract_mean"] == origins["lease_wait_seconds"] == "run"


def test_a_deployments_settings_for_other_dags_are_passed_over() -> None:
    assert resolve({}, {}, {"max_delete": 5}) == resolve({}, {})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("n_components", "num_components"), ("endpoint", "endpoint_name"), ("feature_cols", "feature_columns")],
)
def test_unknown_setting_is_refused_naming_the_nearest(name: str, nearest: str) -> None:
    message = refusal(run={name: None})
    assert message == f"{name} in params is no setting of this pipeline. Did you mean {nearest}?"


def test_unknown_setting_in_the_dag_file_says_where_it_stands() -> None:
    assert "num_component in the DAG file's settings is no setting" in refusal(pipeline={"num_component": 2})


def test_unknown_setting_near_to_none_points_to_the_table() -> None:
    assert refusal(run={"qqq": 1}).endswith("See docs/settings.md.")


@pytest.mark.parametrize(
    ("layer", "bad"), [("run", {"min_rows": -5}), ("pipeline", {"min_rows": -5}), ("deployment", {"poll_seconds": -5})]
)
def test_refusal_quotes_the_value_and_the_layer_it_came_from(layer: str, bad: dict[str, int]) -> None:
    assert refusal(**{layer: bad}).startswith(f"{next(iter(bad))}=-5 ({layer}): ")
