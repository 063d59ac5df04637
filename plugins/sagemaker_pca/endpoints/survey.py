"""Applies the rules to an inventory, cheapest facts first: lists, then tags and records, then descriptions and metrics.

Each fact is read only of what no cheaper fact has kept already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sagemaker_pca.endpoints import selection
from sagemaker_pca.endpoints.facts import Facts
from sagemaker_pca.endpoints.inventory import ConfigDetails, EndpointDetails, ListedResource, Unreadable, Variant
from sagemaker_pca.endpoints.selection import Decision, keep, leave_out, skip
from sagemaker_pca.plurals import counted
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL, ResourceKind
from sagemaker_pca.run.plan import EXPIRES_AT_TAG
from sagemaker_pca.settings.endpoint_command import EndpointCommand

# Who may need a configuration, who may need a model.
USERS = {ENDPOINT_CONFIG: ENDPOINT, MODEL: ENDPOINT_CONFIG}


class Survey:
    """What is to go, what stays, and why; `decisions` has one for every resource that the command could concern.

    :param facts: what there is
    :param command: a sweep or a deletion
    :param now: time by which ages and dates are judged
    :param deployment_id: of the Airflow that asks; None for one that has made nothing yet
    """

    def __init__(self, facts: Facts, command: EndpointCommand, now: datetime, deployment_id: str | None) -> None:
        self._facts, self._command, self._now, self._deployment_id = facts, command, now, deployment_id
        self.decisions: dict[ListedResource, Decision] = {}

    def run(self) -> None:
        """Decide about every resource that the command could concern."""
        endpoints = self._facts.listed(ENDPOINT).values()
        if self._command.command == "sweep" and not self._command.has_condition:
            self.decisions = dict.fromkeys(endpoints, leave_out("the sweep has no condition"))
        elif ENDPOINT in self._command.selected_kinds:
            self._select_endpoints()
            if self._command.with_dependents:
                self._select_dependents()
        else:
            self._select_unused()

    def going(self, kind: ResourceKind) -> list[ListedResource]:
        """What is to be deleted of a kind, in the order of its list."""
        found = ((item, decision) for item, decision in self.decisions.items() if item.kind is kind)
        return [item for item, decision in found if decision.action == "delete"]

    # --- endpoints ---------------------------------------------------------------------------------------------------

    def _select_endpoints(self) -> None:
        left = self._keep_by_list(ENDPOINT)
        left = self._keep(left, selection.kept_by_state)
        left = self._keep_by_tags_and_records(left, selected=True)
        if self._command.idle_days is not None:
            left = self._keep_busy(left)
        left = self._keep_undescribed(left)
        # They tell what to price the endpoints at, and what else goes.
        if self._command.hourly_prices or self._command.with_dependents:
            self._facts.describe(ENDPOINT_CONFIG, self._needed_by(left))
        self._let_go(left)

    def _keep_busy(self, endpoints: list[ListedResource]) -> list[ListedResource]:
        since = self._now - timedelta(days=self._command.idle_days or 0)
        left = self._keep_undescribed(endpoints)
        variants = {item: self._variants(item.name) for item in left}
        counts = self._facts.count_invocations([one for each in variants.values() for one in each], since)
        return self._keep(
            left, lambda item: selection.kept_by_traffic([counts[one] for one in variants[item]], self._command)
        )

    def _keep_undescribed(self, endpoints: list[ListedResource]) -> list[ListedResource]:
        details = self._facts.describe(ENDPOINT, (item.name for item in endpoints))

        def rule(endpoint: ListedResource) -> Decision | None:
            found = details[endpoint.name]
            if isinstance(found, Unreadable):
                return skip(f"it cannot be described: {found.reason}")
            return keep("gone since it was listed") if found is None else None

        return self._keep(endpoints, rule)

    def _variants(self, endpoint_name: str) -> list[Variant]:
        details = self._facts.describe(ENDPOINT, [endpoint_name])[endpoint_name]
        counts = details.instance_counts if isinstance(details, EndpointDetails) else {}
        return [Variant(endpoint_name, variant_name) for variant_name in counts]

    # --- configurations and models -----------------------------------------------------------------------------------

    def _select_dependents(self) -> None:
        for kind in (ENDPOINT_CONFIG, MODEL):
            listed = self._facts.listed(kind)
            self.decisions |= dict.fromkeys(listed.values(), leave_out("nothing that goes needs it"))
            needed = set(self._needed_by(self.going(USERS[kind])))
            self._release(kind, [item for name, item in listed.items() if name in needed], selected=False)

    def _select_unused(self) -> None:
        for kind in self._command.selected_kinds:
            left = self._keep_by_list(kind)
            left = self._keep(left, lambda item: selection.kept_by_grace(item, self._command, self._now))
            self._release(kind, left, selected=True)

    def _release(self, kind: ResourceKind, resources: list[ListedResource], *, selected: bool) -> None:
        """Let those configurations or models go that nothing which stays needs."""
        left = self._keep_by_tags_and_records(resources, selected=selected)
        if not left:
            return
        staying = self._staying(USERS[kind])
        # Those that leave too: what they need goes after them.
        self._facts.describe(USERS[kind], self._facts.listed(USERS[kind]))
        users = {needed: name for name in staying for needed in self._facts.needs(USERS[kind], name)}
        hidden = self._facts.hidden(USERS[kind], staying) or (self._unnamed_models() if kind is MODEL else None)

        def rule(resource: ListedResource) -> Decision | None:
            if resource.name in users:
                return keep(f"{USERS[kind].noun} {users[resource.name]} uses it")
            return skip(f"{hidden}: it may use this {kind.noun}") if hidden else None

        self._let_go(self._keep(left, rule))

    def _unnamed_models(self) -> str | None:
        """An endpoint that stays and whose models no configuration names."""
        staying = self._staying(ENDPOINT)
        self._facts.describe(ENDPOINT, staying)
        if hidden := self._facts.hidden(ENDPOINT, staying):
            return hidden
        for name in staying:
            config_names = self._facts.needs(ENDPOINT, name)
            configs = self._facts.describe(ENDPOINT_CONFIG, config_names)
            for config_name in config_names:
                details = configs[config_name]
                if details is None:
                    return f"configuration {config_name} of endpoint {name} is gone"
                if isinstance(details, ConfigDetails) and details.hosts_components:
                    return f"endpoint {name} hosts inference components"
        return None

    def _staying(self, kind: ResourceKind) -> list[str]:
        leaving = {item.name for item in self.going(kind)}
        return [name for name in self._facts.listed(kind) if name not in leaving]

    def _needed_by(self, resources: Iterable[ListedResource]) -> list[str]:
        return [name for item in resources for name in self._facts.needs(item.kind, item.name)]

    # --- what all kinds share ----------------------------------------------------------------------------------------

    def _keep(
        self, resources: Iterable[ListedResource], rule: Callable[[ListedResource], Decision | None]
    ) -> list[ListedResource]:
        """Note what the rule decides; return what it does not keep."""
        decided = {resource: rule(resource) for resource in resources}
        self.decisions |= {resource: decision for resource, decision in decided.items() if decision}
        return [resource for resource, decision in decided.items() if decision is None]

    def _keep_by_list(self, kind: ResourceKind) -> list[ListedResource]:
        listed = self._facts.listed(kind).values()
        return self._keep(listed, lambda item: selection.kept_by_list(item, self._command, self._now))

    def _keep_by_tags_and_records(self, resources: list[ListedResource], *, selected: bool) -> list[ListedResource]:
        tags, command, own, bucket = self._facts.tags(resources), self._command, self._deployment_id, self._facts.bucket
        left = self._keep(
            resources,
            lambda item: selection.kept_by_tags(
                tags[item.arn], command, self._now, deployment_id=own, bucket=bucket, selected=selected
            ),
        )
        if not left:
            return left
        deployments, leaving = self._facts.deployments, {item.name for item in self.going(ENDPOINT)}
        return self._keep(left, lambda item: selection.kept_by_deployments(item, tags[item.arn], deployments, leaving))

    def _let_go(self, resources: Iterable[ListedResource]) -> None:
        self.decisions |= {item: Decision(action="delete", reason=self._why(item)) for item in resources}

    def _why(self, resource: ListedResource) -> str:
        command = self._command
        if resource.kind not in command.selected_kinds:
            return "needed by nothing that stays"
        if command.command != "sweep":
            return "asked for"
        if resource.kind is not ENDPOINT:
            return "unused"
        reasons = [f"{EXPIRES_AT_TAG} reached"] if command.expired else []
        reasons += [f"idle for {counted(command.idle_days, 'day')}"] if command.idle_days else []
        return ", ".join(reasons) or "selected"
