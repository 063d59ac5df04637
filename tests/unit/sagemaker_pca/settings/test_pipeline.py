import math
from typing import Any

import pytest

from processing.moments import MAX_SCATTER_COLUMNS as JOBS_MAX_SCATTER_COLUMNS
from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.settings.layers import what_decides
from sagemaker_pca.settings.model import MAX_SCATTER_COLUMNS
from sagemaker_pca.settings.pipeline import PcaRunConfig, resolve

COLUMNS_10_000 = tuple(f"column {number}" for number in range(10_000))


def refusal(run: dict[str, Any], pipeline: dict[str, Any] | None = None) -> str:
    with pytest.raises(SettingError) as error:
        resolve(run, pipeline or {})
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("num_components", 0, "greater than or equal to 1"),
        ("num_components", "many", "valid integer"),
        ("max_null_fraction", 1.5, "less than or equal to 1"),
        ("max_null_fraction", math.nan, "less than or equal to 1"),
        ("poll_seconds", math.inf, "less than or equal to 300"),
        ("max_runtime_seconds", 59, "greater than or equal to 60"),
        ("missing_values", "median", "'mean', 'zero', 'drop' or 'fail'"),
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
        (
            {"feature_columns": COLUMNS_10_000, "explained_variance": 0.95},
            "explained_variance=0.95 needs the whole spectrum, which is kept of up to 2,000 feature columns; there are "
            "10,000. Set num_components instead.",
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


def test_a_share_of_the_variance_takes_the_place_of_a_number_of_components() -> None:
    config = resolve({"feature_columns": ["a", "b"], "explained_variance": 0.9}, {}).config
    assert config.num_components > config.feature_dim


def test_a_spectrum_is_asked_for_of_as_many_columns_as_the_job_keeps_scatter_matrices_of() -> None:
    assert MAX_SCATTER_COLUMNS == JOBS_MAX_SCATTER_COLUMNS


@pytest.mark.parametrize("policy", ["zero", "drop", "fail"])
def test_raw_features_need_no_profile(policy: Any) -> None:
    config = PcaRunConfig(processing_instance_count=2, missing_values=policy)
    assert config.why_no_profile == f"No profile needed: scaling=none and missing_values={policy} take no means."


def test_ten_thousand_columns_are_accepted() -> None:
    assert resolve({"feature_columns": COLUMNS_10_000}, {}).config.feature_dim == 10_000


def test_the_settings_survive_xcom() -> None:
    config = resolve({"feature_columns": ["a", "b"], "num_components": 2, "deployment_config": {"x": [1]}}, {}).config
    assert PcaRunConfig.model_validate_json(config.model_dump_json()) == config


def test_column_names_are_stripped_once_for_everybody() -> None:
    assert resolve({"feature_columns": [" a", "b\t"], "num_components": 1}, {}).config.feature_columns == ("a", "b")
    assert "names a more than once" in refusal({"feature_columns": ["a", "a "], "num_components": 1})
    assert "feature_columns" in refusal({"feature_columns": ["a", "  "], "num_components": 1})


def test_every_setting_of_a_run_says_what_it_decides() -> None:
    assert what_decides(PcaRunConfig).keys() == PcaRunConfig.model_fields.keys()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"vpc_config": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "cannot have a vpc_config"),
        ({"deployment_config": {"RollingUpdatePolicy": {"WaitIntervalInSeconds": 1}}}, "has RollingUpdatePolicy"),
        (
            {"deployment_config": {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY"}}}},
            "has CANARY",
        ),
        ({"deployment_config": {"BlueGreenUpdatePolicy": {"TerminationWaitInSeconds": 60}}}, None),
        ({"roll_back_alarms": ["errors"]}, None),
        ({"serverless_memory_gb": 7}, "serverless_memory_gb"),
        ({"serverless_max_concurrency": 201}, "serverless_max_concurrency"),
    ],
)
def test_what_no_serverless_endpoint_can_have_is_refused_with_what_to_do(
    settings: dict[str, Any], words: str | None
) -> None:
    if words:
        assert words in refusal({"serving": "serverless"} | settings)
    else:
        assert resolve({"serving": "serverless"} | settings, {}).config.is_serverless
