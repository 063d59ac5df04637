"""S3 as a job sees it: moto's buckets, reached in-process."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeKey, s3_backends
from moto.utilities.utils import get_partition

from sagemaker_local.exceptions import JobFailedError, ValidationError
from sagemaker_local.state_lock import STATE_LOCK

# Told role, region, action, bucket and key (or prefix) of all that is done under a role; tests of IAM policies listen.
OBSERVERS: list[Callable[[str, str, str, str, str], None]] = []


@dataclass(frozen=True)
class S3Object:
    """One object of an input and the relative path it gets below the input's local path."""

    bucket: str
    key: str
    relative_path: str


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return (bucket, key or prefix) of an s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


class ObjectStore:
    """The buckets of one account, as a job or endpoint with an execution role uses them; without one, the service."""

    def __init__(self, account_id: str, region_name: str, role_arn: str | None = None) -> None:
        self._region_name = region_name
        self._role_arn = role_arn
        self._backend = s3_backends[account_id][get_partition(region_name)]

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys that start with a prefix, sorted; raises JobFailedError without the bucket."""
        self._tell_observers("s3:ListBucket", bucket, prefix)
        with STATE_LOCK:
            keys = self._bucket_keys(bucket)
            return sorted(key for key, stored in keys.items() if key.startswith(prefix) and isinstance(stored, FakeKey))

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes; raises JobFailedError where there is none."""
        self._tell_observers("s3:GetObject", bucket, key)
        with STATE_LOCK:
            stored = self._bucket_keys(bucket).get(key)
        if not isinstance(stored, FakeKey):
            raise _no_such_key(bucket, key)
        return stored.value

    def write(self, uri: str, body: bytes) -> None:
        """Store bytes under an s3:// URI; raises JobFailedError without the bucket."""
        bucket, key = split_s3_uri(uri)
        self._tell_observers("s3:PutObject", bucket, key)
        try:
            with STATE_LOCK:
                self._backend.put_object(bucket, key, body)
        except S3ClientError as error:
            raise JobFailedError(f"ClientError: Data upload failed: {error.code} for {uri}") from error

    def create_bucket(self, name: str) -> None:
        """Make a bucket."""
        with STATE_LOCK:
            self._backend.create_bucket(name, self._region_name)

    def upload_directory(self, directory: Path, uri: str) -> None:
        """Store every file below a directory under the URI; symbolic links are not followed."""
        for path in regular_files(directory):
            self.write(f"{uri.rstrip('/')}/{path.relative_to(directory).as_posix()}", path.read_bytes())

    def download(self, item: S3Object, directory: Path, transform: Any = bytes) -> None:
        """Write one object below a directory; refuses keys that would leave it."""
        target = directory / _safe_relative_path(item)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(transform(self.read(item.bucket, item.key)))
        except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
            raise JobFailedError(
                "ClientError: Data download failed: Please check your s3 objects and ensure that there is no object "
                f"that is both a folder as well as a file: s3://{item.bucket}/{item.key}"
            ) from error

    def resolve(self, uri: str, data_type: str) -> list[S3Object]:
        """Return the objects that an S3Prefix or a ManifestFile names."""
        if data_type == "ManifestFile":
            return list(self._manifest_objects(uri))
        bucket, prefix = split_s3_uri(uri)
        keys = self.keys(bucket, prefix)
        if not keys:
            raise _no_such_key(bucket, prefix)
        return [_below_prefix(bucket, prefix, key) for key in keys if not key.endswith("/")]

    def require_objects(self, source: Mapping[str, Any]) -> None:
        """Raise ValidationError unless the S3DataSource of a request names objects that exist now."""
        uri = source["S3Uri"]
        bucket, prefix = split_s3_uri(uri)
        try:
            found = bool(self.keys(bucket, prefix))
        except JobFailedError:
            found = False
        if not found:
            raise ValidationError(
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
                f"exists in the selected region ({self._region_name}), that objects exist under that S3 prefix, and "
                f'that the role has "s3:ListBucket" permissions on bucket "{bucket}".'
            )

    def require_model_data(self, uri: str) -> None:
        """Raise ValidationError unless a model's archive exists now."""
        bucket, key = split_s3_uri(uri)
        try:
            found = key in self.keys(bucket, key)
        except JobFailedError:
            found = False
        if not found:
            raise ValidationError(f"Could not find model data at {uri}.")

    def _manifest_objects(self, uri: str) -> Iterator[S3Object]:
        bucket, key = split_s3_uri(uri)
        try:
            head, *entries = json.loads(self.read(bucket, key))
            data_bucket, prefix = split_s3_uri(head["prefix"])
            relative_paths = [str(entry) for entry in entries]
        except (ValueError, TypeError, KeyError) as error:
            raise JobFailedError(
                f"ClientError: Manifest file {uri} is not in the proper format: expected a JSON array of an object "
                'with "prefix" followed by relative keys'
            ) from error
        for relative_path in relative_paths:
            yield S3Object(data_bucket, prefix + relative_path, relative_path.lstrip("/"))

    def _tell_observers(self, action: str, bucket: str, key: str) -> None:
        if self._role_arn is None:
            return
        for observe in OBSERVERS:
            observe(self._role_arn, self._region_name, action, bucket, key)

    def _bucket_keys(self, bucket: str) -> Any:
        try:
            return self._backend.get_bucket(bucket).keys
        except S3ClientError as error:
            raise JobFailedError(
                f"ClientError: Data download failed: NoSuchBucket: The specified bucket does not exist: s3://{bucket}"
            ) from error


def shard(objects: list[S3Object], host_index: int, host_count: int, distribution: str) -> list[S3Object]:
    """Return one host's objects: all of them (FullyReplicated), or every host_count-th (ShardedByS3Key)."""
    return objects[host_index::host_count] if distribution == "ShardedByS3Key" else objects


def regular_files(directory: Path) -> list[Path]:
    """Return the files below a directory in sorted order, without symbolic links."""
    return sorted(path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())


def _no_such_key(bucket: str, key: str) -> JobFailedError:
    return JobFailedError(
        f"ClientError: Data download failed: NoSuchKey: S3 key: s3://{bucket}/{key} has no match found or is not "
        "authorized"
    )


def _below_prefix(bucket: str, prefix: str, key: str) -> S3Object:
    relative_path = key.removeprefix(prefix).lstrip("/")
    return S3Object(bucket, key, relative_path or PurePosixPath(key).name)


def _safe_relative_path(item: S3Object) -> PurePosixPath:
    path = PurePosixPath(item.relative_path)
    if ".." in path.parts or "\0" in item.relative_path:
        raise JobFailedError(
            f"ClientError: Data download failed: s3://{item.bucket}/{item.key} would be written outside of its input "
            "directory"
        )
    return path


def decompress(content: bytes) -> bytes:
    """Return the content of a gzip object; raises JobFailedError for anything else."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise JobFailedError(f"ClientError: Data download failed: an object is not gzip compressed: {error}") from error
