"""The settings of a deployment: one value for all DAGs of an Airflow, from one Variable. Pure."""

from __future__ import annotations

import difflib
import functools
import json
from typing import Any

from pydantic import BaseModel

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from sagemaker_pca.settings.layers import deployment_names
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.settings.transform import TransformConfig

VARIABLE_NAME = "sagemaker_pca"
# Of earlier releases: each with where its settings have their place now.
GONE_VARIABLES = {
    "sagemaker_endpoints": "Safety settings have their place in Variable sagemaker_pca, commands in the DAG file.",
    "sagemaker_pca_batch_transform": "Its settings have their place in the DAG file, or in Variable sagemaker_pca.",
}
MODELS: tuple[type[BaseModel], ...] = (PcaRunConfig, TransformConfig, EndpointCommand)


@functools.cache
def names() -> frozenset[str]:
    """Every setting that the Variable may give."""
    return frozenset().union(*map(deployment_names, MODELS))


def given_settings(text: str | None) -> dict[str, Any]:
    """What the Variable gives; null in it is "not given".

    :param text: of the Variable, None where there is no such Variable
    Raises:
        SettingError: when it is no JSON object, or has a name that is no deployment's setting.
    """
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise SettingError(f"Variable {VARIABLE_NAME} is no JSON: {error}. It must be an object of settings.") from None
    if not isinstance(given, dict):
        raise SettingError(
            f"Variable {VARIABLE_NAME} is a JSON {type(given).__name__}; it must be an object of settings."
        )
    for name in given:
        if name not in names():
            raise SettingError(f"{name} in Variable {VARIABLE_NAME} {_what_it_is(name)}")
    return {name: value for name, value in given.items() if value is not None}


def _what_it_is(name: str) -> str:
    if any(name in model.model_fields for model in MODELS):
        return (
            "is not the deployment's but a pipeline's: it has its place in the DAG file, such as "
            f'pca_pipeline("my_pipeline", settings={{"{name}": …}}), and in the trigger form.'
        )
    nearest = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"It may give {', '.join(sorted(names()))}."
    return f"is no setting of a deployment. {hint}"
