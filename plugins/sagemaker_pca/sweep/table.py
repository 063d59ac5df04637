"""Text tables for task logs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sagemaker_pca.job_status import ENDPOINT, ResourceKind
from sagemaker_pca.sweep.chains import KIND_OF
from sagemaker_pca.sweep.cost import hours_alive
from sagemaker_pca.sweep.deletion import Outcome
from sagemaker_pca.sweep.deletion_plan import DeletionPlan, PlannedResource
from sagemaker_pca.sweep.estate import Resource

# What a reader wants to see first.
DECISIONS = ("delete", "skip", "keep")


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The rows below their header, each column as wide as its widest cell."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def listing_table(kind: ResourceKind, resources: Iterable[Resource], now: datetime) -> str:
    """Names, states and ages, as the AWS CLI's list commands show them."""
    with_status = kind is ENDPOINT
    header = ["name", *(["status"] if with_status else []), "created", "hours alive"]
    return aligned(header, (_listing_row(resource, with_status, now) for resource in resources))


def _listing_row(resource: Resource, with_status: bool, now: datetime) -> list[str]:
    created = resource.created_at.strftime("%Y-%m-%d %H:%M:%S")
    status = [resource.status or ""] if with_status else []
    return [resource.name, *status, created, f"{hours_alive(resource.created_at, now):.1f}"]


def plan_table(plan: DeletionPlan) -> str:
    """What goes, what stays for lack of a fact, what safety keeps; what was not selected is counted below."""
    shown = [item for item in plan.resources if not item.reason.startswith("not selected")]
    shown.sort(key=lambda item: DECISIONS.index(item.decision))
    unselected = len(plan.resources) - len(shown)
    return f"{planned_table(shown)}\n{unselected} more were not selected.\n{plan_summary(plan)}"


def planned_table(resources: Iterable[PlannedResource]) -> str:
    """Planned resources, each with its decision and reason."""
    header = ["decision", "kind", "name", "status", "hours alive", "cost/hour", "reason"]
    return aligned(header, (_plan_row(item) for item in resources))


def _plan_row(item: PlannedResource) -> list[str]:
    cost = "unknown" if item.hourly_cost is None else f"{item.hourly_cost:.4g}"
    return [
        item.decision,
        KIND_OF[item.kind].noun,
        item.name,
        item.status or "",
        f"{item.hours_alive:.1f}",
        cost if item.kind == "endpoint" and item.decision == "delete" else "",
        item.reason,
    ]


def plan_summary(plan: DeletionPlan) -> str:
    """The plan in a sentence or two."""
    verb = "would be" if plan.command.dry_run else "are to be"
    text = f"{len(plan.going)} of {len(plan.resources)} resources {verb} deleted. {_saving(plan)}".strip()
    return f"{text} Refused: {plan.refusal}" if plan.refusal else text


def _saving(plan: DeletionPlan) -> str:
    endpoints, unknown = sum(item.kind == "endpoint" for item in plan.going), plan.unpriced_endpoints
    if unknown == endpoints:
        return "What that saves is unknown." if endpoints else ""
    saving = f"That saves {plan.monthly_saving:.2f} a month"
    return f"{saving}, and what {unknown} of {endpoints} endpoints cost, which is unknown." if unknown else f"{saving}."


def outcome_table(outcomes: Iterable[Outcome]) -> str:
    """What became of each planned deletion."""
    return aligned(
        ["outcome", "kind", "name", "reason"],
        ([item.outcome, KIND_OF[item.kind].noun, item.name, item.reason] for item in outcomes),
    )


def description_table(description: Mapping[str, Any]) -> str:
    """A description, one member a line."""
    return aligned(["member", "value"], ([key, str(value)] for key, value in description.items()))
