from __future__ import annotations

import json

import pytest

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.settings.deployment import given_settings, names


def test_one_variable_serves_all_dags() -> None:
    variable = {"bucket": "my-bucket", "max_delete": 5, "poll_seconds": 1, "owner": None}
    assert given_settings(json.dumps(variable)) == {"bucket": "my-bucket", "max_delete": 5, "poll_seconds": 1}
    assert given_settings(None) == {}


@pytest.mark.parametrize("name", ["feature_columns", "endpoint_name", "idle_days", "model_name"])
def test_a_pipelines_setting_is_refused_naming_its_place(name: str) -> None:
    with pytest.raises(SettingError, match=rf"{name} in Variable sagemaker_pca is not the deployment's .* DAG file"):
        given_settings(json.dumps({name: 1}))


def test_a_misspelt_setting_is_refused_naming_the_nearest() -> None:
    with pytest.raises(SettingError, match=r"max_delet in Variable .* Did you mean max_delete\?"):
        given_settings('{"max_delet": 1}')


def test_a_name_near_to_none_is_told_what_may_be_given() -> None:
    with pytest.raises(SettingError) as error:
        given_settings('{"qqq": 1}')
    assert all(name in str(error.value) for name in names())


@pytest.mark.parametrize("text", ["[]", '"text"', "3", '{"bucket": "b",}', "bucket=b"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match=r"Variable sagemaker_pca is .* must be an object of settings"):
        given_settings(text)
