"""What a deployment of this project sets for all its runs: Airflow Variables that hold JSON objects of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Variable

from sagemaker_pca.exceptions import SettingError


def deployment_defaults(variable_name: str) -> Mapping[str, Any]:
    """Settings from an Airflow Variable, none when it is not there.

    Raises:
        SettingError: when the Variable is no JSON object.
    """
    defaults = Variable.get(variable_name, default=None, deserialize_json=True) or {}
    if not isinstance(defaults, dict):
        raise SettingError(
            f"Variable {variable_name} is a JSON {type(defaults).__name__}; it must be an object of settings."
        )
    return defaults
