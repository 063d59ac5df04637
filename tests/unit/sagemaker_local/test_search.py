"""What Search finds, in which order, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagemaker_local.exceptions import ValidationError
from sagemaker_local.resources import Kind, Resource
from sagemaker_local.search import search_page

KIND = Kind(noun="Thing", arn_type="thing", missing="", duplicate="")
START = datetime(2026, 1, 1, tzinfo=UTC)
MEMBERS = ("ThingName", "ThingArn", "ThingStatus", "Channels", "Cluster", "LastModifiedTime", "Tags", "FailureReason")
CHANNELS = {
    "a": [{"Name": "train", "Format": "csv"}, {"Name": "test", "Format": "json"}],
    "b": [{"Name": "train", "Format": "json"}],
    "c": [],
}


def thing(name: str, count: int, **members: Any) -> Resource:
    arn = KIND.arn(name, "123456789012", "us-east-1")
    description = {
        "ThingName": name,
        "ThingArn": arn,
        "Channels": CHANNELS[name],
        "Cluster": {"Count": count},
        "LastModifiedTime": START + timedelta(hours=count),
        **members,
    }
    return Resource(KIND, name, arn, description, [{"Key": "team", "Value": f"team {name}"}])


THINGS = [thing("a", 2, FailureReason="broken"), thing("b", 10), thing("c", 1)]


def found(**request: Any) -> list[str]:
    records, token = search_page(THINGS, request, MEMBERS)
    assert token is None
    return [record["ThingName"] for record in records]


def by(name: str, operator: str, value: str = "") -> dict[str, Any]:
    return {"Filters": [{"Name": name, "Operator": operator, "Value": value}]}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ({}, "bac"),
        (by("ThingName", "Equals", "b"), "b"),
        ({"Filters": [{"Name": "ThingName", "Value": "b"}]}, "b"),
        (by("ThingName", "NotEquals", "b"), "ac"),
        (by("ThingName", "In", "a,c"), "ac"),
        (by("Tags.team", "Contains", "am b"), "b"),
        (by("Tags.owner", "Exists"), ""),
        (by("FailureReason", "Exists"), "a"),
        (by("FailureReason", "NotExists"), "bc"),
        (by("Cluster.Count", "GreaterThan", "2"), "b"),
        (by("Cluster.Count", "GreaterThanOrEqualTo", "2"), "ba"),
        (by("Cluster.Count", "LessThanOrEqualTo", "2"), "ac"),
        (by("LastModifiedTime", "LessThan", "2026-01-01T02:00:00Z"), "c"),
        (by("Channels.Format", "Equals", "json"), "ba"),
        (
            {"Filters": [*by("ThingName", "In", "a,b")["Filters"], *by("Cluster.Count", "LessThan", "5")["Filters"]]},
            "a",
        ),
        ({"Operator": "Or", "SubExpressions": [by("ThingName", "Equals", "a"), by("ThingName", "Equals", "c")]}, "ac"),
        (
            {
                "NestedFilters": [
                    {
                        "NestedPropertyName": "Channels",
                        "Filters": [
                            {"Name": "Channels.Name", "Operator": "Equals", "Value": "train"},
                            {"Name": "Channels.Format", "Operator": "Equals", "Value": "json"},
                        ],
                    }
                ]
            },
            "b",
        ),
    ],
    ids=str,
)
def test_an_expression_selects(expression: dict[str, Any], names: str) -> None:
    assert found(SearchExpression=expression) == list(names)


def test_an_order_is_by_any_property_and_numbers_are_ordered_as_numbers() -> None:
    assert found(SortBy="Cluster.Count", SortOrder="Ascending") == ["c", "a", "b"]
    assert found(SortBy="ThingName") == ["c", "b", "a"]


def test_pages_together_hold_everything_once() -> None:
    names = []
    request: dict[str, Any] = {"MaxResults": 1}
    for _ in THINGS:
        (record,), token = search_page(THINGS, request, MEMBERS)
        names.append(record["ThingName"])
        request = {"MaxResults": 1, "NextToken": token}
    assert names == ["b", "a", "c"]
    assert token is None


def test_a_page_follows_what_is_gone_since() -> None:
    _, token = search_page(THINGS, {"MaxResults": 2}, MEMBERS)
    without_last = [item for item in THINGS if item.name != "a"]
    (record,), end = search_page(without_last, {"MaxResults": 2, "NextToken": token}, MEMBERS)
    assert (record["ThingName"], end) == ("c", None)


def test_a_record_has_its_tags() -> None:
    (record,), _ = search_page(THINGS[:1], {}, MEMBERS)
    assert record["Tags"] == [{"Key": "team", "Value": "team a"}]


@pytest.mark.parametrize("name", ["Nothing", "Nothing.Below"])
def test_a_property_that_there_is_none_of_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValidationError, match=f"Unknown property name: {name}"):
        found(SearchExpression={"SubExpressions": [by(name, "Exists")]})
    with pytest.raises(ValidationError, match=f"Unknown property name: {name}"):
        found(SortBy=name)
