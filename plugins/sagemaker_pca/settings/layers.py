"""What every settings model shares: its fields' help, what each decides, and the layers its values come from. Pure.

A value is the run's, else the pipeline's (its DAG file), else the deployment's (a Variable), else built in.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Generic, Literal, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from sagemaker_pca.exceptions import SettingError

Origin = Literal["run", "pipeline", "deployment", "built-in"]
Decides = Literal["model", "deployment", "nothing"]
Settings = TypeVar("Settings", bound=BaseModel)
Given = Mapping[str, Any]
NOTHING: Given = MappingProxyType({})


class Resolved(NamedTuple, Generic[Settings]):
    """Settings with the layer that each value came from."""

    config: Settings
    origins: dict[str, Origin]


class Effect(NamedTuple):
    """What a setting decides: the model, how it is deployed, or nothing that is in service after the run."""

    decides: Decides


class ServiceDocument(NamedTuple):
    """A setting that SageMaker gets as it is: the shape that the service's model has for it."""

    shape: str


class OfDeployment:
    """Marks a setting that is the deployment's: one value for all DAGs of an Airflow, unless a DAG file says other."""


def setting(default: Any, section: str, help_text: str, *, of_deployment: bool = False, **constraints: Any) -> Any:
    """One setting: pydantic's Field with the form's section and the help text made obligatory.

    :param of_deployment: whether the deployment's Variable gives it; else it is a DAG file's
    """
    field: FieldInfo = Field(default, description=help_text, json_schema_extra={"section": section}, **constraints)
    field.metadata.extend([OfDeployment()] if of_deployment else [])
    return field


def model_setting(default: Any, section: str, help_text: str, **constraints: Any) -> Any:
    """A setting of a run that decides which model it makes, or whether that may be served."""
    return _run_setting("model", default, section, help_text, **constraints)


def serving_setting(default: Any, section: str, help_text: str, **constraints: Any) -> Any:
    """A setting of a run that decides where and how its model is served."""
    return _run_setting("deployment", default, section, help_text, **constraints)


def execution_setting(default: Any, section: str, help_text: str, **constraints: Any) -> Any:
    """A setting of a run that decides how it is carried out, and nothing of what is in service afterwards."""
    return _run_setting("nothing", default, section, help_text, **constraints)


def as_document(shape: str, field: FieldInfo) -> Any:
    """A setting that is handed on to SageMaker, which has to have the service's shape."""
    field.metadata.append(ServiceDocument(shape))
    return field


def _run_setting(decides: Decides, default: Any, section: str, help_text: str, **constraints: Any) -> Any:
    field: FieldInfo = setting(default, section, help_text, **constraints)
    field.metadata.append(Effect(decides))
    return field


@functools.cache
def deployment_names(model: type[BaseModel]) -> frozenset[str]:
    """The settings that the deployment's Variable may give; all others are the pipeline's."""
    fields = model.model_fields.items()
    return frozenset(name for name, field in fields if any(isinstance(mark, OfDeployment) for mark in field.metadata))


def what_decides(model: type[BaseModel]) -> dict[str, Decides]:
    """Per setting of a run, what it decides."""
    effects = ((name, item) for name, field in model.model_fields.items() for item in field.metadata)
    return {name: item.decides for name, item in effects if isinstance(item, Effect)}


def service_documents(model: type[BaseModel]) -> dict[str, str]:
    """Per setting that is handed on to SageMaker, the shape that it has to have."""
    documents = ((name, item) for name, field in model.model_fields.items() for item in field.metadata)
    return {name: item.shape for name, item in documents if isinstance(item, ServiceDocument)}


def resolve_layers(
    model: type[Settings], run: Mapping[str, Any], pipeline: Mapping[str, Any], deployment: Mapping[str, Any]
) -> Resolved[Settings]:
    """Merge what the run was given over the pipeline's settings over the deployment's over the built-in defaults.

    The trigger form sends every field, changed or not: what equals the layers below is not the run's decision, and
    stays theirs. None means "not given", but where a pipeline's setting may be unset: the form then unsets it.

    :param deployment: the deployment's settings for all DAGs; those that the model does not have are others' affair
    Raises:
        SettingError: on an unknown name (naming the nearest) or a value out of range (naming what is allowed).
    """
    refuse_unknown(model, run, "params")
    refuse_unknown(model, pipeline, "the DAG file's settings")
    of_pipeline = {name: value for name, value in pipeline.items() if _is_given(model, name, value)}
    of_deployment = {name: value for name, value in deployment.items() if name in model.model_fields}
    given = of_deployment | of_pipeline
    origins: dict[str, Origin] = dict.fromkeys(of_deployment, "deployment")
    origins |= dict.fromkeys(of_pipeline, "pipeline")
    for name, value in run.items():
        below = given.get(name, model.model_fields[name].default)
        if _is_given(model, name, value) and as_json(value) != as_json(below):
            given[name] = value
            origins[name] = "run"
    config = validated(model, given, origins)
    return Resolved(config, {name: origins.get(name, "built-in") for name in model.model_fields})


def _is_given(model: type[BaseModel], name: str, value: Any) -> bool:
    return value is not None or (may_be_unset(model, name) and name not in deployment_names(model))


def may_be_unset(model: type[BaseModel], name: str) -> bool:
    """Whether None is a value of the setting."""
    return type(None) in get_args(model.model_fields[name].annotation)


def as_json(value: Any) -> Any:
    """The value as JSON and the trigger form have it."""
    return list(value) if isinstance(value, tuple) else value


def validated(model: type[Settings], given: Mapping[str, Any], origins: Mapping[str, str]) -> Settings:
    """The settings that the given values make; each refusal names the value, and where it came from.

    Raises:
        SettingError: on the values that are refused, all at once.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise SettingError("\n".join(_sentence(item, origins) for item in error.errors())) from None


def refuse_unknown(model: type[BaseModel], given: Mapping[str, Any], where: str) -> None:
    """Raise SettingError for the first name that is no setting, with the nearest one that is."""
    for name in given:
        if name not in model.model_fields:
            import difflib  # not at the top: DAG files import this module, and only a misspelt name needs that one

            nearest = difflib.get_close_matches(name, model.model_fields, n=1, cutoff=0.4)
            hint = f"Did you mean {nearest[0]}?" if nearest else "See docs/settings.md."
            raise SettingError(f"{name} in {where} is no setting of this pipeline. {hint}")


def _sentence(error: Any, origins: Mapping[str, str]) -> str:
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    name = str(error["loc"][0])
    return f"{name}={error['input']!r} ({origins.get(name, 'built-in')}): {error['msg']}."
