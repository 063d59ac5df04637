"""Requests against botocore's service model, with the wording of AWS's own validator."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import Shape

from sagemaker_local.exceptions import SerializationError, ValidationError

# The model's patterns are Java's; Python's `re` knows no Unicode properties.
_JAVA_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{N}": r"\d",
    r"\p{Z}": r"\s",
    r"\p{M}": "\u0300-\u036f",
    r"\p{P}": r"!-/:-@\[-`{-~\u00a1-\u00bf\u2010-\u205e",
    r"\p{S}": r"$+<=>^`|~\u00a2-\u00b9\u20a0-\u2bff",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010ffff",
}
_SCALAR_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float, str),
    "structure": (dict,),
    "list": (list,),
    "map": (dict,),
}


def validate(request: Mapping[str, Any], shape: Shape) -> None:
    """Raise SerializationError for a wrong JSON type, ValidationError for all broken constraints together."""
    errors = list(_errors(request, shape, ""))
    if errors:
        noun = "error" if len(errors) == 1 else "errors"
        raise ValidationError(f"{len(errors)} validation {noun} detected: {'; '.join(errors)}")


def _errors(value: Any, shape: Shape, path: str) -> Iterator[str]:
    _check_type(value, shape, path)
    yield from _constraint_errors(value, shape, path)
    if shape.type_name == "structure":
        yield from _structure_errors(value, shape, path)
    elif shape.type_name == "list":
        for position, item in enumerate(value, start=1):
            yield from _errors(item, shape.member, f"{path}.{position}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _errors(key, shape.key, f"{path}.{key}.key")
            yield from _errors(item, shape.value, f"{path}.{key}.member")


def _structure_errors(value: Mapping[str, Any], shape: Shape, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _failure(None, _join(path, name), "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _errors(value[name], member, _join(path, name))


def _check_type(value: Any, shape: Shape, path: str) -> None:
    expected = _SCALAR_TYPES.get(shape.type_name, (object,))
    is_boolean_for_number = isinstance(value, bool) and bool not in expected and object not in expected
    if not isinstance(value, expected) or is_boolean_for_number:
        found = type(value).__name__
        raise SerializationError(f"{path or 'request'}: expected {shape.type_name}, found {found}")


def _constraint_errors(value: Any, shape: Shape, path: str) -> Iterator[str]:
    rules = shape.metadata
    if "enum" in rules and value not in rules["enum"]:
        yield _failure(value, path, f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]")
    if shape.type_name in ("integer", "long", "float", "double"):
        yield from _bound_errors(value, value, rules, path, "value")
    elif shape.type_name in ("string", "list", "map"):
        yield from _bound_errors(value, len(value), rules, path, "length")
    if "pattern" in rules and not _pattern(rules["pattern"]).fullmatch(value):
        yield _failure(value, path, f"Member must satisfy regular expression pattern: {rules['pattern']}")


def _bound_errors(value: Any, size: float, rules: Mapping[str, Any], path: str, noun: str) -> Iterator[str]:
    if size < rules.get("min", size):
        yield _failure(value, path, f"Member must have {noun} greater than or equal to {rules['min']}")
    if size > rules.get("max", size):
        yield _failure(value, path, f"Member must have {noun} less than or equal to {rules['max']}")


def _failure(value: Any, path: str, rule: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {rule}"


def _join(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member


@functools.cache
def _pattern(java_pattern: str) -> re.Pattern[str]:
    pattern = re.sub(r"\$\{\d+,\d+\}$", "", java_pattern)  # a repeated end of line says nothing more
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)
