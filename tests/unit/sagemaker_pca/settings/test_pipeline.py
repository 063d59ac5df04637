import math
from typing import Any

import pytest
from airflow.sdk import Param
from airflow.sdk.exceptions import ParamValidationError

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.settings.layers import default_text, form_fields, what_decides
from sagemaker_pca.settings.pipeline import PcaRunConfig, resolve

FIELDS = form_fields(PcaRunConfig)
COLUMNS_10_000 = tuple(f"column {number}" for number in range(10_000))


def refusal(params: dict[str, Any], variable: dict[str, Any] | None = None) -> str:
    with pytest.raises(SettingError) as error:
        resolve(params, variable or {})
    return str(error.value)


def test_explicit_params_win_over_the_variable_and_that_over_the_built_in_defaults() -> None:
    config, origins = resolve({"num_components": 2}, {"num_components": 1, "mini_batch_size": 50})
    assert (config.num_components, origins["num_components"]) == (2, "param")
    assert (config.mini_batch_size, origins["mini_batch_size"]) == (50, "variable")
    assert (config.min_rows, origins["min_rows"]) == (100, "built-in")


def test_every_setting_has_an_origin() -> None:
    assert resolve({}, {}).origins == dict.fromkeys(PcaRunConfig.model_fields, "built-in")


@pytest.mark.parametrize("layer", ["params", "variable"])
def test_none_means_not_given(layer: str) -> None:
    nothing = dict.fromkeys(PcaRunConfig.model_fields)
    config, origins = resolve(nothing, {}) if layer == "params" else resolve({}, nothing)
    assert config == PcaRunConfig()
    assert set(origins.values()) == {"built-in"}


def test_none_in_params_leaves_the_value_to_the_variable() -> None:
    config, origins = resolve({"decimal": None}, {"decimal": ",", "delimiter": ";"})
    assert (config.decimal, origins["decimal"]) == (",", "variable")


def test_falsy_values_are_given_values() -> None:
    config, origins = resolve({"subtract_mean": False, "lease_wait_seconds": 0}, {"subtract_mean": True})
    assert (config.subtract_mean, config.lease_wait_seconds) == (False, 0)
    assert origins["subtract_mean"] == origins["lease_wait_seconds"] == "param"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("n_components", "num_components"), ("endpoint", "endpoint_name"), ("feature_cols", "feature_columns")],
)
def test_unknown_setting_is_refused_naming_the_nearest(name: str, nearest: str) -> None:
    message = refusal({name: None})
    assert message == f"{name} in params is no setting of this pipeline. Did you mean {nearest}?"


def test_unknown_setting_in_the_variable_says_where_it_stands() -> None:
    assert "num_component in Variable sagemaker_pca is no setting" in refusal({}, {"num_component": 2})


def test_unknown_setting_near_to_none_points_to_the_table() -> None:
    assert refusal({"qqq": 1}).endswith("See the settings table in the README.")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("num_components", 0, "greater than or equal to 1"),
        ("num_components", "many", "valid integer"),
        ("max_null_fraction", 1.5, "less than or equal to 1"),
        ("max_null_fraction", math.nan, "less than or equal to 1"),
        ("poll_seconds", math.inf, "less than or equal to 300"),
        ("max_runtime_seconds", 59, "greater than or equal to 60"),
        ("missing_values", "median", "'zero', 'mean', 'drop' or 'fail'"),
        ("delimiter", ":", "',', ';', '\\t' or '|'"),
        ("endpoint_name", "pca_endpoint", "should match pattern"),
        ("endpoint_name", "a" * 64, "at most 63 characters"),
        ("endpoint_name", "pca-endpoint\n", "should match pattern"),
        ("raw_data_uri", "/data/raw", "should match pattern '^s3://"),
        ("bucket", "Upper", "should match pattern"),
        ("training_instance_type", "m5.large", "should match pattern '^ml"),
        ("processing_role", "my role", "should match pattern"),
        ("serving_role", "arn:aws:iam::12:role/x", "should match pattern"),
        ("pca_image", None, "Did you mean"),
        ("training_image_uri", "pca 1", "should match pattern"),
        ("owner", "a;b", "should match pattern"),
        ("feature_columns", [], "at least 1 item"),
        ("feature_columns", "Ch5", "valid tuple"),
        ("feature_columns", [*COLUMNS_10_000, "one more"], "at most 10000 items"),
        ("deployment_config", "rolling", "valid dictionary"),
    ],
)
def test_refusal_names_the_setting_and_what_is_allowed(name: str, value: Any, allowed: str) -> None:
    message = refusal({name: value})
    assert message.startswith(name)
    assert allowed in message


@pytest.mark.parametrize(("layer", "origin"), [("params", "param"), ("variable", "variable")])
def test_refusal_quotes_the_value_and_the_layer_it_came_from(layer: str, origin: str) -> None:
    bad = {"min_rows": -5}
    message = refusal(bad) if layer == "params" else refusal({}, bad)
    assert message.startswith(f"min_rows=-5 ({origin}): ")


def test_all_refused_settings_are_named_at_once() -> None:
    message = refusal({"min_rows": 0, "decimal": ";"})
    assert [line.split("=")[0] for line in message.splitlines()] == ["decimal", "min_rows"]


@pytest.mark.parametrize("name", ["", "a\nb", "a\rb", "a\x85b", "a\u2028b"])
def test_column_names_that_end_a_line_are_refused(name: str) -> None:
    assert "should match pattern" in refusal({"feature_columns": [name], "num_components": 1})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"num_components": 9, "feature_columns": list("abcdefgh")},
            "num_components=9 exceeds the 8 feature columns. Lower num_components or add columns.",
        ),
        (
            {"feature_columns": ["b", "a", "b", "a"]},
            "feature_columns names a, b more than once. Name each column once.",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused_with_the_cure(params: dict[str, Any], message: str) -> None:
    assert refusal(params) == message


@pytest.mark.parametrize("hosts", [1, 5])
@pytest.mark.parametrize(
    "settings", [{"decimal": ","}, {"scaling": "standardize"}, {"missing_values": "mean"}], ids=str
)
def test_settings_that_work_together_are_accepted_on_any_number_of_hosts(settings: dict[str, Any], hosts: int) -> None:
    assert resolve({"processing_instance_count": hosts, **settings}, {}).config.processing_instance_count == hosts


@pytest.mark.parametrize("settings", [{"scaling": "standardize"}, {"missing_values": "mean"}], ids=str)
def test_several_hosts_need_a_profile_for_statistics_of_the_whole_data(settings: dict[str, Any]) -> None:
    assert PcaRunConfig(processing_instance_count=2, **settings).why_no_profile is None
    assert "one host finds the means" in str(PcaRunConfig(processing_instance_count=1, **settings).why_no_profile)


@pytest.mark.parametrize("policy", ["zero", "drop", "fail"])
def test_raw_features_need_no_profile(policy: Any) -> None:
    config = PcaRunConfig(processing_instance_count=2, missing_values=policy)
    assert config.why_no_profile == f"No profile needed: scaling=none and missing_values={policy} take no means."


def test_ten_thousand_columns_are_accepted() -> None:
    assert resolve({"feature_columns": COLUMNS_10_000}, {}).config.feature_dim == 10_000


def test_the_settings_survive_xcom() -> None:
    config = resolve({"feature_columns": ["a", "b"], "num_components": 2, "deployment_config": {"x": [1]}}, {}).config
    assert PcaRunConfig.model_validate_json(config.model_dump_json()) == config


# --- the trigger form ------------------------------------------------------------------------------------------------


def test_the_form_has_a_field_for_every_setting() -> None:
    assert list(FIELDS) == list(PcaRunConfig.model_fields)


@pytest.mark.parametrize("name", FIELDS)
def test_an_empty_field_is_valid_and_means_not_given(name: str) -> None:
    assert Param(**FIELDS[name]).resolve() is None
    assert Param(**FIELDS[name]).resolve(None) is None


@pytest.mark.parametrize("name", FIELDS)
def test_the_form_can_draw_the_field(name: str) -> None:
    field = FIELDS[name]
    # The first type decides what is drawn; a switch would show "not given" as off.
    assert field["type"][0] in {"string", "integer", "number", "array", "object"}
    assert field["type"][-1] == "null"
    assert field["section"]
    assert field["description"] == field["description"].strip()
    assert not {"$ref", "anyOf", "$defs"} & field.keys()


def good_values() -> dict[str, Any]:
    """A value for every setting: its default, and for those without one something that fits."""
    defaults = {name: field.default for name, field in PcaRunConfig.model_fields.items()}
    for_unset = {
        "bucket": "my-bucket",
        "mini_batch_size": 100,
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
    assert resolve({name: value}, {}).origins[name] == "param"


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
        ("deployment_config", []),
        ("processing_role", "my role"),
    ],
)
def test_the_form_refuses_a_bad_value_before_the_run_starts(name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        Param(**FIELDS[name]).resolve(value)


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), (True, True), (False, False)])
def test_a_yes_or_no_comes_as_text_from_the_form_and_as_json_from_the_command_line(value: Any, expected: bool) -> None:
    assert Param(**FIELDS["subtract_mean"]).resolve(value) == value
    assert resolve({"subtract_mean": value}, {}).config.subtract_mean is expected


def test_help_texts_name_the_built_in_default() -> None:
    assert FIELDS["feature_columns"]["description"].endswith("Built-in default: Ch5, Ch6, Ch7, Ch8.")
    assert FIELDS["subtract_mean"]["description"].endswith("Built-in default: true.")
    assert default_text(PcaRunConfig, "bucket") == ""


def test_column_names_are_stripped_once_for_everybody() -> None:
    assert resolve({"feature_columns": [" a", "b\t"], "num_components": 1}, {}).config.feature_columns == ("a", "b")
    assert "names a more than once" in refusal({"feature_columns": ["a", "a "], "num_components": 1})
    assert "feature_columns" in refusal({"feature_columns": ["a", "  "], "num_components": 1})


def test_every_setting_of_a_run_says_what_it_decides() -> None:
    assert what_decides(PcaRunConfig).keys() == PcaRunConfig.model_fields.keys()
