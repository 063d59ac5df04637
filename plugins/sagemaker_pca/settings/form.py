"""The trigger form's fields, from the settings' own declarations. Pure.

Read off annotations and constraints: a JSON schema would say the same and take longer than all else of a DAG file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from sagemaker_pca.settings.layers import as_json, deployment_names, may_be_unset

TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "pattern": "pattern"}
LENGTHS = {
    "string": {"min_length": "minLength", "max_length": "maxLength"},
    "array": {"min_length": "minItems", "max_length": "maxItems"},
}


def form_fields(model: type[BaseModel], settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Per setting, the keyword arguments of its field in the trigger form.

    A field shows the value that a run has if nobody touches it: the DAG file's, or the built-in default. A deployment's
    setting is on the form where the DAG file names it; with None it is left empty there, which means the deployment's.

    :param settings: the DAG file's
    """
    hidden = deployment_names(model) - settings.keys()
    return {name: _form_field(model, name, settings) for name in model.model_fields if name not in hidden}


def _form_field(model: type[BaseModel], name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    field = model.model_fields[name]
    shape = _shape(field.annotation, field.metadata)
    help_text, default = field.description or "", as_json(settings.get(name, field.default))
    if is_of_deployment := name in deployment_names(model):
        help_text += f" Left empty: the {'deployment' if default is None else 'DAG file'}'s."
    if is_of_deployment or may_be_unset(model, name):
        # The form draws a field by the first of its types.
        shape["type"] = [shape["type"], "null"]
    if is_of_deployment and shape["type"][0] == "boolean":
        # A switch cannot be left empty: it would show "the deployment's" as off. A text field with proposals can.
        shape |= {"type": ["string", "boolean", "null"], "examples": ["true", "false"], "pattern": "^(true|false)$"}
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return {"default": default, "title": name, "description": help_text, **extra, **shape}


def _shape(annotation: Any, constraints: Iterable[Any]) -> dict[str, Any]:
    """The JSON schema of an annotation, as far as the form and its checks use it."""
    kind, arguments = get_origin(annotation), get_args(annotation)
    if kind in {Union, UnionType}:
        (given,) = (argument for argument in arguments if argument is not NoneType)
        return _shape(given, constraints)
    if kind is Annotated:
        return _shape(arguments[0], arguments[1:])
    if kind is Literal:
        # A tab is nothing that one could see in a list.
        shown = {"values_display": {"\t": "tab"}} if "\t" in arguments else {}
        return {"type": "string", "enum": list(arguments), **shown}
    if kind is tuple:
        return {"type": "array", "items": _shape(arguments[0], ()), **_limits("array", constraints)}
    if kind is dict:
        return {"type": "object"}
    return {"type": TYPES[annotation], **_limits(TYPES[annotation], constraints)}


def _limits(kind: str, constraints: Iterable[Any]) -> dict[str, Any]:
    keywords = BOUNDS | LENGTHS.get(kind, {})
    found = ((keyword, getattr(item, name, None)) for item in constraints for name, keyword in keywords.items())
    return {keyword: limit for keyword, limit in found if limit is not None}
