"""What lies at the raw data location, condensed to what tells one state of it from another. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self


class RawListing(NamedTuple):
    """The raw files of a location at one look.

    :param location: URI that was listed
    :param files: number of raw files
    :param size_bytes: their size altogether
    :param fingerprint: digest of the location and of every file's key, size and ETag
    :param newest_change: when the newest of them was written, None without files
    """

    location: str
    files: int
    size_bytes: int
    fingerprint: str
    newest_change: datetime | None

    @classmethod
    def of(cls, location: str, objects: Iterable[Mapping[str, Any]]) -> Self:
        """Condense a listing in key order, as `ListObjectsV2` gives it."""
        files, size_bytes, newest_change = 0, 0, None
        digest = hashlib.sha256(location.encode())
        for item in filter(is_raw_file, objects):
            files += 1
            size_bytes += item["Size"]
            newest_change = max(newest_change or item["LastModified"], item["LastModified"])
            digest.update(json.dumps([item["Key"], item["Size"], item["ETag"]]).encode())
        return cls(location, files, size_bytes, digest.hexdigest()[:32], newest_change)

    def as_event(self) -> dict[str, Any]:
        """What an event of the raw data asset says."""
        return {
            "location": self.location,
            "fingerprint": self.fingerprint,
            "files": self.files,
            "bytes": self.size_bytes,
        }


def is_raw_file(item: Mapping[str, Any]) -> bool:
    """Whether a listed object is data: empty ones, and names that start with `_` or `.`, are markers."""
    return bool(item["Size"]) and not item["Key"].rsplit("/", 1)[-1].startswith(("_", "."))
