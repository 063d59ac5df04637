"""Removes what one check on AWS has made, and says what it could not remove."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from quickstart.aws_account import RETRIES, AwsAccount
from sagemaker_pca.endpoints.deployment import CHANGING_ENDPOINT_STATES
from sagemaker_pca.hooks.errors import is_missing
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL, PROCESSING_JOB, TRAINING_JOB, ResourceKind
from sagemaker_pca.run.jobs import RUNNING_JOB_STATES

POLL_SECONDS = 5.0
ATTEMPTS = 3
# Member of a list's answer that holds the items.
LISTED = {
    PROCESSING_JOB: "ProcessingJobSummaries",
    TRAINING_JOB: "TrainingJobSummaries",
    ENDPOINT_CONFIG: "EndpointConfigs",
    MODEL: "Models",
}


class NotRemovedError(Exception):
    """AWS said nothing against it, and yet it is still there."""


ERRORS = (BotoCoreError, ClientError, NotRemovedError)


class Thing(NamedTuple):
    """Something that is there, and how to remove it."""

    name: str
    remove: Callable[[], None]


@dataclass(frozen=True)
class MadeByCheck:
    """By what the things of a check are found.

    :param run_names: names of the DAG's runs, which their resources carry; none where Airflow began none
    :param prefixes: key prefixes of the bucket that are the check's alone
    """

    bucket: str
    endpoint_name: str
    run_names: Sequence[str]
    prefixes: Sequence[str]


class Removal:
    """The removal of all that a check has made; what fails does not keep the rest.

    :param seconds: how long to wait, in all, for jobs to stop and for the endpoint to go
    :param say: is told each thing that was removed
    """

    def __init__(self, account: AwsAccount, made: MadeByCheck, seconds: float, say: Callable[[str], None]) -> None:
        self._made, self._say = made, say
        self._sagemaker, self._logs = account.client("sagemaker"), account.client("logs")
        self._bucket = account.session.resource("s3", config=RETRIES).Bucket(made.bucket)
        self._give_up_at = time.monotonic() + seconds

    def run(self) -> list[str]:
        """Remove everything, what costs most first; returns what is left in the end, with the reason.

        Over again until there is nothing more to remove: a request that was on its way when the run was ended may make
        something late.
        """
        for attempt in range(ATTEMPTS):
            time.sleep(POLL_SECONDS if attempt else 0)
            self._left: dict[str, str] = {}
            if not sum(self._is_removed(thing) for thing in self._things()):
                break
        return [f"{name}: {reason}" for name, reason in self._left.items()]

    def _is_removed(self, thing: Thing) -> bool:
        try:
            thing.remove()
        except ERRORS as error:
            # SageMaker's lists may still show for a moment what has gone.
            if not (isinstance(error, ClientError) and is_missing(error)):
                self._left[thing.name] = str(error)
            return False
        self._say(thing.name)
        return True

    def _things(self) -> Iterator[Thing]:
        """All that is there; what cannot be looked up may be, and is left with the reason."""
        for what, find in self._places():
            try:
                yield from list(find())
            except ERRORS as error:
                self._left[f"perhaps {what}"] = str(error)

    def _places(self) -> Iterator[tuple[str, Callable[[], Iterable[Thing]]]]:
        yield ENDPOINT.noun, self._endpoint
        for run_name in self._made.run_names:
            for kind in LISTED:
                yield f"{kind.noun}s", partial(self._resources, kind, run_name)
            for kind in (PROCESSING_JOB, TRAINING_JOB):
                yield f"log streams of {kind.noun}s", partial(self._log_streams, kind, run_name)
        yield "log group", self._endpoint_logs
        for prefix in self._made.prefixes:
            yield f"s3://{self._made.bucket}/{prefix}", partial(self._objects, prefix)

    # --- SageMaker --------------------------------------------------------------------------------------------------

    def _endpoint(self) -> Iterator[Thing]:
        if self._endpoint_state() is not None:
            yield Thing(f"endpoint {self._made.endpoint_name}", self._remove_endpoint)

    def _endpoint_state(self) -> str | None:
        try:
            endpoint = self._sagemaker.describe_endpoint(EndpointName=self._made.endpoint_name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return str(endpoint["EndpointStatus"])

    def _remove_endpoint(self) -> None:
        name = self._made.endpoint_name
        self._wait_while(lambda: self._endpoint_state() in CHANGING_ENDPOINT_STATES, f"endpoint {name} to rest")
        self._sagemaker.delete_endpoint(EndpointName=name)
        self._wait_while(lambda: self._endpoint_state() is not None, f"endpoint {name} to go")

    def _resources(self, kind: ResourceKind, run_name: str) -> Iterator[Thing]:
        remove = self._remove_job if kind.status_key else self._delete
        pages = self._sagemaker.get_paginator(f"list_{kind.operation}s").paginate(NameContains=run_name)
        for item in (item for page in pages for item in page[LISTED[kind]]):
            name = item[kind.name_key]
            yield Thing(f"{kind.noun} {name}", partial(remove, kind, name))

    def _remove_job(self, kind: ResourceKind, name: str) -> None:
        def is_running() -> bool:
            description = getattr(self._sagemaker, f"describe_{kind.operation}")(**{kind.name_key: name})
            return kind.status(description) in RUNNING_JOB_STATES

        if is_running():
            getattr(self._sagemaker, f"stop_{kind.operation}")(**{kind.name_key: name})
            self._wait_while(is_running, f"{kind.noun} {name} to stop")
        self._delete(kind, name)

    def _delete(self, kind: ResourceKind, name: str) -> None:
        getattr(self._sagemaker, f"delete_{kind.operation}")(**{kind.name_key: name})

    def _wait_while(self, goes_on: Callable[[], bool], what: str) -> None:
        while goes_on():
            if time.monotonic() > self._give_up_at:
                raise NotRemovedError(f"waited too long for {what}")
            time.sleep(POLL_SECONDS)

    # --- logs and objects -------------------------------------------------------------------------------------------

    def _log_streams(self, kind: ResourceKind, run_name: str) -> Iterator[Thing]:
        for group in self._log_groups(kind.log_group or ""):
            pages = self._logs.get_paginator("describe_log_streams").paginate(
                logGroupName=group, logStreamNamePrefix=run_name
            )
            for stream in (stream["logStreamName"] for page in pages for stream in page["logStreams"]):
                remove = partial(self._logs.delete_log_stream, logGroupName=group, logStreamName=stream)
                yield Thing(f"log stream {group}/{stream}", remove)

    def _endpoint_logs(self) -> Iterator[Thing]:
        for group in self._log_groups(ENDPOINT.log_group_of(self._made.endpoint_name)):
            yield Thing(f"log group {group}", partial(self._logs.delete_log_group, logGroupName=group))

    def _log_groups(self, name: str) -> list[str]:
        """The group of this name, where there is one: it comes with the first line."""
        groups = self._logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return [group["logGroupName"] for group in groups if group["logGroupName"] == name]

    def _objects(self, prefix: str) -> Iterator[Thing]:
        versions = self._bucket.object_versions.filter(Prefix=prefix)  # those that an earlier deletion left included
        if any(versions.limit(1)):
            yield Thing(f"s3://{self._made.bucket}/{prefix}", partial(self._remove_objects, versions))

    def _remove_objects(self, versions: Any) -> None:
        for error in (error for answer in versions.delete() for error in answer.get("Errors", ())):
            raise NotRemovedError(f"{error['Key']} stays, perhaps with others: {error['Message']}")
