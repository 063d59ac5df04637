"""Carries a chain of deletions out, looking at each state again right before each call."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, MODEL
from sagemaker_pca.sweep import selection
from sagemaker_pca.sweep.chains import KIND_OF, Chain, Operation, Step
from sagemaker_pca.sweep.estate import EndpointDetails, Estate, Resource, Series, Tags, Unreadable
from sagemaker_pca.sweep.selection import Verdict, keep, skip

log = logging.getLogger(__name__)

# Room for clocks that disagree, when asking what has changed since the plan.
CLOCK_MARGIN = timedelta(minutes=5)
# Lists and descriptions may tell one time in different precision.
SAME_TIME = timedelta(seconds=1)


class Outcome(BaseModel):
    """What became of one planned deletion; `gone` was deleted already, `kept` has a reason not to go any more."""

    model_config = ConfigDict(frozen=True)

    kind: Operation
    name: str
    outcome: Literal["deleted", "gone", "kept", "failed"]
    reason: str = ""


class ChainDeletion:
    """One chain, being deleted.

    :param estate: what there is
    :param chain: what to delete, in this order
    """

    def __init__(self, estate: Estate, chain: Chain) -> None:
        self._estate, self._chain, self._command = estate, chain, chain.command
        self._outcomes: dict[Step, Outcome] = {}
        self.errors: list[Exception] = []

    def run(self) -> list[Outcome]:
        """Delete step by step; a failure keeps what depends on it and nothing else."""
        for step in self._chain.steps:
            outcome = self._outcomes[step] = self._carried_out(step)
            log.info("%s %s: %s %s", KIND_OF[step.kind].noun, step.name, outcome.outcome, outcome.reason)
        return list(self._outcomes.values())

    def _carried_out(self, step: Step) -> Outcome:
        try:
            kind, resource = KIND_OF[step.kind], self._estate.find_resource(KIND_OF[step.kind], step.name)
            if resource is None:
                return Outcome(kind=step.kind, name=step.name, outcome="gone", reason="deleted already")
            if verdict := self._kept(step, resource):
                return Outcome(kind=step.kind, name=step.name, outcome="kept", reason=verdict.reason)
            self._estate.delete_resource(kind, step.name)
            if kind is ENDPOINT:
                self._estate.wait_until_deleted(step.name, self._command.poll_seconds)
        except Exception as error:
            # Whatever it is, the other deletions of the chain are none the worse for it; the task raises it in the end.
            self.errors.append(error)
            return Outcome(kind=step.kind, name=step.name, outcome="failed", reason=str(error))
        return Outcome(kind=step.kind, name=step.name, outcome="deleted")

    # --- what may have changed since the plan ------------------------------------------------------------------------

    def _kept(self, step: Step, resource: Resource) -> Verdict | None:
        """The first rule that keeps the resource by now, cheapest facts first."""
        now = datetime.now(UTC)
        if verdict := self._kept_by_chain(step, resource) or selection.kept_by_state(resource):
            return verdict
        tags = self._estate.read_current_tags(resource.arn)
        if resource.kind in self._command.selected_kinds:
            verdict = selection.kept_by_list(resource, self._command, now)
            verdict = verdict or selection.kept_by_tags(tags, self._command, now)
        verdict = verdict or selection.kept_by_protection(tags, self._command, now)
        return verdict or self._kept_by_deployments(resource, tags, now) or self._kept_by_use(resource, now)

    def _kept_by_chain(self, step: Step, resource: Resource) -> Verdict | None:
        for user in self._chain.users_of(step):
            if self._outcomes[user].outcome not in {"deleted", "gone"}:
                return keep(f"{KIND_OF[user.kind].noun} {user.name} uses it and was not deleted")
        return keep("changed since the plan") if abs(resource.changed_at - step.changed_at) > SAME_TIME else None

    def _kept_by_deployments(self, resource: Resource, tags: Tags, now: datetime) -> Verdict | None:
        # Ways back without a lease have not changed since the plan: only a deployment, which takes one, changes them.
        deployments = self._estate.read_deployments(self._chain.bucket, (), now)
        leaving = [step.name for step in self._chain.steps if KIND_OF[step.kind] is ENDPOINT]
        return selection.kept_by_deployments(resource, tags, deployments, leaving)

    def _kept_by_use(self, resource: Resource, now: datetime) -> Verdict | None:
        if resource.kind is ENDPOINT_CONFIG:
            return self._kept_by_new_endpoint(resource)
        if resource.kind is MODEL:
            return self._kept_by_new_config(resource)
        return self._kept_by_traffic(resource, now) if self._command.idle_days is not None else None

    def _kept_by_new_endpoint(self, config: Resource) -> Verdict | None:
        changed = self._estate.list_resources(ENDPOINT, since=self._chain.planned_at - CLOCK_MARGIN)
        for name, details in self._estate.describe_endpoints(item.name for item in changed).items():
            if isinstance(details, Unreadable):
                return skip(f"endpoint {name} cannot be described: {details.reason}")
            if config.name in details.config_names:
                return keep(f"endpoint {name} uses it by now")
        return None

    def _kept_by_new_config(self, model: Resource) -> Verdict | None:
        new = self._estate.list_resources(ENDPOINT_CONFIG, since=self._chain.planned_at - CLOCK_MARGIN)
        for name, details in self._estate.describe_configs(item.name for item in new).items():
            if isinstance(details, Unreadable):
                return skip(f"configuration {name} cannot be described: {details.reason}")
            if model.name in details.model_names:
                return keep(f"configuration {name} uses it by now")
        return None

    def _kept_by_traffic(self, endpoint: Resource, now: datetime) -> Verdict | None:
        details = self._estate.describe_endpoints([endpoint.name]).get(endpoint.name)
        if not isinstance(details, EndpointDetails):
            return skip("it cannot be described any more")
        series = [Series(endpoint.name, variant) for variant in details.instance_counts]
        start = now - timedelta(days=self._command.idle_days or 0)
        counts = self._estate.count_invocations(series, start, now)
        return selection.kept_by_traffic(counts.values(), self._command)
