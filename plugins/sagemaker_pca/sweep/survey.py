"""Applies the rules to an estate, cheapest facts first: lists, then tags and records, then descriptions and metrics.

Each fact is read at most once, and only of what no cheaper fact has kept already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, MODEL, ResourceKind
from sagemaker_pca.run_plan import EXPIRES_AT_TAG
from sagemaker_pca.sweep import selection
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.cost import hourly_cost
from sagemaker_pca.sweep.estate import (
    ConfigDetails,
    Deployments,
    EndpointDetails,
    Estate,
    Resource,
    Series,
    Tags,
    Unreadable,
)
from sagemaker_pca.sweep.selection import Verdict, keep, skip

GONE = keep("gone since it was listed")
NOT_USED = keep("not selected: no endpoint that goes uses it")


class Survey:
    """What is to go, what stays, and why; `verdicts` has one for every resource listed.

    :param estate: what there is
    :param command: a sweep or a deletion
    :param bucket: where the pipeline keeps leases and records
    :param now: time by which ages and dates are judged
    """

    def __init__(self, estate: Estate, command: EndpointCommand, bucket: str, now: datetime) -> None:
        self._estate, self._command, self._bucket, self._now = estate, command, bucket, now
        self.listed: dict[ResourceKind, dict[str, Resource]] = {}
        self.verdicts: dict[Resource, Verdict] = {}
        self.endpoint_details: dict[str, EndpointDetails | Unreadable] = {}
        self.config_details: dict[str, ConfigDetails | Unreadable] = {}
        self._described: dict[ResourceKind, set[str]] = {ENDPOINT: set(), ENDPOINT_CONFIG: set()}
        self._tags: dict[str, Tags] = {}
        self._deployments: Deployments | Unreadable | None = None

    def run(self) -> None:
        """Reach a verdict on every resource that the command could concern."""
        if self._command.command == "sweep" and not self._command.has_condition:
            for resource in self._list(ENDPOINT).values():
                self.verdicts[resource] = keep("not selected: the sweep has no condition")
            return
        self._list(ENDPOINT)
        if ENDPOINT in self._command.selected_kinds:
            self._select_endpoints()
            if self._command.with_dependents:
                self._select_dependents()
        else:
            self._select_unused()

    def going(self, kind: ResourceKind) -> list[Resource]:
        """What is to be deleted of a kind, in the order of its list."""
        return [resource for resource in self.listed.get(kind, {}).values() if self._goes(resource)]

    def needs(self, resource: Resource) -> tuple[str, ...]:
        """Configurations that an endpoint uses, or models that a configuration uses, as far as they are known."""
        return self._configs_of(resource.name) if resource.kind is ENDPOINT else self._models_of(resource.name)

    def hourly_cost(self, endpoint_name: str) -> float | None:
        """What a described endpoint costs an hour."""
        endpoint = self.endpoint_details.get(endpoint_name)
        if not isinstance(endpoint, EndpointDetails):
            return None
        found = {name: self.config_details.get(name) for name in endpoint.config_names}
        configs = {name: details for name, details in found.items() if isinstance(details, ConfigDetails)}
        return hourly_cost(endpoint, configs, self._command.hourly_prices)

    # --- endpoints ---------------------------------------------------------------------------------------------------

    def _select_endpoints(self) -> None:
        command, now = self._command, self._now
        left = self._keep(self._list(ENDPOINT).values(), lambda item: selection.kept_by_list(item, command, now))
        left = self._keep(left, selection.kept_by_state)
        left = self._keep_by_tags_and_records(left, selected=True)
        if command.idle_days is not None:
            left = self._keep_busy(left)
        left = self._keep_undescribed(left)
        self._describe_configs(name for item in left for name in self._configs_of(item.name))
        self._let_go(left)

    def _keep_busy(self, endpoints: list[Resource]) -> list[Resource]:
        days = self._command.idle_days or 0
        left = self._keep_undescribed(endpoints)
        series = {item: [Series(item.name, variant) for variant in self._variants(item.name)] for item in left}
        counts = self._estate.count_invocations(
            [one for each in series.values() for one in each], self._now - timedelta(days=days), self._now
        )
        return self._keep(
            left, lambda item: selection.kept_by_traffic([counts[one] for one in series[item]], self._command)
        )

    def _keep_undescribed(self, endpoints: list[Resource]) -> list[Resource]:
        self._describe_endpoints(item.name for item in endpoints)

        def verdict(endpoint: Resource) -> Verdict | None:
            details = self.endpoint_details.get(endpoint.name)
            if isinstance(details, Unreadable):
                return skip(f"it cannot be described: {details.reason}")
            return GONE if details is None else None

        return self._keep(endpoints, verdict)

    def _variants(self, endpoint_name: str) -> Iterable[str]:
        details = self.endpoint_details[endpoint_name]
        return () if isinstance(details, Unreadable) else details.instance_counts

    # --- configurations and models -----------------------------------------------------------------------------------

    def _select_dependents(self) -> None:
        going = self.going(ENDPOINT)
        configs, models = self._list(ENDPOINT_CONFIG), self._list(MODEL)
        self.verdicts |= dict.fromkeys([*configs.values(), *models.values()], NOT_USED)
        used = {name for item in going for name in self._configs_of(item.name)}
        self._release_configs([configs[name] for name in configs if name in used])
        used = {name for item in self.going(ENDPOINT_CONFIG) for name in self._models_of(item.name)}
        self._release_models([models[name] for name in models if name in used])

    def _select_unused(self) -> None:
        command, now = self._command, self._now
        release = {ENDPOINT_CONFIG: self._release_configs, MODEL: self._release_models}
        for kind in command.selected_kinds:
            left = self._keep(self._list(kind).values(), lambda item: selection.kept_by_list(item, command, now))
            left = self._keep(left, lambda item: selection.kept_by_grace(item, command, now))
            release[kind](left, selected=True)

    def _release_configs(self, configs: list[Resource], *, selected: bool = False) -> None:
        """Let those configurations go that nothing needs and that no endpoint which stays uses."""
        left = self._keep_by_tags_and_records(configs, selected=selected)
        if not left:
            return
        leaving = {item.name for item in self.going(ENDPOINT)}
        staying = [name for name in self._list(ENDPOINT) if name not in leaving]
        self._describe_endpoints(staying)
        users = self._users(staying, self._configs_of)
        hidden = self._unreadable("endpoint", staying, self.endpoint_details)

        def verdict(config: Resource) -> Verdict | None:
            if config.name in users:
                return keep(f"endpoint {users[config.name]} uses it")
            return skip(f"{hidden}: it may use this configuration") if hidden else None

        self._let_go(self._keep(left, verdict))

    def _release_models(self, models: list[Resource], *, selected: bool = False) -> None:
        """Let those models go that nothing needs and that no configuration which stays uses."""
        left = self._keep_by_tags_and_records(models, selected=selected)
        if not left:
            return
        leaving = {item.name for item in self.going(ENDPOINT_CONFIG)}
        staying = [name for name in self._list(ENDPOINT_CONFIG) if name not in leaving]
        self._describe_configs(self._list(ENDPOINT_CONFIG))  # those that leave too: their models go after them
        users = self._users(staying, self._models_of)
        hidden = self._unreadable("configuration", staying, self.config_details) or self._unnamed_models()

        def verdict(model: Resource) -> Verdict | None:
            if model.name in users:
                return keep(f"configuration {users[model.name]} uses it")
            return skip(f"{hidden}: it may use this model") if hidden else None

        self._let_go(self._keep(left, verdict))

    def _unnamed_models(self) -> str | None:
        """An endpoint that stays and whose models no configuration names."""
        leaving = {item.name for item in self.going(ENDPOINT)}
        staying = [name for name in self._list(ENDPOINT) if name not in leaving]
        self._describe_endpoints(staying)
        if hidden := self._unreadable("endpoint", staying, self.endpoint_details):
            return hidden
        for name in staying:
            for config_name in self._configs_of(name):
                details = self.config_details.get(config_name)
                if details is None:
                    return f"configuration {config_name} of endpoint {name} is gone"
                if isinstance(details, ConfigDetails) and details.hosts_components:
                    return f"endpoint {name} hosts inference components"
        return None

    def _configs_of(self, endpoint_name: str) -> tuple[str, ...]:
        details = self.endpoint_details.get(endpoint_name)
        return details.config_names if isinstance(details, EndpointDetails) else ()

    def _models_of(self, config_name: str) -> tuple[str, ...]:
        details = self.config_details.get(config_name)
        return details.model_names if isinstance(details, ConfigDetails) else ()

    @staticmethod
    def _users(names: Iterable[str], needs: Callable[[str], tuple[str, ...]]) -> dict[str, str]:
        """One of those that need it, by name of what is needed."""
        return {needed: name for name in names for needed in needs(name)}

    @staticmethod
    def _unreadable(noun: str, names: Iterable[str], details: Mapping[str, object]) -> str | None:
        for name in names:
            if isinstance(found := details.get(name), Unreadable):
                return f"{noun} {name} cannot be described ({found.reason})"
        return None

    # --- what all kinds share ----------------------------------------------------------------------------------------

    def _keep(self, resources: Iterable[Resource], rule: Callable[[Resource], Verdict | None]) -> list[Resource]:
        """Note the rule's verdicts; return what it does not keep."""
        left = []
        for resource in resources:
            if (verdict := rule(resource)) is None:
                left.append(resource)
            else:
                self.verdicts[resource] = verdict
        return left

    def _keep_by_tags_and_records(self, resources: list[Resource], *, selected: bool) -> list[Resource]:
        """Apply the rules on tags and records; conditions on tags only to what is selected, not taken along."""
        command, now = self._command, self._now
        missing = [item.arn for item in resources if item.arn not in self._tags]
        self._tags |= self._estate.read_tags(missing) if missing else {}
        left = resources
        if selected:
            left = self._keep(left, lambda item: selection.kept_by_tags(self._tags[item.arn], command, now))
        left = self._keep(left, lambda item: selection.kept_by_protection(self._tags[item.arn], command, now))
        if not left:
            return left
        if self._deployments is None:
            self._deployments = self._estate.read_deployments(self._bucket, self._list(ENDPOINT), now)
        deployments, leaving = self._deployments, {item.name for item in self.going(ENDPOINT)}
        return self._keep(
            left, lambda item: selection.kept_by_deployments(item, self._tags[item.arn], deployments, leaving)
        )

    def _let_go(self, resources: Iterable[Resource]) -> None:
        self.verdicts |= {item: Verdict("delete", self._why(item)) for item in resources}

    def _why(self, resource: Resource) -> str:
        command = self._command
        if command.command != "sweep":
            return "asked for" if resource.kind in command.selected_kinds else "used by nothing that stays"
        if resource.kind is not ENDPOINT:
            return "unused" if command.orphaned else "used by nothing that stays"
        reasons = [f"{EXPIRES_AT_TAG} reached"] if command.expired else []
        reasons += [f"idle for {command.idle_days} days"] if command.idle_days is not None else []
        return ", ".join(reasons) or "selected"

    def _goes(self, resource: Resource) -> bool:
        return resource in self.verdicts and self.verdicts[resource].decision == "delete"

    def _list(self, kind: ResourceKind) -> dict[str, Resource]:
        if kind not in self.listed:
            self.listed[kind] = {item.name: item for item in self._estate.list_resources(kind)}
        return self.listed[kind]

    def _describe_endpoints(self, names: Iterable[str]) -> None:
        new = [name for name in dict.fromkeys(names) if name not in self._described[ENDPOINT]]
        self._described[ENDPOINT].update(new)
        self.endpoint_details |= self._estate.describe_endpoints(new) if new else {}

    def _describe_configs(self, names: Iterable[str]) -> None:
        new = [name for name in dict.fromkeys(names) if name not in self._described[ENDPOINT_CONFIG]]
        self._described[ENDPOINT_CONFIG].update(new)
        self.config_details |= self._estate.describe_configs(new) if new else {}
