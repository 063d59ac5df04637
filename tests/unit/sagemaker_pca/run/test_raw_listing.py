from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagemaker_pca.run.raw_listing import RawListing, is_raw_file

LOCATION = "s3://bucket/raw/"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def listed(key: str = "raw/a.csv", size: int = 10, etag: str = '"1"', at: datetime = NOON) -> dict[str, Any]:
    return {"Key": key, "Size": size, "ETag": etag, "LastModified": at}


def fingerprint(*objects: dict[str, Any], location: str = LOCATION) -> str:
    return RawListing.of(location, objects).fingerprint


@pytest.mark.parametrize(
    "changed",
    [
        [listed(key="raw/b.csv")],
        [listed(size=11)],
        [listed(etag='"2"')],
        [listed(), listed(key="raw/b.csv")],
        [],
    ],
    ids=["renamed", "grown", "other content", "one more", "removed"],
)
def test_another_listing_has_another_fingerprint(changed: list[dict[str, Any]]) -> None:
    assert fingerprint(*changed) != fingerprint(listed())


def test_the_same_files_elsewhere_have_another_fingerprint() -> None:
    assert fingerprint(listed(), location="s3://other/raw/") != fingerprint(listed())


def test_files_that_were_written_again_with_the_same_content_have_the_same_fingerprint() -> None:
    assert fingerprint(listed(at=NOON + timedelta(days=1))) == fingerprint(listed())


@pytest.mark.parametrize("key", ["raw/_SUCCESS", "raw/.part-1.crc"])
def test_markers_change_nothing(key: str) -> None:
    folder = listed(key="raw/", size=0, at=NOON + timedelta(hours=1))
    marker = listed(key=key, at=NOON + timedelta(hours=1))

    assert RawListing.of(LOCATION, [folder, marker, listed()]) == RawListing.of(LOCATION, [listed()])
    assert not is_raw_file(folder)


def test_a_listing_counts_and_knows_its_newest_change() -> None:
    later = NOON + timedelta(minutes=5)
    listing = RawListing.of(LOCATION, [listed(at=later), listed(key="raw/b.csv", size=5)])

    assert listing.newest_change == later
    assert listing.as_event() == {
        "location": LOCATION,
        "fingerprint": listing.fingerprint,
        "files": 2,
        "bytes": 15,
    }


def test_an_empty_listing_has_no_newest_change() -> None:
    assert RawListing.of(LOCATION, []).newest_change is None
