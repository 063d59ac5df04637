"""An inventory in memory: what a sweep asks for and changes, and the truth about what must never be deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sagemaker_pca.endpoints.inventory import (
    ConfigDetails,
    Details,
    EndpointDetails,
    ListedResource,
    RecordedDeployments,
    Tags,
    Unreadable,
    Variant,
)
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL, ResourceKind
from tests.run_plans import DEPLOYMENT_ID

MANAGED = {"managed-by": "sagemaker-pca", "deployment-id": DEPLOYMENT_ID}
CHANGING = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
KINDS = (ENDPOINT, ENDPOINT_CONFIG, MODEL)


@dataclass
class Made:
    """An endpoint, configuration or model as it is.

    :param uses: configurations of an endpoint, models of a configuration
    :param invocations: of each variant of an endpoint; None is no data
    """

    age: timedelta = timedelta(days=30)
    tags: dict[str, str] = field(default_factory=lambda: dict(MANAGED))
    status: str = "InService"
    uses: tuple[str, ...] = ()
    invocations: dict[str, float | None] = field(default_factory=lambda: {"AllTraffic": None})
    instance_type: str | None = "ml.m5.large"
    hosts_components: bool = False
    changed_at: datetime | None = None


class InMemoryInventory:
    """Implements `Inventory`; counts what was asked and deleted."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)
        self.made: dict[ResourceKind, dict[str, Made]] = {kind: {} for kind in KINDS}
        self.holders: dict[str, str] = {}
        self.targets: dict[str, tuple[str, ...]] = {}
        self.unreadable: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.deleted: list[tuple[ResourceKind, str]] = []
        self.refuses_to_delete: set[str] = set()
        self.slow_to_go: set[str] = set()

    @property
    def endpoints(self) -> dict[str, Made]:
        return self.made[ENDPOINT]

    @property
    def configs(self) -> dict[str, Made]:
        return self.made[ENDPOINT_CONFIG]

    @property
    def models(self) -> dict[str, Made]:
        return self.made[MODEL]

    def serve(self, name: str, made: Made | None = None) -> None:
        """Add an endpoint with a configuration and a model of the same name."""
        made = made or Made()
        self.endpoints[name] = made
        made.uses = (name,)
        self.configs[name] = Made(age=made.age, uses=(name,))
        self.models[name] = Made(age=made.age)

    # --- what must never be deleted --------------------------------------------------------------------------------

    def must_stay(self, kind: ResourceKind, name: str, *, managed_only: bool = True) -> str | None:
        """Why deleting this now would be wrong, whoever asks; None when it would not."""
        made = self.made[kind][name]
        if made.tags.get("protect") == "true":
            return "protected"
        if managed_only and not MANAGED.items() <= made.tags.items():
            return "not ours"
        if (
            made.tags.get("managed-by") == "sagemaker-pca"
            and made.tags.get("deployment-id", DEPLOYMENT_ID) != DEPLOYMENT_ID
        ):
            return "another deployment's"
        if kind is ENDPOINT:
            return "changing" if made.status in CHANGING else "leased" if name in self.holders else None
        if made.tags.get("run-name") in self.holders.values():
            return "of a run that deploys"
        if kind is ENDPOINT_CONFIG:
            return "in use" if name in self._needed_configs() else None
        return "in use" if any(name in config.uses for config in self.configs.values()) else None

    def _needed_configs(self) -> set[str]:
        used = {name for made in self.endpoints.values() for name in made.uses}
        return used | {
            name for name, endpoints in self.targets.items() if any(one in self.endpoints for one in endpoints)
        }

    # --- Inventory ----------------------------------------------------------------------------------------------------

    def list_resources(self, kind: ResourceKind, since: datetime | None = None) -> list[ListedResource]:
        self.asked[f"list {kind.noun}"] += 1
        listed = [self._resource(kind, name) for name in self.made[kind]]
        return [item for item in listed if since is None or item.changed_at > since]

    def find_resource(self, kind: ResourceKind, name: str) -> ListedResource | None:
        return self._resource(kind, name) if name in self.made[kind] else None

    def read_tags(self, arns: Iterable[str]) -> dict[str, Tags]:
        asked = list(arns)
        self.asked.update(f"tags {arn}" for arn in asked)
        return {arn: self.read_current_tags(arn) for arn in asked}

    def read_current_tags(self, arn: str) -> Tags:
        if arn in self.unreadable:
            return Unreadable("AccessDeniedException")
        kind, name = self._of_arn(arn)
        return dict(self.made[kind][name].tags)

    def describe_all(self, kind: ResourceKind, names: Iterable[str]) -> dict[str, Details]:
        return {name: self._details(kind, name) for name in names if name in self.made[kind]}

    def count_invocations(
        self, variants: Iterable[Variant], start: datetime, end: datetime
    ) -> dict[Variant, float | Unreadable | None]:
        asked = list(variants)
        self.asked.update(f"metrics {one}" for one in asked)
        return {
            one: Unreadable("AccessDenied")
            if f"metrics {one.endpoint_name}" in self.unreadable
            else self.endpoints[one.endpoint_name].invocations[one.variant_name]
            for one in asked
        }

    def read_deployments(
        self, bucket: str, endpoint_names: Collection[str], now: datetime
    ) -> RecordedDeployments | Unreadable:
        if bucket in self.unreadable:
            return Unreadable("NoSuchBucket")
        targets = {
            name: tuple(one for one in endpoints if one in endpoint_names) for name, endpoints in self.targets.items()
        }
        kept = {name: endpoints for name, endpoints in targets.items() if endpoints}
        return RecordedDeployments(dict(self.holders), kept)

    def delete_resource(self, kind: ResourceKind, name: str) -> None:
        if name in self.refuses_to_delete:
            raise PermissionError(f"{name} may not be deleted")
        self.deleted.append((kind, name))
        if name in self.slow_to_go and kind is ENDPOINT:
            self.endpoints[name].status = "Deleting"
        else:
            del self.made[kind][name]

    def let_go(self) -> None:
        """Let all endpoints that are being deleted be gone."""
        for name in [name for name, made in self.endpoints.items() if made.status == "Deleting"]:
            del self.endpoints[name]

    # --- how it answers --------------------------------------------------------------------------------------------

    def _resource(self, kind: ResourceKind, name: str) -> ListedResource:
        made = self.made[kind][name]
        created_at = self.now - made.age
        status = made.status if kind is ENDPOINT else None
        return ListedResource(kind, name, arn(kind, name), created_at, made.changed_at or created_at, status)

    def _of_arn(self, text: str) -> tuple[ResourceKind, str]:
        operation, _, name = text.removeprefix("arn:").partition("/")
        return next(kind for kind in KINDS if kind.operation == operation), name

    def _details(self, kind: ResourceKind, name: str) -> Details:
        fact, made = f"describe {kind.noun} {name}", self.made[kind][name]
        self.asked[fact] += 1
        if fact in self.unreadable:
            return Unreadable("AccessDeniedException")
        if kind is ENDPOINT:
            return EndpointDetails(made.uses, dict.fromkeys(made.invocations, 1))
        return ConfigDetails(made.uses, {"AllTraffic": made.instance_type}, made.hosts_components)


def arn(kind: ResourceKind, name: str) -> str:
    """The resource's ARN in this inventory."""
    return f"arn:{kind.operation}/{name}"
