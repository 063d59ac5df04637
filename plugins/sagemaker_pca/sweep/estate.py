"""What there is, as the service tells it: endpoints, configurations and models, and who uses what.

`Estate` is all that the rules know of AWS; `estate_hook` is its implementation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sagemaker_pca.job_status import ResourceKind


@dataclass(frozen=True, slots=True)
class Resource:
    """One endpoint, configuration or model as its list tells it; only endpoints change and have a status."""

    kind: ResourceKind
    name: str
    arn: str
    created_at: datetime
    changed_at: datetime
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A fact that could not be read, and why: never the same as a fact that is not there."""

    reason: str


Tags = dict[str, str] | Unreadable


@dataclass(frozen=True, slots=True)
class EndpointDetails:
    """What only a description tells of an endpoint: the configurations it needs, and its variants' instances.

    :param config_names: configuration in service and, while it changes, the one it changes to
    :param instance_counts: instances by variant; None where the service tells none, as for serverless variants
    """

    config_names: tuple[str, ...]
    instance_counts: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class ConfigDetails:
    """What only a description tells of a configuration.

    :param model_names: models of its variants, shadow variants included
    :param instance_types: instance type by variant; None where there is none, as for serverless variants
    :param hosts_components: whether models come to its endpoint as inference components, which it does not name
    """

    model_names: tuple[str, ...]
    instance_types: Mapping[str, str | None]
    hosts_components: bool = False


class Series(NamedTuple):
    """One variant's metrics."""

    endpoint_name: str
    variant_name: str


@dataclass(frozen=True)
class Deployments:
    """What the pipeline's own records say must stay.

    :param holders: by endpoint, the run that holds its unexpired deployment lease
    :param roll_back_targets: by configuration, the endpoints that may have to return to it
    """

    holders: Mapping[str, str] = field(default_factory=dict)
    roll_back_targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def deployments(
    leases: Mapping[str, Mapping[str, Any]],
    ways_back: Iterable[tuple[str, Mapping[str, Any]]],
    endpoint_names: Collection[str],
    now: datetime,
) -> Deployments:
    """What leases, by endpoint, and all records that name an endpoint's earlier configurations say.

    An expired lease is of a deployment that nobody finished: for an endpoint that is there, its record counts too.
    """
    holders = {
        endpoint: str(lease["holder"])
        for endpoint, lease in leases.items()
        if datetime.fromisoformat(lease["expires_at"]) > now
    }
    targets: dict[str, tuple[str, ...]] = {}
    for endpoint, record in ways_back:
        if endpoint in holders or endpoint in endpoint_names:
            for name in _config_names(record):
                targets[name] = (*targets.get(name, ()), endpoint)
    return Deployments(holders, targets)


def _config_names(record: Mapping[str, Any]) -> list[str]:
    """Configurations that a deployment record, a promotion or a history of deployments names."""
    entries = [record, *record.get("deployments", ())]
    names = [entry.get(key) for entry in entries for key in ("endpoint_config_name", "previous_endpoint_config_name")]
    return [name for name in names if name]


class Estate(Protocol):
    """The questions that a sweep asks, and the one change that it makes."""

    def list_resources(self, kind: ResourceKind, since: datetime | None = None) -> list[Resource]:
        """All resources of a kind; with `since`, endpoints changed and others created since then."""

    def find_resource(self, kind: ResourceKind, name: str) -> Resource | None:
        """One resource as it is now; None when there is none."""

    def read_tags(self, arns: Iterable[str]) -> dict[str, Tags]:
        """Tags by ARN from the tagging API, which may lag behind by minutes."""

    def read_current_tags(self, arn: str) -> Tags:
        """Tags as they are now."""

    def describe_endpoints(self, names: Iterable[str]) -> dict[str, EndpointDetails | Unreadable]:
        """Details by name; endpoints that are gone are left out."""

    def describe_configs(self, names: Iterable[str]) -> dict[str, ConfigDetails | Unreadable]:
        """Details by name; configurations that are gone are left out."""

    def count_invocations(
        self, series: Iterable[Series], start: datetime, end: datetime
    ) -> dict[Series, float | Unreadable | None]:
        """Invocations of each series between two times; None where there is no data."""

    def read_deployments(self, bucket: str, endpoint_names: Collection[str], now: datetime) -> Deployments | Unreadable:
        """Leases under way, and the ways back of the named endpoints."""

    def delete_resource(self, kind: ResourceKind, name: str) -> None:
        """Delete a resource; gone already is fine."""

    def wait_until_deleted(self, endpoint_name: str, poll_seconds: float) -> None:
        """Wait until an endpoint is gone."""
