"""Tables for task logs, and for the page on which a person approves a plan. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tabulate import tabulate

from sagemaker_pca.endpoints.chains import KIND_OF
from sagemaker_pca.endpoints.cost import hours_alive
from sagemaker_pca.endpoints.deletion import Outcome
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan, PlannedResource
from sagemaker_pca.endpoints.inventory import ListedResource
from sagemaker_pca.plurals import counted
from sagemaker_pca.resource_kinds import ENDPOINT, ResourceKind

# What a reader wants to see first.
ACTIONS = ("delete", "skip", "keep")
PLAN_HEADER = ("action", "kind", "name", "reason", "status", "hours alive", "cost/hour")


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The rows below their header as plain text; what looks like a number stays as it is written."""
    return tabulate(list(rows), header, tablefmt="simple", disable_numparse=True)


def listing_table(kind: ResourceKind, resources: Sequence[ListedResource], now: datetime) -> str:
    """How many there are, then names, states and ages, as the AWS CLI's list commands show them."""
    columns = {
        "name": [resource.name for resource in resources],
        "status": [resource.status or "" for resource in resources],
        "created": [f"{resource.created_at:%Y-%m-%d %H:%M:%S}" for resource in resources],
        "hours alive": [f"{hours_alive(resource.created_at, now):.1f}" for resource in resources],
    }
    if kind is not ENDPOINT:
        del columns["status"]
    return f"{counted(len(resources), kind.noun)}\n{aligned(list(columns), zip(*columns.values(), strict=True))}"


def plan_table(plan: DeletionPlan) -> str:
    """The plan in a sentence; what goes, what stays for lack of a fact, what safety keeps, how many are not meant."""
    shown = sorted((item for item in plan.resources if item.selected), key=lambda item: ACTIONS.index(item.action))
    unselected = len(plan.resources) - len(shown)
    footer = f"{unselected} more {'was' if unselected == 1 else 'were'} not selected."
    return f"{plan_summary(plan)}\n{aligned(PLAN_HEADER, map(_plan_row, shown))}\n{footer}"


def approval_page(plan: DeletionPlan) -> str:
    """What a person approves, as Markdown: the plan in a sentence, then what goes by kind and reason, a line each.

    A list rather than a table, whose columns would break the names.
    """
    blocks = [plan_summary(plan)]
    for (kind, reason), group in itertools.groupby(plan.going, key=lambda item: (item.kind, item.explanation)):
        lines = [f"- {_approval_line(item)}" for item in group]
        blocks += [f"{counted(len(lines), KIND_OF[kind].noun)}, {_as_code(reason)}:", "\n".join(lines)]
    return "\n\n".join(blocks)


def _approval_line(item: PlannedResource) -> str:
    facts = [_as_code(item.name), f"{item.hours_alive:.1f} hours old"]
    if item.kind == "endpoint":
        facts += [item.status or "", f"cost an hour {_cost_text(item)}"]
    return ", ".join(facts)


def _as_code(text: str) -> str:
    """Text as Markdown's code, the one place where neither links nor images nor HTML are made of it.

    Escaped by backslashes, addresses would still become links.
    """
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {' '.join(text.split())} {fence}"


def _cost_text(item: PlannedResource) -> str:
    return "unknown" if item.hourly_cost is None else f"{item.hourly_cost:.4g}"


def _plan_row(item: PlannedResource) -> list[str]:
    return [
        item.action,
        KIND_OF[item.kind].noun,
        item.name,
        item.explanation,
        item.status or "",
        f"{item.hours_alive:.1f}",
        _cost_text(item) if item.kind == "endpoint" and item.action == "delete" else "",
    ]


def plan_summary(plan: DeletionPlan) -> str:
    """The plan in a sentence or two; of one that is refused, why."""
    if plan.refusal:
        return f"Refused, so nothing {'would be' if plan.command.dry_run else 'is'} deleted: {plan.refusal}"
    verb = "would be" if plan.command.dry_run else "is to be" if len(plan.going) == 1 else "are to be"
    deleted = f"{len(plan.going)} of {counted(len(plan.resources), 'resource')} {verb} deleted."
    return f"{deleted} {_saving(plan)}".strip()


def _saving(plan: DeletionPlan) -> str:
    endpoints, unknown = sum(item.kind == "endpoint" for item in plan.going), plan.unpriced_endpoints
    if unknown == endpoints:
        return "What that saves is unknown." if endpoints else ""
    saving = f"That saves {plan.monthly_saving:.2f} a month"
    return f"{saving}, and what {unknown} of {endpoints} endpoints cost, which is unknown." if unknown else f"{saving}."


def outcome_table(outcomes: Iterable[Outcome]) -> str:
    """What became of each planned deletion."""
    return aligned(
        ("outcome", "kind", "name", "reason"),
        ([item.outcome, KIND_OF[item.kind].noun, item.name, item.reason] for item in outcomes),
    )


def description_table(description: Mapping[str, Any]) -> str:
    """A description, one member a line."""
    return aligned(("member", "value"), ([key, str(value)] for key, value in description.items()))
