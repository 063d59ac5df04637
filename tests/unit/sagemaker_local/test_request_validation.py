"""Requests against botocore's service model."""

from typing import Any

import botocore.session
import pytest
from botocore.model import Shape

from sagemaker_local.exceptions import SerializationError, ValidationError
from sagemaker_local.request_validation import validate

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/m"
SERVICE = botocore.session.get_session().get_service_model("sagemaker")


def shape_of(operation: str) -> Shape:
    return SERVICE.operation_model(operation).input_shape


def patterns(shape: Shape, seen: set[str]) -> set[str]:
    if shape.name in seen:
        return set()
    seen.add(shape.name)
    found = {shape.metadata["pattern"]} if "pattern" in shape.metadata else set()
    if shape.type_name == "structure":
        children = list(shape.members.values())
    elif shape.type_name == "list":
        children = [shape.member]
    else:
        children = [shape.key, shape.value] if shape.type_name == "map" else []
    return found.union(*(patterns(child, seen) for child in children))


def test_every_pattern_of_the_service_model_can_be_checked() -> None:
    from sagemaker_local.request_validation import _pattern

    seen: set[str] = set()
    found = set().union(*(patterns(shape_of(name), seen) for name in SERVICE.operation_names if shape_of(name)))
    assert len(found) > 100
    for pattern in found:
        _pattern(pattern)


@pytest.mark.parametrize("value", ["Équipe données", "a/b:c=d+e-f@g", ""])
def test_tag_values_may_hold_the_letters_of_any_language(value: str) -> None:
    validate({"ResourceArn": ARN, "Tags": [{"Key": "k", "Value": value}]}, shape_of("AddTags"))


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        (
            {},
            "1 validation error detected: Value null at 'modelName' failed to satisfy constraint: Member must not be "
            "null",
        ),
        (
            {"ModelName": "a_b"},
            "1 validation error detected: Value 'a_b' at 'modelName' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: [a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?",
        ),
        (
            {"ModelName": "m" * 64},
            f"1 validation error detected: Value '{'m' * 64}' at 'modelName' failed to satisfy constraint: Member must "
            "have length less than or equal to 63",
        ),
    ],
)
def test_broken_constraints_are_told_in_the_words_of_the_service(request_body: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        validate(request_body, shape_of("DescribeModel"))
    assert error.value.message == message


def test_members_of_lists_and_maps_are_named_by_position_and_key() -> None:
    request = {
        "ModelName": "m",
        "Containers": [{"Image": "x"}, {"Image": "a b", "Environment": {"A-B": "v"}}],
    }
    with pytest.raises(ValidationError) as error:
        validate(request, shape_of("CreateModel"))
    assert "'containers.2.member.image'" in error.value.message
    assert "'containers.2.member.environment.A-B.key'" in error.value.message


@pytest.mark.parametrize(
    ("member", "value", "rule"),
    [
        ("MaxResults", 0, "value greater than or equal to 1"),
        ("MaxResults", 101, "value less than or equal to 100"),
        ("SortBy", "Colour", "enum value set: [Name, CreationTime, Status]"),
    ],
)
def test_numbers_have_bounds_and_enums_their_values(member: str, value: Any, rule: str) -> None:
    with pytest.raises(ValidationError) as error:
        validate({member: value}, shape_of("ListEndpoints"))
    assert rule in error.value.message


@pytest.mark.parametrize("value", ["1", True, 1.5, [1]])
def test_wrong_json_type_is_a_serialization_error(value: Any) -> None:
    with pytest.raises(SerializationError, match="maxResults: expected integer"):
        validate({"MaxResults": value}, shape_of("ListModels"))


def test_unknown_members_and_nulls_are_ignored_as_the_service_does() -> None:
    validate({"ModelName": "m", "Colour": "red", "Nothing": None}, shape_of("DescribeModel"))
    validate({"MaxResults": None}, shape_of("ListModels"))
