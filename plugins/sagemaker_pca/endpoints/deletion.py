"""Carries a chain of deletions out, looking at each state again right before each call; nothing here waits."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.endpoints import selection
from sagemaker_pca.endpoints.chains import KIND_OF, Chain, Deletion, KindName
from sagemaker_pca.endpoints.inventory import EndpointDetails, Inventory, ListedResource, Tags, Unreadable, Variant
from sagemaker_pca.endpoints.selection import Decision, keep, skip
from sagemaker_pca.endpoints.survey import USERS
from sagemaker_pca.exceptions import DeploymentError, WaitTimeoutError
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, ResourceKind
from sagemaker_pca.settings.endpoint_command import EndpointCommand

log = logging.getLogger(__name__)

# Room for clocks that disagree, when asking what has changed since the plan.
CLOCK_MARGIN = timedelta(minutes=5)
# Lists and descriptions may tell one time in different precision.
SAME_TIME = timedelta(seconds=1)


class Outcome(BaseModel):
    """What became of one planned deletion; `gone` was deleted already, `kept` has a reason not to go any more."""

    model_config = ConfigDict(frozen=True)

    kind: KindName
    name: str
    outcome: Literal["deleted", "gone", "kept", "failed"]
    reason: str = ""

    def is_refusal_of(self, command: EndpointCommand) -> bool:
        """Whether the very resource that a command names was kept."""
        return self.outcome == "kept" and self.name == command.name and KIND_OF[self.kind] in command.selected_kinds


class ChainDeletion:
    """One chain, being deleted.

    An endpoint takes some time to go; its configuration has to wait for that. So :meth:`advance` deletes what can be
    deleted now, and whoever waits begins anew with the outcomes and awaited endpoints that there were before.

    :param inventory: what there is
    :param chain: what to delete, in this order
    :param outcomes: what became of deletions before; those that failed are tried once more
    :param awaited: names of endpoints that were asked to go before and were still there
    """

    def __init__(
        self, inventory: Inventory, chain: Chain, outcomes: Iterable[Outcome] = (), awaited: Iterable[str] = ()
    ) -> None:
        self._inventory, self._chain, self._command = inventory, chain, chain.command
        self._outcomes = {(item.kind, item.name): item for item in outcomes if item.outcome != "failed"}
        self._asked = set(awaited)
        self.errors: list[Exception] = []

    @property
    def outcomes(self) -> list[Outcome]:
        """What has become of deletions so far, in the chain's order."""
        keys = ((deletion.kind, deletion.name) for deletion in self._chain.deletions)
        return [self._outcomes[key] for key in keys if key in self._outcomes]

    @property
    def awaited(self) -> list[str]:
        """Endpoints that were asked to go and are still there."""
        return sorted(name for name in self._asked if ("endpoint", name) not in self._outcomes)

    def advance(self, *, out_of_time: bool = False) -> list[str]:
        """Delete what can be deleted now; a failure keeps what depends on it and nothing else.

        :param out_of_time: whether endpoints that are still there have failed to go
        :return: endpoints that have to be gone before there is more to do; none when all is done
        """
        for deletion in self._chain.deletions:
            if KIND_OF[deletion.kind] is not ENDPOINT and self.awaited:
                break
            if (deletion.kind, deletion.name) not in self._outcomes:
                self._note(deletion, self._attempt(deletion, out_of_time=out_of_time))
        return self.awaited

    def _note(self, deletion: Deletion, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._outcomes[(deletion.kind, deletion.name)] = outcome
        result = f"{outcome.outcome} {outcome.reason}" if outcome else "asked to go"
        log.info("%s %s: %s", KIND_OF[deletion.kind].noun, deletion.name, result)

    def _attempt(self, deletion: Deletion, *, out_of_time: bool) -> Outcome | None:
        try:
            return self._carry_out(deletion, out_of_time=out_of_time)
        except Exception as error:
            # Whatever it is, the other deletions of the chain are none the worse for it; the task raises it in the end.
            self.errors.append(error)
            return Outcome(kind=deletion.kind, name=deletion.name, outcome="failed", reason=str(error))

    def _carry_out(self, deletion: Deletion, *, out_of_time: bool) -> Outcome | None:
        """Delete one resource, or see what became of its deletion; None while an endpoint is on its way out."""
        kind, outcome = KIND_OF[deletion.kind], Outcome(kind=deletion.kind, name=deletion.name, outcome="deleted")
        resource = self._inventory.find_resource(kind, deletion.name)
        asked = kind is ENDPOINT and deletion.name in self._asked
        if resource is None:
            gone = {"outcome": "gone", "reason": "deleted already"}
            return outcome if asked else outcome.model_copy(update=gone)
        if asked or resource.status == "Deleting":
            self._asked.add(deletion.name)
            _check_deleting(resource, out_of_time=out_of_time)
            return None
        if decision := self._kept(deletion, resource):
            return outcome.model_copy(update={"outcome": "kept", "reason": decision.explanation})
        self._inventory.delete_resource(kind, deletion.name)
        if kind is ENDPOINT and self._inventory.find_resource(kind, deletion.name) is not None:
            self._asked.add(deletion.name)
            return None
        return outcome

    # --- what may have changed since the plan ------------------------------------------------------------------------

    def _kept(self, deletion: Deletion, resource: ListedResource) -> Decision | None:
        """The first rule that keeps the resource by now, cheapest facts first."""
        now, selected = datetime.now(UTC), resource.kind in self._command.selected_kinds
        decision = self._kept_by_chain(deletion, resource) or selection.kept_by_state(resource)
        if selected:
            decision = decision or selection.kept_by_list(resource, self._command, now)
        if decision:
            return decision
        tags = self._inventory.read_current_tags(resource.arn)
        own, bucket = self._chain.deployment_id, self._chain.bucket
        return (
            selection.kept_by_tags(tags, self._command, now, deployment_id=own, bucket=bucket, selected=selected)
            or self._kept_by_deployments(resource, tags, now)
            or self._kept_by_use(resource, now)
        )

    def _kept_by_chain(self, deletion: Deletion, resource: ListedResource) -> Decision | None:
        for user in self._chain.users_of(deletion):
            if self._outcomes[(user.kind, user.name)].outcome not in {"deleted", "gone"}:
                return keep(f"{KIND_OF[user.kind].noun} {user.name} needs it and was not deleted")
        return keep("changed since the plan") if abs(resource.changed_at - deletion.changed_at) > SAME_TIME else None

    def _kept_by_deployments(self, resource: ListedResource, tags: Tags, now: datetime) -> Decision | None:
        # Records without a lease have not changed since the plan: only a deployment, which takes one, changes them.
        # But an endpoint that has appeared since may have those of an earlier one.
        appeared = [item.name for item in self._changed(ENDPOINT)] if resource.kind is ENDPOINT_CONFIG else []
        deployments = self._inventory.read_deployments(self._chain.bucket, appeared, now)
        leaving = [deletion.name for deletion in self._chain.deletions if KIND_OF[deletion.kind] is ENDPOINT]
        return selection.kept_by_deployments(resource, tags, deployments, leaving)

    def _kept_by_use(self, resource: ListedResource, now: datetime) -> Decision | None:
        if resource.kind is not ENDPOINT:
            return self._kept_by_new_user(resource)
        return self._kept_by_traffic(resource, now) if self._command.idle_days is not None else None

    def _kept_by_new_user(self, resource: ListedResource) -> Decision | None:
        user = USERS[resource.kind]
        changed = [item.name for item in self._changed(user)]
        for name, details in self._inventory.describe_all(user, changed).items():
            if isinstance(details, Unreadable):
                return skip(f"{user.noun} {name} cannot be described: {details.reason}")
            if resource.name in details.needs:
                return keep(f"{user.noun} {name} uses it by now")
        return None

    def _changed(self, kind: ResourceKind) -> list[ListedResource]:
        return self._inventory.list_resources(kind, since=self._chain.planned_at - CLOCK_MARGIN)

    def _kept_by_traffic(self, endpoint: ListedResource, now: datetime) -> Decision | None:
        details = self._inventory.describe_all(ENDPOINT, [endpoint.name]).get(endpoint.name)
        if not isinstance(details, EndpointDetails):
            return skip("it cannot be described any more")
        variants = [Variant(endpoint.name, variant_name) for variant_name in details.instance_counts]
        start = now - timedelta(days=self._command.idle_days or 0)
        counts = self._inventory.count_invocations(variants, start, now)
        return selection.kept_by_traffic(counts.values(), self._command)


def _check_deleting(endpoint: ListedResource, *, out_of_time: bool) -> None:
    """Refuse an endpoint that was asked to go and stays.

    Raises:
        DeploymentError: when it is on its way to another state, or back.
        WaitTimeoutError: when it has not gone in time.
    """
    if endpoint.status != "Deleting":
        raise DeploymentError(
            f"endpoint {endpoint.name} is {endpoint.status} after it was asked to go.",
            hint="Look for whoever creates it again, and delete it anew.",
        )
    if out_of_time:
        raise WaitTimeoutError(
            f"endpoint {endpoint.name} is still Deleting.",
            hint="Look at it in the console; deleting it again does no harm.",
        )
