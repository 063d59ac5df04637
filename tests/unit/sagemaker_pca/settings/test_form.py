from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import Param
from airflow.sdk.exceptions import ParamValidationError
from pydantic import BaseModel

from sagemaker_pca.settings.endpoint_command import EndpointCommand
from sagemaker_pca.settings.form import form_fields
from sagemaker_pca.settings.layers import deployment_names, may_be_unset
from sagemaker_pca.settings.pipeline import PcaRunConfig, resolve
from sagemaker_pca.settings.transform import TransformConfig

MODELS = (PcaRunConfig, TransformConfig, EndpointCommand)
# With the deployment's settings asked for, each of them left to the deployment.
FIELDS = form_fields(PcaRunConfig, dict.fromkeys(deployment_names(PcaRunConfig)))
EVERY_FIELD = [
    pytest.param(model, name, field, id=f"{model.__name__}.{name}")
    for model in MODELS
    for name, field in form_fields(model, dict.fromkeys(deployment_names(model))).items()
]


@pytest.mark.parametrize("model", MODELS)
def test_the_form_has_a_field_for_every_setting_that_is_not_the_deployments(model: type[BaseModel]) -> None:
    assert form_fields(model, {}).keys() == model.model_fields.keys() - deployment_names(model)


@pytest.mark.parametrize(("model", "name", "field"), EVERY_FIELD)
def test_an_untouched_field_is_valid_and_shows_the_value_in_force(
    model: type[BaseModel], name: str, field: dict[str, Any]
) -> None:
    shown = None if name in deployment_names(model) else model.model_fields[name].default
    assert Param(**field).resolve() == (list(shown) if isinstance(shown, tuple) else shown)


@pytest.mark.parametrize(("model", "name", "field"), EVERY_FIELD)
def test_only_a_field_that_may_be_left_empty_may_be_emptied(
    model: type[BaseModel], name: str, field: dict[str, Any]
) -> None:
    if may_be_unset(model, name) or name in deployment_names(model):
        assert Param(**field).resolve(None) is None
    else:
        with pytest.raises(ParamValidationError):
            Param(**field).resolve(None)


@pytest.mark.parametrize(("model", "name", "field"), EVERY_FIELD)
def test_the_form_can_draw_the_field(model: type[BaseModel], name: str, field: dict[str, Any]) -> None:
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    assert kinds[0] in {"string", "integer", "number", "boolean", "array", "object"}
    assert field["section"]
    assert field["title"] == name
    assert field["description"] == field["description"].strip()


@pytest.mark.parametrize(("model", "name", "field"), EVERY_FIELD)
def test_the_form_knows_the_bounds_that_the_settings_have(
    model: type[BaseModel], name: str, field: dict[str, Any]
) -> None:
    """Pydantic's own JSON schema of the setting, which takes longer to make than everything else of a DAG file."""
    schema = model.model_json_schema()["properties"][name]
    schema |= next((option for option in schema.get("anyOf", ()) if option.get("type") != "null"), {})
    bounds = {"minimum", "exclusiveMinimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "enum"}
    bounds |= {"pattern"} if schema["type"] != "boolean" else set()
    assert {key: field[key] for key in bounds & field.keys()} == {key: schema[key] for key in bounds & schema.keys()}
    if schema["type"] == "array":
        assert field["items"] == schema["items"]


def test_a_dag_file_fills_the_form_in() -> None:
    fields = form_fields(PcaRunConfig, {"num_components": 2, "owner": "us", "feature_columns": ("a", "b")})
    assert fields["num_components"]["default"] == 2
    assert fields["feature_columns"]["default"] == ["a", "b"]
    assert fields["owner"]["default"] == "us"
    assert "poll_seconds" not in fields


def good_values() -> dict[str, Any]:
    """A value for every setting: its default, and for those without one something that fits."""
    defaults = {name: field.default for name, field in PcaRunConfig.model_fields.items()}
    for_unset = {
        "bucket": "my-bucket",
        "mini_batch_size": 100,
        "explained_variance": 0.95,
        "max_exceedance": 0.05,
        "max_mean_shift": 1.5,
        "raw_data_uri": "s3://my-bucket/raw/",
        "processing_image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1",
        "training_image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/pca:1",
        "deployment_config": {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}}},
        "expires_after_days": 7,
        "vpc_config": {"Subnets": ["subnet-0a1b2c3d"], "SecurityGroupIds": ["sg-0a1b2c3d"]},
    }
    assert set(for_unset) == {name for name, value in defaults.items() if value is None}
    values = {**defaults, **for_unset}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@pytest.mark.parametrize(("name", "value"), good_values().items())
def test_the_form_and_the_pipeline_accept_the_same_good_value(name: str, value: Any) -> None:
    assert Param(**FIELDS[name]).resolve(value) == value
    resolve({name: value}, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_components", 0),
        ("num_components", "3"),
        ("max_null_fraction", 1.01),
        ("decimal", ";"),
        ("delimiter", ""),
        ("endpoint_name", "pca_endpoint"),
        ("feature_columns", []),
        ("feature_columns", "Ch5"),
        ("feature_columns", [""]),
        ("subtract_mean", "yes"),
        ("job_logs", "yes"),
        ("deployment_config", []),
        ("processing_role", "my role"),
    ],
)
def test_the_form_refuses_a_bad_value_before_the_run_starts(name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        Param(**FIELDS[name]).resolve(value)


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), (True, True), (False, False)])
def test_a_deployments_yes_or_no_is_a_text_field_that_can_be_left_empty(value: Any, expected: bool) -> None:
    assert FIELDS["job_logs"]["type"][0] == "string"
    assert Param(**FIELDS["job_logs"]).resolve(value) == value
    assert resolve({"job_logs": value}, {}).config.job_logs is expected


def test_a_field_of_the_deployments_says_that_it_may_be_left_empty() -> None:
    assert FIELDS["owner"]["description"].endswith("Left empty: the deployment's.")
    assert "Left empty" not in FIELDS["num_components"]["description"]
