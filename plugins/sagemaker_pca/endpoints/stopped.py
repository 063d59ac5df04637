"""Endpoints that are stopped: deleted, and remembered to be started again. Pure.

To the commands a stopped endpoint is one in the state `Stopped`, that needs its configuration and costs nothing: lists
show it, no sweep takes its configuration or model for an orphan, and deleting it is forgetting it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sagemaker_pca.endpoints.inventory import (
    Details,
    EndpointDetails,
    Inventory,
    ListedResource,
    RecordedDeployments,
    Tags,
    Unreadable,
    Variant,
)
from sagemaker_pca.endpoints.records import Promotion, StoppedEndpoint
from sagemaker_pca.endpoints.selection import kept_by_tags
from sagemaker_pca.exceptions import DeletionRefusedError, DeploymentError
from sagemaker_pca.resource_kinds import ENDPOINT, ResourceKind
from sagemaker_pca.settings.endpoint_command import STOPPED, EndpointCommand


class StopRecords(Protocol):
    """What is remembered of stopped endpoints."""

    def read(self) -> list[StoppedEndpoint]:
        """All of them."""

    def find(self, endpoint_name: str) -> StoppedEndpoint | None:
        """One of them; None where the endpoint is not stopped."""

    def forget(self, endpoint_name: str) -> None:
        """Remember one no longer; forgotten already is fine."""


class InventoryWithStopped:
    """An `Inventory` in which stopped endpoints stand beside those that AWS has.

    An endpoint that AWS has is as AWS says, whatever is remembered: somebody is starting it, or did.

    :param inventory: what AWS has
    :param records: what is remembered
    """

    def __init__(self, inventory: Inventory, records: StopRecords) -> None:
        self._inventory, self._records = inventory, records
        self._stopped: dict[str, StoppedEndpoint] = {}

    def list_resources(self, kind: ResourceKind, since: datetime | None = None) -> list[ListedResource]:
        """All resources of a kind; with `since`, endpoints changed, or stopped, and others created since then."""
        found = self._inventory.list_resources(kind, since)
        if kind is not ENDPOINT:
            return found
        there = {item.name for item in found}
        self._stopped = {name: stopped for name, stopped in self._stopped.items() if name not in there}
        return found + [self._noted(stopped) for stopped in self._records.read() if _is_listed(stopped, there, since)]

    def find_resource(self, kind: ResourceKind, name: str) -> ListedResource | None:
        """One resource as it is now; None when there is none, stopped or not."""
        found = self._inventory.find_resource(kind, name)
        if kind is not ENDPOINT:
            return found
        self._stopped.pop(name, None)
        if found is not None:
            return found
        stopped = self._records.find(name)
        return None if stopped is None else self._noted(stopped)

    def read_tags(self, arns: Iterable[str]) -> dict[str, Tags]:
        """Tags by ARN; those of a stopped endpoint are remembered."""
        remembered = self._tags_by_arn()
        asked = list(arns)
        return {
            **self._inventory.read_tags([arn for arn in asked if arn not in remembered]),
            **{arn: remembered[arn] for arn in asked if arn in remembered},
        }

    def read_current_tags(self, arn: str) -> Tags:
        """Tags as they are now, or were when the endpoint was stopped."""
        remembered = self._tags_by_arn()
        return remembered[arn] if arn in remembered else self._inventory.read_current_tags(arn)

    def describe_all(self, kind: ResourceKind, names: Iterable[str]) -> dict[str, Details]:
        """Details by name; a stopped endpoint has no instance, and needs what it will be started with."""
        named = list(names)
        found = self._inventory.describe_all(kind, named)
        if kind is not ENDPOINT:
            return found
        stopped = (self._stopped[name] for name in named if name in self._stopped and name not in found)
        needed = {one.endpoint_name: (one.endpoint_config_name,) for one in stopped}
        return {**found, **{name: EndpointDetails(needs, {}, is_stopped=True) for name, needs in needed.items()}}

    def count_invocations(
        self, variants: Iterable[Variant], start: datetime, end: datetime
    ) -> dict[Variant, float | Unreadable | None]:
        """As AWS counts."""
        return self._inventory.count_invocations(variants, start, end)

    def read_deployments(
        self, bucket: str, endpoint_names: Collection[str], now: datetime
    ) -> RecordedDeployments | Unreadable:
        """As recorded."""
        return self._inventory.read_deployments(bucket, endpoint_names, now)

    def delete_resource(self, kind: ResourceKind, name: str) -> None:
        """Ask for a deletion; a stopped endpoint is forgotten, and so is an earlier stop of one that is there."""
        if kind is not ENDPOINT or name not in self._stopped:
            self._inventory.delete_resource(kind, name)
        if kind is ENDPOINT:
            self._records.forget(name)

    def _noted(self, stopped: StoppedEndpoint) -> ListedResource:
        self._stopped[stopped.endpoint_name] = stopped
        return ListedResource(
            ENDPOINT, stopped.endpoint_name, stopped.endpoint_arn, stopped.created_at, stopped.stopped_at, STOPPED
        )

    def _tags_by_arn(self) -> dict[str, Tags]:
        return {stopped.endpoint_arn: stopped.tags for stopped in self._stopped.values()}


def _is_listed(stopped: StoppedEndpoint, there: Collection[str], since: datetime | None) -> bool:
    return stopped.endpoint_name not in there and (since is None or stopped.stopped_at > since)


def stop_of(
    endpoint: Mapping[str, Any],
    config: Mapping[str, Any] | None,
    tags: Mapping[str, str],
    promotion: Promotion | None,
    *,
    deployment_id: str | None,
    bucket: str,
    stopped_by: str,
    now: datetime,
) -> StoppedEndpoint:
    """What is to be remembered of an endpoint that rests and is to be stopped.

    :param config: description of the configuration that it serves, None where that is gone
    :param promotion: the newest verified deployment to it: what it is started with again
    Raises:
        DeletionRefusedError: when it is not this Airflow's, is protected, or could not be started as it is.
    """
    name, serving = endpoint["EndpointName"], endpoint.get("EndpointConfigName")
    # Whatever the deployment's settings say: to somebody else's endpoint a stop is a deletion.
    command = EndpointCommand(command="stop-endpoint", name=name, managed_only=True)
    kept = kept_by_tags(dict(tags), command, now, deployment_id=deployment_id, bucket=bucket, selected=False)
    if kept is not None:
        raise DeletionRefusedError(f"stop-endpoint {name}: {kept.reason.removesuffix(' (see managed_only)')}.")
    if endpoint["EndpointStatus"] != "InService":
        raise DeletionRefusedError(
            f"stop-endpoint {name}: it is {endpoint['EndpointStatus']}.",
            hint="Delete it, or let a run of its pipeline replace it.",
        )
    if promotion is None or promotion.endpoint_config_name != serving:
        promoted = promotion.endpoint_config_name if promotion else "nothing"
        raise DeletionRefusedError(
            f"stop-endpoint {name}: it serves {serving}, and {promoted} is what a run of its pipeline promoted.",
            hint="A start brings back what was promoted. Trigger the pipeline, then stop the endpoint.",
        )
    if config is None:
        raise DeletionRefusedError(
            f"stop-endpoint {name}: configuration {serving} is gone, so that nothing could be started again.",
            hint="Trigger its pipeline with force, which makes another one.",
        )
    return StoppedEndpoint(
        endpoint_name=name,
        endpoint_arn=endpoint["EndpointArn"],
        endpoint_config_name=promotion.endpoint_config_name,
        model_name=promotion.model_name,
        tags=dict(tags),
        created_at=endpoint["CreationTime"],
        stopped_at=now,
        stopped_by=stopped_by,
    )


def refuse_stopped(stopped: StoppedEndpoint | None) -> None:
    """Refuse a deployment to a stopped endpoint, where it is not to be created anew.

    Raises:
        DeploymentError: saying since when, and how to go on.
    """
    if stopped is not None:
        raise DeploymentError(
            f"endpoint {stopped.endpoint_name} is stopped since {stopped.stopped_at:%Y-%m-%d %H:%M} UTC.",
            hint="Start it with command start-endpoint of sagemaker_endpoints, or set stopped_endpoint=deploy: the run "
            "then creates it with its new model.",
        )
