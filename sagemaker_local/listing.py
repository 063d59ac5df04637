"""List calls: filters, order, and pages that stay right while resources come and go."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sagemaker_local.exceptions import ValidationError
from sagemaker_local.resources import Kind, Resource

_DEFAULT_PAGE_SIZE = 10
_SortKey = tuple[str, str]


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
    wanted.sort(key=key, reverse=descending)
    if "NextToken" in request:
        last = decode_token(request["NextToken"])
        wanted = [resource for resource in wanted if (key(resource) < last if descending else key(resource) > last)]
    page_size = request.get("MaxResults", _DEFAULT_PAGE_SIZE)
    page = wanted[:page_size]
    token = encode_token(key(page[-1])) if len(wanted) > page_size else None
    return [resource.describe() for resource in page if keeps_status(resource)], token


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


def _sort_key(sort_by: str, kind: Kind) -> Callable[[Resource], _SortKey]:
    """Return the key of an order; the name breaks ties, so that no two resources are equal."""
    if sort_by == "Name":
        return lambda resource: (resource.name, "")
    if sort_by == "Status":
        return lambda resource: (resource.status, resource.name)
    member = "LastModifiedTime" if sort_by == "LastModifiedTime" else "CreationTime"
    return lambda resource: (resource.description[member].isoformat(timespec="milliseconds"), resource.name)


def encode_token(key: _SortKey) -> str:
    """Return the token of the page after a key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def decode_token(token: str) -> _SortKey:
    """Return the key that a token is of; raises ValidationError for what is no token."""
    try:
        value, name = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, TypeError) as error:
        raise ValidationError("The NextToken that you provided is not valid.") from error
    return str(value), str(name)
