"""What every settings model shares: its fields' help, the layers its values come from, and its trigger form. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from sagemaker_pca.exceptions import SettingError

Origin = Literal["param", "variable", "built-in"]
Decides = Literal["model", "deployment", "nothing"]
Settings = TypeVar("Settings", bound=BaseModel)


class Resolved(NamedTuple, Generic[Settings]):
    """Settings with the layer that each value came from."""

    config: Settings
    origins: dict[str, Origin]


@dataclass(frozen=True)
class Effect:
    """What a setting decides: the model, how it is deployed, or nothing that is in service after the run."""

    decides: Decides


@dataclass(frozen=True)
class ServiceDocument:
    """A setting that SageMaker gets as it is: the shape that the service's model has for it."""

    shape: str


def setting(default: Any, section: str, help_text: str, **constraints: Any) -> Any:
    """One setting: pydantic's Field with the form's section and the help text made obligatory."""
    return Field(default, description=help_text, json_schema_extra={"section": section}, **constraints)


def model_setting(default: Any, section: str, help_text: str, **constraints: Any) -> Any:
    """A setting of a run that decides which model it makes, or whether that may be served."""
    return _run_setting("model", default, section, help_text, **constraints)


def deployment_setting(default: Any, section: str, help_text: str, **constraints: Any) -> Any:
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


def what_decides(model: type[BaseModel]) -> dict[str, Decides]:
    """Per setting of a run, what it decides."""
    effects = ((name, item) for name, field in model.model_fields.items() for item in field.metadata)
    return {name: item.decides for name, item in effects if isinstance(item, Effect)}


def service_documents(model: type[BaseModel]) -> dict[str, str]:
    """Per setting that is handed on to SageMaker, the shape that it has to have."""
    documents = ((name, item) for name, field in model.model_fields.items() for item in field.metadata)
    return {name: item.shape for name, item in documents if isinstance(item, ServiceDocument)}


def resolve_layers(
    model: type[Settings], params: Mapping[str, Any], variable: Mapping[str, Any], variable_name: str
) -> Resolved[Settings]:
    """Merge explicit params over the deployment's Variable over the built-in defaults.

    A param of None means "not given": the trigger form sends every field, filled in or not.

    Raises:
        SettingError: on an unknown name (naming the nearest) or a value out of range (naming what is allowed).
    """
    refuse_unknown(model, params, "params")
    refuse_unknown(model, variable, f"Variable {variable_name}")
    given: dict[str, Any] = {name: value for name, value in variable.items() if value is not None}
    origins: dict[str, Origin] = dict.fromkeys(given, "variable")
    explicit = {name: value for name, value in params.items() if value is not None}
    given |= explicit
    origins |= dict.fromkeys(explicit, "param")
    config = validated(model, given, origins)
    return Resolved(config, {name: origins.get(name, "built-in") for name in model.model_fields})


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
            nearest = difflib.get_close_matches(name, model.model_fields, n=1, cutoff=0.4)
            hint = f"Did you mean {nearest[0]}?" if nearest else "See the settings table in the README."
            raise SettingError(f"{name} in {where} is no setting of this pipeline. {hint}")


def _sentence(error: Any, origins: Mapping[str, str]) -> str:
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    name = str(error["loc"][0])
    return f"{name}={error['input']!r} ({origins.get(name, 'built-in')}): {error['msg']}."


def form_fields(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Per setting, the keyword arguments of its field in the trigger form.

    Every default is None, "the deployment's default", since the form sends all fields and a value sent
    would win over the Variable. The built-in default stands in the help text.
    """
    properties = model.model_json_schema()["properties"]
    return {name: _form_field(model, name, schema) for name, schema in properties.items()}


def _form_field(model: type[BaseModel], name: str, schema: dict[str, Any]) -> dict[str, Any]:
    # The form draws a field from `type`; pydantic writes optional ones as `anyOf`.
    shape = {key: value for key, value in schema.items() if key not in {"default", "title", "description", "anyOf"}}
    shape |= next((option for option in schema.get("anyOf", ()) if option.get("type") != "null"), {})
    kind = shape["type"]
    shape["type"] = [kind, "null"]
    if "enum" in shape:
        shape |= {"enum": [*shape["enum"], None], "values_display": {"null": "deployment default", "\t": "tab"}}
    if kind == "boolean":
        # A switch cannot be left alone: it would show "not given" as off. A text field with proposals can.
        shape |= {"type": ["string", "boolean", "null"], "examples": ["true", "false"], "pattern": "^(true|false)$"}
    shape.pop("additionalProperties", None)
    help_text = f"{schema['description']} {default_text(model, name)}".strip()
    return {"default": None, "title": name, "description": help_text, **shape}


def default_text(model: type[BaseModel], name: str) -> str:
    """The built-in default of a setting, as a sentence for people; nothing for one that is unset or empty."""
    default = model.model_fields[name].default
    if default is None or default in ((), {}):
        return ""
    shown = ", ".join(default) if isinstance(default, tuple) else json.dumps(default)
    return f"Built-in default: {shown}."
