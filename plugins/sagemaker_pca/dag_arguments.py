"""What a DAG file may say of a DAG, beside its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker_pca.exceptions import SettingError


def merged_arguments(given: Mapping[str, Any], **ours: Any) -> dict[str, Any]:
    """The arguments of a DAG: a file's own over ours, and its default arguments of tasks over ours, one by one.

    Raises:
        SettingError: on `params`, which are the settings. The DAG file then shows as an import error.
    """
    if "params" in given:
        raise SettingError("params are the DAG's settings. Give them as settings={…}.")
    arguments = {**ours, **given}
    if "default_args" in given:
        arguments["default_args"] = {**ours["default_args"], **given["default_args"]}
    return arguments
