"""What a plan has asked the inventory for: each fact once, and only when a rule needs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property

from sagemaker_pca.endpoints.cost import hourly_cost
from sagemaker_pca.endpoints.inventory import (
    Details,
    Inventory,
    ListedResource,
    RecordedDeployments,
    Tags,
    Unreadable,
    Variant,
)
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, ResourceKind


class Facts:
    """One inventory at one time.

    :param inventory: whom to ask
    :param bucket: where the pipeline keeps leases and records
    :param now: time by which leases are judged
    """

    def __init__(self, inventory: Inventory, bucket: str, now: datetime) -> None:
        self._inventory, self.bucket, self._now = inventory, bucket, now
        self._listed: dict[ResourceKind, dict[str, ListedResource]] = {}
        self._tags: dict[str, Tags] = {}
        self._details: dict[ResourceKind, dict[str, Details | None]] = defaultdict(dict)

    def listed(self, kind: ResourceKind) -> dict[str, ListedResource]:
        """All resources of a kind by name."""
        if kind not in self._listed:
            self._listed[kind] = {item.name: item for item in self._inventory.list_resources(kind)}
        return self._listed[kind]

    def tags(self, resources: Iterable[ListedResource]) -> Mapping[str, Tags]:
        """Tags by ARN, those of the resources among them."""
        if missing := [item.arn for item in resources if item.arn not in self._tags]:
            self._tags |= self._inventory.read_tags(missing)
        return self._tags

    def describe(self, kind: ResourceKind, names: Iterable[str]) -> Mapping[str, Details | None]:
        """Details by name, those of the named among them; None for what is gone since it was listed."""
        known = self._details[kind]
        if missing := [name for name in dict.fromkeys(names) if name not in known]:
            known |= dict.fromkeys(missing) | self._inventory.describe_all(kind, missing)
        return known

    @cached_property
    def deployments(self) -> RecordedDeployments | Unreadable:
        """What the records of the listed endpoints say."""
        return self._inventory.read_deployments(self.bucket, self.listed(ENDPOINT), self._now)

    def count_invocations(
        self, variants: Iterable[Variant], since: datetime
    ) -> dict[Variant, float | Unreadable | None]:
        """Invocations of each variant until now; None where there is no data."""
        return self._inventory.count_invocations(variants, since, self._now)

    # --- as far as it has been described -----------------------------------------------------------------------------

    def needs(self, kind: ResourceKind, name: str) -> tuple[str, ...]:
        """Names of the configurations that an endpoint needs, or of the models that a configuration needs."""
        details = self._details[kind].get(name)
        return () if details is None or isinstance(details, Unreadable) else details.needs

    def roll_back_targets(self, endpoint_name: str) -> tuple[str, ...]:
        """Names of the configurations that an endpoint may have to return to."""
        known = RecordedDeployments() if isinstance(self.deployments, Unreadable) else self.deployments
        return tuple(name for name, endpoints in known.roll_back_targets.items() if endpoint_name in endpoints)

    def hidden(self, kind: ResourceKind, names: Iterable[str]) -> str | None:
        """One of those that may not be described, and why."""
        for name in names:
            if isinstance(details := self._details[kind].get(name), Unreadable):
                return f"{kind.noun} {name} cannot be described ({details.reason})"
        return None

    def hourly_cost(self, endpoint_name: str, prices: Mapping[str, float]) -> float | None:
        """Cost of an endpoint's instances per hour; None where it is unknown."""
        return hourly_cost(self._details[ENDPOINT].get(endpoint_name), self._details[ENDPOINT_CONFIG], prices)
