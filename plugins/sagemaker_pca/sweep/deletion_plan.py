"""What a command would delete: a verdict on every resource, its cost, and the caps. Pure, and plain JSON in XCom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.job_status import ENDPOINT, ResourceKind
from sagemaker_pca.sweep.chains import KIND_OF, KINDS, Chain, Operation, connected_steps
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.cost import HOURS_PER_MONTH, hours_alive
from sagemaker_pca.sweep.estate import Estate, Resource
from sagemaker_pca.sweep.survey import Survey


class PlannedResource(BaseModel):
    """A resource and what becomes of it, and why; the cost is an endpoint's, None where it is unknown."""

    model_config = ConfigDict(frozen=True)

    kind: Operation
    name: str
    status: str | None
    created_at: datetime
    hours_alive: float
    hourly_cost: float | None
    decision: Literal["delete", "keep", "skip"]
    reason: str


class DeletionPlan(BaseModel):
    """Every resource that a command could concern, and the deletions in chains.

    :param refusal: why nothing may be deleted though something was asked for; None when nothing speaks against it
    """

    model_config = ConfigDict(frozen=True)

    command: EndpointCommand
    bucket: str
    planned_at: datetime
    resources: tuple[PlannedResource, ...]
    chains: tuple[Chain, ...]
    refusal: str | None

    @property
    def going(self) -> list[PlannedResource]:
        """What the plan deletes."""
        return [resource for resource in self.resources if resource.decision == "delete"]

    @property
    def monthly_saving(self) -> float:
        """What the deletions save a month, as far as prices are known."""
        return HOURS_PER_MONTH * sum(resource.hourly_cost or 0 for resource in self.going)

    @property
    def unpriced_endpoints(self) -> int:
        """Endpoints to be deleted whose cost is unknown."""
        return sum(resource.kind == "endpoint" and resource.hourly_cost is None for resource in self.going)


def plan_deletion(estate: Estate, command: EndpointCommand, bucket: str, now: datetime) -> DeletionPlan:
    """Survey the estate and plan the deletions that a command asks for; nothing is changed."""
    survey = Survey(estate, command, bucket, now)
    survey.run()
    going = [resource for kind in KINDS for resource in survey.going(kind)]
    chains = [
        Chain(command=command, bucket=bucket, planned_at=now, steps=steps)
        for steps in connected_steps(going, {resource: survey.needs(resource) for resource in going})
    ]
    resources = tuple(_planned(survey, resource, now) for resource in survey.verdicts)
    totals = {kind: len(listed) for kind, listed in survey.listed.items()}
    return DeletionPlan(
        command=command,
        bucket=bucket,
        planned_at=now,
        resources=resources,
        chains=tuple(chains),
        refusal=_refusal(command, resources, totals),
    )


def _planned(survey: Survey, resource: Resource, now: datetime) -> PlannedResource:
    verdict = survey.verdicts[resource]
    goes = verdict.decision == "delete" and resource.kind is ENDPOINT
    return PlannedResource.model_validate(
        {
            "kind": resource.kind.operation,
            "name": resource.name,
            "status": resource.status,
            "created_at": resource.created_at,
            "hours_alive": round(hours_alive(resource.created_at, now), 1),
            "hourly_cost": survey.hourly_cost(resource.name) if goes else None,
            **verdict._asdict(),
        }
    )


def _refusal(
    command: EndpointCommand, resources: tuple[PlannedResource, ...], totals: Mapping[ResourceKind, int]
) -> str | None:
    if command.command == "sweep":
        return _cap_exceeded(command, resources, totals)
    for item in resources:
        if item.name == command.name and KIND_OF[item.kind] in command.selected_kinds and item.decision != "delete":
            return f"{command.command} {command.name}: {item.reason}."
    return None


def _cap_exceeded(
    command: EndpointCommand, resources: tuple[PlannedResource, ...], totals: Mapping[ResourceKind, int]
) -> str | None:
    going = Counter(item.kind for item in resources if item.decision == "delete")
    if going.total() > command.max_delete:
        return (
            f"The sweep would delete {going.total()} resources, more than max_delete={command.max_delete}. "
            "Narrow it down, or raise max_delete."
        )
    for operation, count in going.items():
        kind = KIND_OF[operation]
        percent = 100 * count / totals[kind]
        if percent > command.max_delete_percent:
            return (
                f"The sweep would delete {count} of {totals[kind]} {kind.noun}s ({percent:.0f} %), "
                f"more than max_delete_percent={command.max_delete_percent:g}. "
                "Narrow it down, or raise max_delete_percent."
            )
    return None
