"""Puts a DAG's settings on its trigger form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from airflow.sdk import DAG, Param, literal
from pydantic import BaseModel

from sagemaker_pca.settings.form import form_fields
from sagemaker_pca.settings.layers import resolve_layers


def add_form(dag: DAG, model: type[BaseModel], settings: Mapping[str, Any]) -> None:
    """Check what the DAG file sets, and show it on the form.

    To be called last: every task made later would carry a copy of all fields, which makes the file slow to parse and
    the serialized DAG eight times as large.

    Raises:
        SettingError: on a setting that is none or is out of range. The DAG file then shows as an import error.
    """
    # What is built in needs no check, which would take as long as all else here.
    if any(
        name not in model.model_fields or value != model.model_fields[name].default for name, value in settings.items()
    ):
        resolve_layers(model, {}, settings, {})
    dag.params.update({name: Param(**field, source="dag") for name, field in form_fields(model, settings).items()})


def untemplated(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The DAG file's settings as an argument of a task, as they are: the form's are no templates either."""
    return cast("Mapping[str, Any]", literal(dict(settings)))


def form_settings(dag: DAG) -> dict[str, Any]:
    """What the form of a DAG shows, and with that what its runs have unless they are given something else."""
    return {name: dag.params.get_param(name).value for name in dag.params}
