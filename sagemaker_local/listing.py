"""List calls: filters, order, and pages that stay right while resources come and go."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sagemaker_local.exceptions import ValidationError
from sagemaker_local.resources import Kind, Resource

_DEFAULT_PAGE_SIZE = 10
SortKey = tuple[str, str]
T = TypeVar("T")


def list_page(
    resources: Iterable[Resource], kind: Kind, request: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the summaries of one page and the next page's token (None after the last)."""
    key = _sort_key(request.get("SortBy", "CreationTime"), kind)
    descending = request.get("SortOrder", kind.default_sort_order) == "Descending"
    keeps_status = _status_filter(request)
    wanted = [resource for resource in resources if _matches(resource, request)]
    if not kind.status_filter_after_paging:
        wanted = [resource for resource in wanted if keeps_status(resource)]
    page, token = page_of(wanted, key, request, descending=descending)
    return [resource.describe() for resource in page if keeps_status(resource)], token


def page_of(
    items: Iterable[T], key: Callable[[T], SortKey], request: Mapping[str, Any], *, descending: bool
) -> tuple[list[T], str | None]:
    """Return what follows the request's NextToken, up to MaxResults, and the next page's token (None after the last).

    A token holds the last item's key, not its place: that item may have gone since.
    """
    ordered = sorted(items, key=key, reverse=descending)
    if "NextToken" in request:
        last = _decode(request["NextToken"])
        ordered = [item for item in ordered if (key(item) < last if descending else key(item) > last)]
    page_size = request.get("MaxResults", _DEFAULT_PAGE_SIZE)
    page = ordered[:page_size]
    return page, _encode(key(page[-1])) if len(ordered) > page_size else None


def _matches(resource: Resource, request: Mapping[str, Any]) -> bool:
    if request.get("NameContains", "").lower() not in resource.name.lower():
        return False
    for member in ("CreationTime", "LastModifiedTime"):
        seconds = resource.description[member].timestamp()
        if seconds <= request.get(f"{member}After", float("-inf")):
            return False
        if seconds >= request.get(f"{member}Before", float("inf")):
            return False
    return True


def _status_filter(request: Mapping[str, Any]) -> Callable[[Resource], bool]:
    status = request.get("StatusEquals")
    return lambda resource: status is None or resource.status == status


def _sort_key(sort_by: str, kind: Kind) -> Callable[[Resource], SortKey]:
    """Return the key of an order; the name breaks ties, so that no two resources are equal."""
    if sort_by == "Name":
        return lambda resource: (resource.name, "")
    if sort_by == "Status":
        return lambda resource: (resource.status, resource.name)
    member = "LastModifiedTime" if sort_by == "LastModifiedTime" else "CreationTime"
    return lambda resource: (resource.description[member].isoformat(timespec="milliseconds"), resource.name)


def _encode(key: SortKey) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _decode(token: str) -> SortKey:
    try:
        value, name = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, TypeError) as error:
        raise ValidationError("The NextToken that you provided is not valid.") from error
    return str(value), str(name)
