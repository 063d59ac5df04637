"""Checks a request against botocore's service model as the service itself would, before it looks at anything else."""

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

SERVICE = botocore.session.get_session().get_service_model("sagemaker")


def complaints(operation: str, request: dict[str, Any]) -> list[str]:
    """What is wrong with a request: members and types, which botocore checks, else what it leaves to the service."""
    shape = SERVICE.operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        return [report.generate_report()]
    return [f"{operation}{complaint}" for complaint in _walk(shape, request, "")]


def _walk(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Patterns, enumerations, lengths and ranges of a value of the right type and of all it holds."""
    for member, item, where in _parts(shape, value, path):
        yield from _walk(member, item, where)
    if isinstance(shape, StringShape):
        yield from _of_text(shape, value, path)
    size = value if isinstance(value, int | float) else len(value)
    least, most = shape.metadata.get("min", size), shape.metadata.get("max", size)
    if not least <= size <= most:
        yield f"{path}: size {size} of {value!r:.50} is not between {least} and {most}"


def _parts(shape: Shape, value: Any, path: str) -> Iterator[tuple[Shape, Any, str]]:
    """What a value holds: its shape, itself, and where it stands."""
    if isinstance(shape, StructureShape):
        yield from ((shape.members[name], item, f"{path}.{name}") for name, item in value.items())
    if isinstance(shape, ListShape):
        yield from ((shape.member, item, f"{path}[{number}]") for number, item in enumerate(value))
    if isinstance(shape, MapShape):
        yield from ((shape.key, name, f"{path}.{name} (key)") for name in value)
        yield from ((shape.value, item, f"{path}.{name}") for name, item in value.items())


def _of_text(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is none of {', '.join(shape.enum)}"
    # Letters, digits and separators in Java's spelling.
    pattern = shape.metadata.get("pattern", ".*").replace(r"\p{L}\p{Z}\p{N}", r"\w ")
    if not re.fullmatch(pattern, value):
        yield f"{path}: {value!r} does not match {pattern}"
