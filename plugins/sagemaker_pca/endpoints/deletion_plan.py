"""What a command would delete: the decisions of a survey, their cost, and the caps. Pure, and plain JSON in XCom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sagemaker_pca.endpoints.chains import KIND_OF, KINDS, Chain, KindName, connected_deletions
from sagemaker_pca.endpoints.cost import HOURS_PER_MONTH, hours_alive
from sagemaker_pca.endpoints.facts import Facts
from sagemaker_pca.endpoints.inventory import Inventory, ListedResource
from sagemaker_pca.endpoints.selection import Decision
from sagemaker_pca.endpoints.survey import Survey
from sagemaker_pca.exceptions import Failure
from sagemaker_pca.resource_kinds import ENDPOINT
from sagemaker_pca.settings.endpoint_command import EndpointCommand

# A percentage says nothing of so few: one endpoint of one is all of them.
HANDFUL = 5


class PlannedResource(Decision):
    """The decision on one resource; the cost is an endpoint's, None where it is unknown."""

    kind: KindName
    name: str
    status: str | None
    created_at: datetime
    hours_alive: float
    hourly_cost: float | None


class DeletionPlan(BaseModel):
    """Every resource that a command could concern, and the deletions in chains.

    :param chains: what the tasks that delete get, each its own; not in the plan's JSON
    :param refusal: why nothing may be deleted though something was asked for; None when nothing speaks against it
    """

    model_config = ConfigDict(frozen=True)

    command: EndpointCommand
    bucket: str
    deployment_id: str | None
    planned_at: datetime
    resources: tuple[PlannedResource, ...]
    chains: tuple[Chain, ...] = Field(default=(), exclude=True)
    refusal: Failure | None

    @property
    def going(self) -> list[PlannedResource]:
        """What the plan deletes."""
        return [resource for resource in self.resources if resource.action == "delete"]

    @property
    def monthly_saving(self) -> float:
        """What the deletions save a month, as far as prices are known."""
        return HOURS_PER_MONTH * sum(resource.hourly_cost or 0 for resource in self.going)

    @property
    def unpriced_endpoints(self) -> int:
        """Endpoints to be deleted whose cost is unknown."""
        return sum(resource.kind == "endpoint" and resource.hourly_cost is None for resource in self.going)


def plan_deletion(
    inventory: Inventory, command: EndpointCommand, now: datetime, *, bucket: str, deployment_id: str | None
) -> DeletionPlan:
    """Survey the inventory and plan the deletions that a command asks for; nothing is changed.

    :param bucket: where the pipeline keeps leases and records
    :param deployment_id: of the Airflow that asks; None for one that has made nothing yet
    """
    return plan_from(Facts(inventory, bucket, now), command, now, deployment_id)


def plan_from(facts: Facts, command: EndpointCommand, now: datetime, deployment_id: str | None) -> DeletionPlan:
    """Likewise of facts that may be known in part already, as where two plans are made of the same."""
    survey = Survey(facts, command, now, deployment_id)
    survey.run()
    needs = {item: _needed(item, facts) for kind in KINDS for item in survey.going(kind)}
    planned = [_planned(item, decision, facts, command, now) for item, decision in survey.decisions.items()]
    asked: dict[str, Any] = {
        "command": command,
        "bucket": facts.bucket,
        "deployment_id": deployment_id,
        "planned_at": now,
    }
    return DeletionPlan(
        **asked,
        resources=tuple(planned),
        chains=tuple(Chain(**asked, deletions=deletions) for deletions in connected_deletions(needs)),
        refusal=_cap_exceeded(command, planned, facts) or _kept_by_name(command, planned),
    )


def _needed(resource: ListedResource, facts: Facts) -> tuple[str, ...]:
    """What goes only when the resource has gone: an endpoint that is kept after all may have to be rolled back."""
    targets = facts.roll_back_targets(resource.name) if resource.kind is ENDPOINT else ()
    return tuple(dict.fromkeys([*facts.needs(resource.kind, resource.name), *targets]))


def _planned(
    resource: ListedResource, decision: Decision, facts: Facts, command: EndpointCommand, now: datetime
) -> PlannedResource:
    priced = decision.action == "delete" and resource.kind is ENDPOINT
    return PlannedResource.model_validate(
        {
            **decision.model_dump(),
            "kind": resource.kind.operation,
            "name": resource.name,
            "status": resource.status,
            "created_at": resource.created_at,
            "hours_alive": round(hours_alive(resource.created_at, now), 1),
            "hourly_cost": facts.hourly_cost(resource.name, command.hourly_prices) if priced else None,
        }
    )


def _kept_by_name(command: EndpointCommand, resources: Iterable[PlannedResource]) -> Failure | None:
    for item in resources:
        if item.name == command.name and KIND_OF[item.kind] in command.selected_kinds and item.action != "delete":
            return Failure(reason=f"{command.command} {command.name}: {item.explanation}.")
    return None


def _cap_exceeded(command: EndpointCommand, resources: Iterable[PlannedResource], facts: Facts) -> Failure | None:
    if command.command != "sweep":
        return None
    going = Counter(item.kind for item in resources if item.action == "delete")
    if going.total() > command.max_delete:
        return Failure(
            reason=f"The sweep would delete {going.total()} resources, more than max_delete={command.max_delete}.",
            hint="Narrow it down, or raise max_delete.",
        )
    for kind, count in ((KIND_OF[name], count) for name, count in going.items()):
        total = len(facts.listed(kind))
        if count > HANDFUL and 100 * count / total > command.max_delete_percent:
            return Failure(
                reason=f"The sweep would delete {count} of {total} {kind.noun}s ({100 * count / total:.0f} %), "
                f"more than max_delete_percent={command.max_delete_percent:g}.",
                hint="Narrow it down, or raise max_delete_percent.",
            )
    return None
