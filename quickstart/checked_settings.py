"""The settings of a run as the user gave them, checked before anything is started for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quickstart.processes import QuickstartError
from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.settings.pipeline import PcaRunConfig, resolve

# Where the raw data lies: the quick start uploads it.
OWN_SETTINGS = ("bucket", "raw_data_uri")


def refuse_own(settings: Mapping[str, Any]) -> None:
    """Refuse settings that the quick start gives itself.

    Raises:
        QuickstartError: naming the first of them
    """
    if own := [name for name in OWN_SETTINGS if name in settings]:
        raise QuickstartError(f"{own[0]} is set by the quick start, which uploads what DATA names. Leave it out.")


def checked_config(settings: Mapping[str, Any]) -> PcaRunConfig:
    """The settings of a run, checked as the run itself will check them.

    Raises:
        QuickstartError: when they contradict each other, or one is unknown or out of range
    """
    try:
        return resolve(settings, {}).config
    except SettingError as error:
        raise QuickstartError(str(error)) from None


def with_components(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with no more components than feature columns where the user chose the columns alone."""
    default = int(PcaRunConfig.model_fields["num_components"].default)
    columns = settings.get("feature_columns")
    if "num_components" in settings or not isinstance(columns, list | tuple) or not columns:
        return dict(settings)
    return {**settings, "num_components": min(default, len(columns))}
