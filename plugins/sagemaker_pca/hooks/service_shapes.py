"""What SageMaker's own model, which botocore carries, says about a document before the service is asked.

botocore itself checks members, types and lower bounds when a request is sent; enumerations, patterns and upper bounds
it leaves to the service, which answers when jobs have run.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

JSON_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "boolean": ((bool,), "true or false"),
    "double": ((int, float), "a number"),
    "float": ((int, float), "a number"),
    "integer": ((int,), "a whole number"),
    "list": ((list, tuple), "a list"),
    "long": ((int,), "a whole number"),
    "map": ((dict,), "an object"),
    "string": ((str,), "a text"),
    "structure": ((dict,), "an object"),
}
# The model's patterns are Java's, where letters, digits and separators have names that Python does not know.
JAVA_CLASSES = {r"\p{L}\p{Z}\p{N}": r"\w "}


@functools.cache
def service_model() -> Any:
    """The model of SageMaker that this botocore has."""
    return botocore.session.get_session().get_service_model("sagemaker")


def document_problems(shape_name: str, document: Any, path: str) -> list[str]:
    """What is wrong with a document of a shape: each a sentence that names the place, the value and what is allowed.

    :param path: what stands for the document in the sentences
    """
    return list(shape_problems(service_model().shape_for(shape_name), document, path))


def shape_problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Likewise, for a shape of the model."""
    if not _has_type(shape, value):
        yield f"{path}={value!r} is not {JSON_TYPES[shape.type_name][1]}."
        return
    yield from _limit_problems(shape, value, path)
    if isinstance(shape, StructureShape):
        yield from _member_problems(shape, value, path)
    elif isinstance(shape, ListShape):
        for number, item in enumerate(value):
            yield from shape_problems(shape.member, item, f"{path}[{number}]")
    elif isinstance(shape, MapShape):
        for name, item in value.items():
            yield from shape_problems(shape.key, name, f"{path} (key)")
            yield from shape_problems(shape.value, item, f"{path}.{name}")


def _has_type(shape: Shape, value: Any) -> bool:
    types, _ = JSON_TYPES.get(shape.type_name, ((object,), ""))
    # To Python, true is a whole number.
    return isinstance(value, types) and not (isinstance(value, bool) and int in types)


def _member_problems(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name} is missing."
    for name, item in value.items():
        if name in shape.members:
            yield from shape_problems(shape.members[name], item, f"{path}.{name}")
            continue
        nearest = difflib.get_close_matches(name, shape.members, n=1, cutoff=0.4)
        hint = f" Did you mean {nearest[0]}?" if nearest else ""
        yield f"{path}.{name} is no member. Allowed: {', '.join(shape.members)}.{hint}"


def _limit_problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    limits = shape.metadata
    if value not in limits.get("enum", [value]):
        yield f"{path}={value!r} is none of {', '.join(limits['enum'])}."
    if "pattern" in limits and not _matches(limits["pattern"], value):
        yield f"{path}={value!r} does not match {limits['pattern']}."
    is_number = isinstance(value, int | float)
    size = value if is_number else len(value) if isinstance(value, str | list | tuple | dict) else 0
    least, most = limits.get("min", size), limits.get("max", size)
    if not least <= size <= most:
        what = f"{path}={value!r}" if is_number else f"The length of {path}, {size},"
        allowed = [
            f"{word} {limits[name]}" for name, word in (("min", "at least"), ("max", "at most")) if name in limits
        ]
        yield f"{what} is not {' and '.join(allowed)}."


def _matches(java_pattern: str, text: str) -> bool:
    for java, python in JAVA_CLASSES.items():
        java_pattern = java_pattern.replace(java, python)
    try:
        return re.fullmatch(java_pattern, text) is not None
    except re.error:  # Java's alone: the service will judge
        return True
