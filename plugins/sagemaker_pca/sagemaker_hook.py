"""The only module that talks to AWS: SageMaker, and S3, logs, STS and the runtime through the same connection."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from botocore.config import Config
from botocore.exceptions import ClientError

from sagemaker_pca.console_links import Console
from sagemaker_pca.exceptions import InputError, JobFailedError, WaitTimeoutError
from sagemaker_pca.job_attempts import (
    FINGERPRINT_TAG,
    StartedResource,
    attempt_names,
    fingerprint,
    for_attempt,
    with_tags,
)
from sagemaker_pca.job_status import CHANGING_ENDPOINT_STATES, ResourceKind, is_usable
from sagemaker_pca.polling import delays
from sagemaker_pca.run_files import default_bucket, split_s3_uri

# One throttle or 5xx that outlives botocore's retries fails a whole wait, and the defaults give up after 4 quick ones.
RETRIES = {"mode": "adaptive", "max_attempts": 10}
LOG_PAGE_LIMIT = 20
LINE_CHUNK_BYTES = 1024 * 1024
DELETION_SECONDS = 3600


class CallerIdentity(NamedTuple):
    """Whose calls these are."""

    account: str
    partition: str
    region: str

    @property
    def default_bucket(self) -> str:
        """Bucket of a deployment that names none."""
        return default_bucket(self.region, self.account)


class LogEvent(NamedTuple):
    """One line of a container's log."""

    event_id: str
    timestamp_ms: int
    message: str


class SageMakerPcaHook(SageMakerHook):
    """The provider's hook, with siblings for the other services a run needs and transactions on top.

    The provider's own S3 and logs hooks lose the operator's region and the connection's per-service endpoints;
    the clients here share session, region, retries and endpoints with the SageMaker client.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]

    def _get_config(self, config: Config | None = None) -> Config:
        merged = super()._get_config(config)
        return merged if merged.retries else merged.merge(Config(retries=RETRIES))

    @cached_property
    def _session(self) -> Any:
        return self.get_session(region_name=self.region_name)

    def _client(self, service: str) -> Any:
        endpoint_url = self.conn_config.get_service_endpoint_url(service_name=service)
        return self._session.client(service, endpoint_url=endpoint_url, config=self._get_config(), verify=self.verify)

    @cached_property
    def s3(self) -> Any:
        """S3 client."""
        return self._client("s3")

    @cached_property
    def logs(self) -> Any:
        """CloudWatch Logs client."""
        return self._client("logs")

    @cached_property
    def runtime(self) -> Any:
        """SageMaker runtime client, for invocations."""
        return self._client("sagemaker-runtime")

    @cached_property
    def console(self) -> Console:
        """Where a person looks at this connection's resources."""
        partition = self._session.get_partition_for_region(self.conn.meta.region_name)
        own_backend = self.conn_config.get_service_endpoint_url(service_name="sagemaker")
        return Console(self.conn.meta.region_name, partition, own_backend)

    def caller_identity(self) -> CallerIdentity:
        """Account, partition and region of the connection."""
        answer = self._client("sts").get_caller_identity()
        return CallerIdentity(answer["Account"], answer["Arn"].split(":")[1], self.conn.meta.region_name)

    # --- resources -----------------------------------------------------------------------------------------------

    def start_or_adopt(self, kind: ResourceKind, request: Mapping[str, Any]) -> StartedResource:
        """Create a job or resource exactly once, however often and by however many callers this is called.

        Creating comes first: the service itself then decides which of two racing callers was first, and a create
        whose answer was lost is found again by its name.

        Raises:
            JobFailedError: when all attempt names are taken by failed or different jobs.
        """
        digest = fingerprint(request)
        request = with_tags(request, {FINGERPRINT_TAG: digest})
        base_name = str(request[kind.name_key])
        for attempt, name in attempt_names(base_name):
            try:
                answer = self._create(kind, for_attempt(request, kind.name_key, name))
            except ClientError as error:
                if not is_already_there(error):
                    raise
            else:
                self.log.info("Created %s %s", kind.noun, name)
                return StartedResource(name, answer[kind.arn_key], attempt, adopted=False)
            existing = self.describe(kind, name)
            if is_usable(kind, existing) and self.tags(existing[kind.arn_key]).get(FINGERPRINT_TAG) == digest:
                self.log.info("Adopted %s %s, which is %s", kind.noun, name, kind.status(existing))
                return StartedResource(name, existing[kind.arn_key], attempt, adopted=True)
            self.log.info("%s %s is %s or of another request", kind.noun, name, kind.status(existing))
        raise JobFailedError(
            f"every attempt name of {kind.noun} {base_name} is taken by a failed or different one. "
            f"Delete them, or trigger a new run."
        )

    def _create(self, kind: ResourceKind, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.conn, f"create_{kind.operation}")(**request)
        return answer

    def describe(self, kind: ResourceKind, name: str) -> dict[str, Any]:
        """Describe a resource; timestamps as ISO text, so that XCom and JSON take it as it is."""
        return plain_json(getattr(self.conn, f"describe_{kind.operation}")(**{kind.name_key: name}))

    def stop_job(self, kind: ResourceKind, name: str) -> None:
        """Ask a job to stop; one that has ended already is left as it is."""
        try:
            getattr(self.conn, f"stop_{kind.operation}")(**{kind.name_key: name})
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            self.log.info("%s %s needs no stop: %s", kind.noun, name, error.response["Error"]["Message"])

    def tags(self, arn: str) -> dict[str, str]:
        """Tags of a SageMaker resource."""
        pages = self.conn.get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def find_endpoint(self, name: str) -> dict[str, Any] | None:
        """Description of an endpoint, or None when there is none."""
        try:
            return plain_json(self.conn.describe_endpoint(EndpointName=name))
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def update_endpoint_without_tags(self, request: Mapping[str, Any]) -> None:
        """Update an endpoint to a request of CreateEndpoint, but for the tags, which UpdateEndpoint does not take."""
        self.conn.update_endpoint(**{key: value for key, value in request.items() if key != "Tags"})

    def delete_endpoint_and_wait(self, name: str, poll_seconds: float) -> None:
        """Delete an endpoint and wait until it is gone; gone already is fine.

        Raises:
            WaitTimeoutError: when it is still there after an hour.
        """
        self.delete_if_there("endpoint", EndpointName=name)
        left = self.wait_for_endpoint(name, poll_seconds, DELETION_SECONDS)
        if left is not None:
            raise WaitTimeoutError(
                f"endpoint {name} was deleted and is {left['EndpointStatus']} again. Who creates it?"
            )

    def wait_for_endpoint(self, name: str, poll_seconds: float, max_wait_seconds: float) -> dict[str, Any] | None:
        """Description of an endpoint once it rests; None when it is gone.

        Raises:
            WaitTimeoutError: when it is still changing after the longest wait.
        """
        give_up_at = time.monotonic() + max_wait_seconds
        for delay in delays(poll_seconds):
            endpoint = self.find_endpoint(name)
            if endpoint is None or endpoint["EndpointStatus"] not in CHANGING_ENDPOINT_STATES:
                return endpoint
            if time.monotonic() >= give_up_at:
                break
            time.sleep(delay)
        raise WaitTimeoutError(f"endpoint {name} is still changing after {max_wait_seconds:.0f} s.")

    def endpoint_configs_in_use(self) -> frozenset[str]:
        """Configurations that endpoints serve now, in this account and region."""
        pages = self.conn.get_paginator("list_endpoints").paginate(PaginationConfig={"PageSize": 100})
        names = [endpoint["EndpointName"] for page in pages for endpoint in page["Endpoints"]]
        found = (self.find_endpoint(name) for name in names)
        return frozenset(endpoint["EndpointConfigName"] for endpoint in found if endpoint is not None)

    def delete_if_there(self, operation: str, **name: str) -> None:
        """Delete a resource; gone already is fine."""
        try:
            getattr(self.conn, f"delete_{operation}")(**name)
        except ClientError as error:
            if not is_missing(error):
                raise

    # --- logs ----------------------------------------------------------------------------------------------------

    def job_log_events(self, kind: ResourceKind, name: str, since_ms: int) -> list[LogEvent]:
        """Log lines of all of a job's containers from a point in time on; one call per page covers all hosts."""
        query = {"logGroupName": kind.log_group, "logStreamNamePrefix": f"{name}/", "startTime": since_ms}
        events: list[LogEvent] = []
        try:
            for _ in range(LOG_PAGE_LIMIT):
                page = self.logs.filter_log_events(**query)
                events += [LogEvent(e["eventId"], e["timestamp"], e["message"]) for e in page["events"]]
                if "nextToken" not in page:
                    break
                query["nextToken"] = page["nextToken"]
        except ClientError as error:
            # The group appears with the account's first job, the stream with the job's first line.
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        return events

    # --- S3 ------------------------------------------------------------------------------------------------------

    def list_objects(self, uri: str) -> Iterator[dict[str, Any]]:
        """Objects whose key starts with the URI's key, in key order."""
        bucket, prefix = split_s3_uri(uri)
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", ())

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

    def read_json(self, uri: str) -> Any:
        """Content of a JSON object."""
        return json.loads(self.read_bytes(uri))

    def find_json(self, uri: str) -> Any | None:
        """Content of a JSON object, or None when there is none."""
        found = self.find_object(uri)
        return None if found is None else found[0]

    def write_json(self, uri: str, document: Any) -> None:
        """Write a JSON object."""
        self.write_bytes(uri, json.dumps(document, indent=2, sort_keys=True).encode(), "application/json")

    def find_object(self, uri: str) -> tuple[Any, str] | None:
        """Content and ETag of a JSON object, or None when there is none."""
        bucket, key = split_s3_uri(uri)
        try:
            answer = self.s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return json.loads(answer["Body"].read()), answer["ETag"]

    def write_json_if(self, uri: str, document: Any, etag: str | None = None) -> bool:
        """Write a JSON object if it is still the version with this ETag, or, without one, if there is none yet."""
        bucket, key = split_s3_uri(uri)
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            self.s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode(), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}:
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
            if error.response["Error"]["Code"] not in {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}:
                raise


def is_missing(error: ClientError) -> bool:
    """Whether the service says that there is no such resource; any other ValidationException is a real one."""
    message: str = error.response["Error"].get("Message", "")
    return message.startswith(("Could not find", "Requested resource not found"))


def is_already_there(error: ClientError) -> bool:
    """Whether a create was refused because the name is taken."""
    details: dict[str, str] = error.response["Error"]
    return details["Code"] == "ResourceInUse" or details.get("Message", "").startswith("Cannot create already existing")


def is_in_progress(error: ClientError) -> bool:
    """Whether a change of an endpoint was refused because the endpoint is changing already."""
    message: str = error.response["Error"].get("Message", "")
    return message.startswith("Cannot update in-progress endpoint")


def plain_json(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A service answer without its HTTP part, timestamps as ISO text."""
    body = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    plain: dict[str, Any] = json.loads(json.dumps(body, default=_iso_text))
    return plain


def _iso_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} {value!r} has no place in JSON")
