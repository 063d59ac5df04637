"""The account's inventory: its endpoints, configurations and models as the service tells them, and who needs what.

`Inventory` is all that the rules know of AWS; `hooks.inventory_hook` asks AWS for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol, Self

from sagemaker_pca.endpoints.records import DeploymentHistory, DeploymentRecord, Lease, Promotion
from sagemaker_pca.resource_kinds import ResourceKind


class ListedResource(NamedTuple):
    """One endpoint, configuration or model as its list tells it; only endpoints change and have a status."""

    kind: ResourceKind
    name: str
    arn: str
    created_at: datetime
    changed_at: datetime
    status: str | None = None


class Unreadable(NamedTuple):
    """A fact that could not be read, and why: never the same as a fact that is not there."""

    reason: str


Tags = dict[str, str] | Unreadable
Series = Mapping[datetime, float] | Unreadable


class EndpointDetails(NamedTuple):
    """What only a description tells of an endpoint.

    :param needs: names of the configuration in service and, while it changes, of the one it changes to
    :param instance_counts: instances by variant; None where the service tells none, as for serverless variants
    :param is_stopped: whether there is nothing but what it will be started with
    """

    needs: tuple[str, ...]
    instance_counts: Mapping[str, int | None]
    is_stopped: bool = False


class ConfigDetails(NamedTuple):
    """What only a description tells of a configuration.

    :param needs: names of the models of its variants, shadow variants included
    :param instance_types: instance type by variant; None where there is none, as for serverless variants
    :param serverless: size in words by serverless variant
    :param hosts_components: whether models come to its endpoint as inference components, which it does not name
    """

    needs: tuple[str, ...]
    instance_types: Mapping[str, str | None]
    hosts_components: bool = False
    serverless: Mapping[str, str] = MappingProxyType({})


Details = EndpointDetails | ConfigDetails | Unreadable


class Variant(NamedTuple):
    """A variant of an endpoint, which has metrics of its own."""

    endpoint_name: str
    variant_name: str


class RecordedDeployments(NamedTuple):
    """What the pipeline's own records say must stay.

    :param holders: by endpoint, the run that holds its unexpired deployment lease
    :param roll_back_targets: by configuration, the endpoints that may have to return to it
    """

    holders: Mapping[str, str] = MappingProxyType({})
    roll_back_targets: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    @classmethod
    def of(
        cls,
        leases: Mapping[str, Lease],
        records: Iterable[tuple[str, DeploymentRecord | Promotion | DeploymentHistory]],
        endpoint_names: Collection[str],
        now: datetime,
    ) -> Self:
        """What leases, by endpoint, and the records of deployments, each with its endpoint, say.

        An expired lease is of a deployment that nobody finished: for an endpoint that is there, its record counts too.
        """
        holders = {endpoint: lease.holder for endpoint, lease in leases.items() if lease.expires_at > now}
        targets: dict[str, tuple[str, ...]] = {}
        for endpoint, record in records:
            if endpoint in holders or endpoint in endpoint_names:
                for name in record.config_names:
                    targets[name] = (*targets.get(name, ()), endpoint)
        return cls(holders, targets)


class Inventory(Protocol):
    """The questions that a sweep asks, and the one change that it makes."""

    def list_resources(self, kind: ResourceKind, since: datetime | None = None) -> list[ListedResource]:
        """All resources of a kind; with `since`, endpoints changed and others created since then."""

    def find_resource(self, kind: ResourceKind, name: str) -> ListedResource | None:
        """One resource as it is now; None when there is none."""

    def read_tags(self, arns: Iterable[str]) -> dict[str, Tags]:
        """Tags by ARN from the tagging API, which may lag behind by minutes."""

    def read_current_tags(self, arn: str) -> Tags:
        """Tags as they are now."""

    def describe_all(self, kind: ResourceKind, names: Iterable[str]) -> dict[str, Details]:
        """Details of endpoints or configurations by name; those that are gone are left out."""

    def count_invocations(
        self, variants: Iterable[Variant], start: datetime, end: datetime
    ) -> dict[Variant, float | Unreadable | None]:
        """Invocations of each variant between two times; None where there is no data."""

    def read_deployments(
        self, bucket: str, endpoint_names: Collection[str], now: datetime
    ) -> RecordedDeployments | Unreadable:
        """Leases under way, and the configurations that the named endpoints may have to return to."""

    def delete_resource(self, kind: ResourceKind, name: str) -> None:
        """Ask for a deletion, which takes an endpoint some time; gone already is fine."""
