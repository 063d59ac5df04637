"""Pages, orders and filters of list calls."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.exceptions import ValidationError
from sagemaker_local.listing import list_page
from sagemaker_local.resources import Kind, Resource

KIND = Kind(noun="Thing", arn_type="thing", missing="", duplicate="")
AFTER_PAGING = Kind(noun="Thing", arn_type="thing", missing="", duplicate="", status_filter_after_paging=True)
START = datetime(2026, 1, 1, tzinfo=UTC)


def things(*minutes_and_status: tuple[int, str]) -> list[Resource]:
    return [
        Resource(
            KIND,
            f"thing-{number}",
            f"arn:aws:sagemaker:us-east-1:123456789012:thing/thing-{number}",
            {
                "ThingName": f"thing-{number}",
                "ThingStatus": status,
                "CreationTime": START + timedelta(minutes=minutes),
                "LastModifiedTime": START,
            },
        )
        for number, (minutes, status) in enumerate(minutes_and_status)
    ]


def all_pages(resources: list[Resource], request: dict[str, Any]) -> list[str]:
    names: list[str] = []
    token: str | None = None
    while True:
        page, token = list_page(resources, KIND, {**request, **({"NextToken": token} if token else {})})
        names += [item["ThingName"] for item in page]
        if token is None:
            return names


@given(
    minutes=st.lists(st.integers(0, 5), max_size=30),
    page_size=st.integers(1, 7),
    order=st.sampled_from(["Ascending", "Descending"]),
    sort_by=st.sampled_from(["Name", "CreationTime", "Status"]),
)
def test_pages_hold_every_resource_once_in_order(minutes: list[int], page_size: int, order: str, sort_by: str) -> None:
    resources = things(*((minute, "Failed" if minute % 2 else "Completed") for minute in minutes))
    paged = all_pages(resources, {"SortBy": sort_by, "SortOrder": order, "MaxResults": page_size})
    whole, token = list_page(resources, KIND, {"SortBy": sort_by, "SortOrder": order, "MaxResults": 100})
    assert token is None
    assert paged == [item["ThingName"] for item in whole]
    assert sorted(paged) == sorted(resource.name for resource in resources)


def test_status_filter_before_paging_fills_pages_and_after_paging_thins_them() -> None:
    resources = things((0, "Failed"), (1, "Done"), (2, "Failed"), (3, "Failed"))
    request = {"StatusEquals": "Failed", "MaxResults": 2, "SortOrder": "Ascending"}
    before, _ = list_page(resources, KIND, request)
    after, token = list_page(resources, AFTER_PAGING, request)
    assert [item["ThingName"] for item in before] == ["thing-0", "thing-2"]
    assert [item["ThingName"] for item in after] == ["thing-0"]
    assert token


def test_time_filters_exclude_their_own_moment() -> None:
    resources = things((0, ""), (1, ""), (2, ""))
    moment = (START + timedelta(minutes=1)).timestamp()
    assert [item["ThingName"] for item in list_page(resources, KIND, {"CreationTimeAfter": moment})[0]] == ["thing-2"]
    assert [item["ThingName"] for item in list_page(resources, KIND, {"CreationTimeBefore": moment})[0]] == ["thing-0"]


@pytest.mark.parametrize("token", ["", "x", "bm90IGpzb24=", "WzFd", "eyJhIjogMX0="])
def test_tokens_of_somebody_else_are_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="NextToken"):
        list_page(things((0, "")), KIND, {"NextToken": token})
