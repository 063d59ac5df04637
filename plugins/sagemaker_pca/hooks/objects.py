"""Objects in S3: what runs and deployments read and write, by URI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from pydantic import BaseModel

from sagemaker_pca.documents import VersionedDocument
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.hooks.clients import AwsClientsHook
from sagemaker_pca.hooks.errors import is_transient
from sagemaker_pca.run.locations import split_s3_uri

Document = TypeVar("Document", bound=VersionedDocument)

LINE_CHUNK_BYTES = 1024 * 1024
# A conditional write or deletion that somebody else's was quicker than.
LOST_RACES = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})


class S3ObjectsHook(AwsClientsHook):
    """Reads and writes objects; documents are JSON."""

    def list_objects(self, uri: str) -> Iterator[dict[str, Any]]:
        """Objects whose key starts with the URI's key, in key order."""
        return _objects(self.s3, uri)

    def list_raw_objects(self, uri: str) -> Iterator[dict[str, Any]]:
        """Likewise of raw data, whoever's bucket it lies in."""
        return _objects(self.raw_s3, uri)

    def read_bytes(self, uri: str, first_bytes: int | None = None) -> bytes:
        """Content of an object, or its first bytes.

        Raises:
            InputError: when there is no such object.
        """
        bucket, key = split_s3_uri(uri)
        query = {"Range": f"bytes=0-{first_bytes - 1}"} if first_bytes else {}
        try:
            content: bytes = self.s3.get_object(Bucket=bucket, Key=key, **query)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise InputError(f"{uri} does not exist. Run the step that writes it again.") from None
            raise
        return content

    def find_raw_head(self, uri: str, count: int) -> bytes | None:
        """The first bytes of raw data, None where this identity may not read it, or it is not there."""
        bucket, key = split_s3_uri(uri)
        try:
            answer = self.raw_s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{count - 1}")
            content: bytes = answer["Body"].read()
            return content
        except ClientError as error:
            if is_transient(error):
                raise
            self.log.info("%s cannot be looked into: %s", uri, error)
            return None

    def count_lines(self, uri: str) -> int:
        """Lines of an object, read as a stream; the last one counts with or without a line end. 0 without an object."""
        bucket, key = split_s3_uri(uri)
        try:
            body = self.s3.get_object(Bucket=bucket, Key=key)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return 0
            raise
        lines, last = 0, b"\n"
        for chunk in body.iter_chunks(LINE_CHUNK_BYTES):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
        return lines + (last != b"\n")

    def write_bytes(self, uri: str, content: bytes, content_type: str = "application/octet-stream") -> None:
        """Write an object."""
        bucket, key = split_s3_uri(uri)
        self.s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)

    def find_bytes(self, uri: str) -> bytes | None:
        """Content of an object, or None when there is none, or its bucket is gone."""
        try:
            found = self._find_bytes(uri)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                return None
            raise
        return None if found is None else found[0]

    def read_json(self, uri: str) -> Any:
        """Content of a JSON object."""
        return json.loads(self.read_bytes(uri))

    def find_document(self, uri: str, kind: type[Document]) -> Document | None:
        """A typed document, or None when there is none."""
        found = self._find_bytes(uri)
        return None if found is None else kind.read(found[0], uri)

    def write_document(self, uri: str, document: BaseModel) -> None:
        """Write a typed document as JSON."""
        self.write_json(uri, document.model_dump(mode="json"))

    def write_json(self, uri: str, document: Any) -> None:
        """Write a JSON object."""
        self.write_bytes(uri, json.dumps(document, indent=2, sort_keys=True).encode(), "application/json")

    def find_object(self, uri: str) -> tuple[Any, str] | None:
        """Content and ETag of a JSON object, or None when there is none."""
        found = self._find_bytes(uri)
        return None if found is None else (json.loads(found[0]), found[1])

    def _find_bytes(self, uri: str) -> tuple[bytes, str] | None:
        bucket, key = split_s3_uri(uri)
        try:
            answer = self.s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return answer["Body"].read(), answer["ETag"]

    def write_json_if(self, uri: str, document: Any, etag: str | None = None) -> bool:
        """Write a JSON object if it is still the version with this ETag, or, without one, if there is none yet."""
        bucket, key = split_s3_uri(uri)
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            self.s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode(), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in LOST_RACES:
                return False
            raise
        return True

    def delete_object(self, uri: str, etag: str | None = None) -> None:
        """Delete an object, or, with an ETag, only that version of it."""
        bucket, key = split_s3_uri(uri)
        condition = {"IfMatch": etag} if etag else {}
        try:
            self.s3.delete_object(Bucket=bucket, Key=key, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] not in LOST_RACES:
                raise


def _objects(client: Any, uri: str) -> Iterator[dict[str, Any]]:
    bucket, prefix = split_s3_uri(uri)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", ())
