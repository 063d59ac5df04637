"""Search: resources by their members and tags.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sagemaker_local.exceptions import ValidationError
from sagemaker_local.listing import SortKey, page_of
from sagemaker_local.resources import Resource

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda found, wanted: bool(found == wanted),
    "Contains": lambda found, wanted: wanted in found,
    "In": lambda found, wanted: found in wanted.split(","),
    "GreaterThan": lambda found, wanted: bool(_ordered(found) > _ordered(wanted)),
    "GreaterThanOrEqualTo": lambda found, wanted: bool(_ordered(found) >= _ordered(wanted)),
    "LessThan": lambda found, wanted: bool(_ordered(found) < _ordered(wanted)),
    "LessThanOrEqualTo": lambda found, wanted: bool(_ordered(found) <= _ordered(wanted)),
}


def search_page(
    resources: Iterable[Resource], request: Mapping[str, Any], members: Iterable[str]
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the records of one page and the next page's token (None after the last).

    :param members: what a record of this kind may have; raises ValidationError for a property that begins otherwise
    """
    known = frozenset(members)
    expression, sort_by = request.get("SearchExpression") or {}, request.get("SortBy", "LastModifiedTime")
    for name in (*_names(expression), sort_by):
        if name.partition(".")[0] not in known:
            raise ValidationError(f"Unknown property name: {name}")
    records = [record for record in map(_record, resources) if _matches(record, expression)]
    descending = request.get("SortOrder", "Descending") == "Descending"
    return page_of(records, lambda record: _sort_key(record, sort_by), request, descending=descending)


def _record(resource: Resource) -> dict[str, Any]:
    return {**resource.describe(), "Tags": [dict(tag) for tag in resource.tags]}


def _sort_key(record: Mapping[str, Any], name: str) -> SortKey:
    """The arn breaks ties, so that no two are equal."""
    arn = next(str(value) for member, value in record.items() if member.endswith("Arn"))
    return next((_sortable(value) for value in _values(record, name)), ""), arn


def _sortable(value: Any) -> str:
    return f"{value:040.12f}" if isinstance(value, int | float) else _text(value)


def _names(expression: Mapping[str, Any]) -> Iterator[str]:
    yield from (item["Name"] for item in expression.get("Filters") or ())
    yield from (item["NestedPropertyName"] for item in expression.get("NestedFilters") or ())
    for part in expression.get("SubExpressions") or ():
        yield from _names(part)


def _matches(record: Mapping[str, Any], expression: Mapping[str, Any]) -> bool:
    found = [
        *(_passes(record, item) for item in expression.get("Filters") or ()),
        *(_has_element(record, item) for item in expression.get("NestedFilters") or ()),
        *(_matches(record, part) for part in expression.get("SubExpressions") or ()),
    ]
    return any(found) if found and expression.get("Operator") == "Or" else all(found)


def _has_element(record: Mapping[str, Any], nested: Mapping[str, Any]) -> bool:
    """Whether one element of a list passes all filters, which name its members by their whole path."""
    path = nested["NestedPropertyName"]
    elements = [value for value in _values(record, path) if isinstance(value, Mapping)]
    filters = [{**item, "Name": item["Name"].removeprefix(f"{path}.")} for item in nested["Filters"]]
    return any(all(_passes(element, item) for item in filters) for element in elements)


def _passes(record: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    operator, wanted = given.get("Operator", "Equals"), given.get("Value", "")
    found = [_text(value) for value in _values(record, given["Name"])]
    if operator in ("Exists", "NotExists"):
        return bool(found) is (operator == "Exists")
    if operator == "NotEquals":
        return wanted not in found
    return any(_COMPARISONS[operator](value, wanted) for value in found)


def _values(node: Any, path: str) -> Iterator[Any]:
    """Yield what stands at a dotted path, of lists in each element; tags stand under their keys."""
    if isinstance(node, list):
        for item in node:
            yield from _values(item, path)
    elif not path:
        yield node
    elif isinstance(node, Mapping):
        name, _, rest = path.partition(".")
        if name == "Tags" and rest:
            yield from _tag_values(node.get("Tags") or (), rest)
        elif name in node:
            yield from _values(node[name], rest)


def _tag_values(tags: Sequence[Mapping[str, str]], key: str) -> Iterator[str]:
    return (tag["Value"] for tag in tags if tag["Key"] == key)


def _text(value: Any) -> str:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)


def _ordered(text: str) -> Any:
    """Numbers compare as numbers, times as times."""
    try:
        return (0, float(text))
    except ValueError:
        pass
    try:
        return (1, datetime.fromisoformat(text).timestamp())
    except ValueError:
        return (2, text)
