"""What a page says of each endpoint: what it serves, who calls it, what it costs, what a sweep would do to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sagemaker_pca.endpoints.cost import HOURS_PER_MONTH, hours_alive
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan
from sagemaker_pca.endpoints.facts import Facts
from sagemaker_pca.endpoints.inventory import (
    ConfigDetails,
    EndpointDetails,
    ListedResource,
    Series,
    Unreadable,
    Variant,
)
from sagemaker_pca.endpoints.ownership import why_not_own
from sagemaker_pca.endpoints.selection import PROTECT_TAG, PROTECT_UNTIL_TAG
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG
from sagemaker_pca.run.plan import EXPIRES_AT_TAG, PIPELINE_TAG
from sagemaker_pca.settings.endpoint_command import STOPPED

# For how long back calls are counted; who was not called since then is idle for at least as long.
TRAFFIC = timedelta(days=30)


class OwnEndpoints(NamedTuple):
    """The listed endpoints by owner.

    :param pipelines: those of this deployment, each with its pipeline's DAG id
    :param others: how many are somebody else's
    :param unknown: why nobody can say whose the rest is, once for each
    """

    pipelines: dict[ListedResource, str]
    others: int
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SweepOutlook:
    """What a sweep of this moment would do to an endpoint, and why; `skip` is a keep for want of a fact."""

    sweep: str
    action: Literal["delete", "keep", "skip"]
    reason: str


@dataclass(frozen=True, slots=True)
class EndpointCard:
    """One endpoint; None is unknown, or not there, and `unread` says what could not be read, and why.

    Instances and costs are those of all its variants; costs in the currency of the deployment's hourly_prices.
    """

    name: str
    pipeline: str
    status: str
    created_at: datetime
    stopped_at: datetime | None
    days_alive: float
    configurations: tuple[str, ...]
    models: tuple[str, ...]
    instances: tuple[str, ...]
    invocations: float | None
    idle_days: int | None
    hourly_cost: float | None
    monthly_cost: float | None
    expires_at: str | None
    protection: str | None
    roll_back_targets: tuple[str, ...]
    sweeps: tuple[SweepOutlook, ...]
    unread: tuple[str, ...]


def own_endpoints(facts: Facts, deployment_id: str | None) -> OwnEndpoints:
    """Sort the account's endpoints by what their tags say."""
    listed = facts.listed(ENDPOINT).values()
    tags, pipelines, others, unknown = facts.tags(listed), {}, 0, []
    for endpoint in listed:
        found = tags[endpoint.arn]
        if isinstance(found, Unreadable):
            unknown.append(found.reason)
        elif why_not_own(found, deployment_id) or PIPELINE_TAG not in found:
            others += 1
        else:
            pipelines[endpoint] = found[PIPELINE_TAG]
    return OwnEndpoints(pipelines, others, tuple(unknown))


def variants_of(facts: Facts, endpoints: Iterable[ListedResource]) -> list[Variant]:
    """The variants of endpoints whose descriptions can be read."""
    names = [endpoint.name for endpoint in endpoints]
    described = facts.describe(ENDPOINT, names)
    found = ((name, details) for name in names if isinstance(details := described[name], EndpointDetails))
    return [Variant(name, variant) for name, details in found for variant in details.instance_counts]


def endpoint_card(
    endpoint: ListedResource,
    pipeline: str,
    facts: Facts,
    traffic: Mapping[Variant, Series],
    sweeps: Mapping[str, DeletionPlan],
    prices: Mapping[str, float],
    now: datetime,
) -> EndpointCard:
    """All there is to say of an endpoint.

    :param traffic: invocations by day of the last `TRAFFIC`
    :param sweeps: plans by what they sweep
    """
    details = facts.describe(ENDPOINT, [endpoint.name])[endpoint.name]
    needs = facts.needs(ENDPOINT, endpoint.name)
    configs = facts.describe(ENDPOINT_CONFIG, needs)
    series = [traffic[one] for one in variants_of(facts, [endpoint])]
    days: dict[datetime, float] = {}
    for day, count in (item for one in series if not isinstance(one, Unreadable) for item in one.items()):
        days[day] = days.get(day, 0) + count
    is_known = bool(series) and not any(isinstance(one, Unreadable) for one in series)
    # A day is known by its beginning, and somebody may have called until its end.
    last_called = max((day + timedelta(days=1) for day, count in days.items() if count), default=now - TRAFFIC)
    hourly = facts.hourly_cost(endpoint.name, prices)
    found = facts.tags([endpoint])[endpoint.arn]
    tags = {} if isinstance(found, Unreadable) else found
    protections = (f"{key}={tags[key]}" for key in (PROTECT_TAG, PROTECT_UNTIL_TAG) if key in tags)
    return EndpointCard(
        name=endpoint.name,
        pipeline=pipeline,
        status=endpoint.status or "",
        created_at=endpoint.created_at,
        stopped_at=endpoint.changed_at if endpoint.status == STOPPED else None,
        days_alive=hours_alive(endpoint.created_at, now) / 24,
        configurations=needs,
        models=tuple(dict.fromkeys(model for name in needs for model in facts.needs(ENDPOINT_CONFIG, name))),
        instances=tuple(_instances(details, [configs[name] for name in needs])),
        invocations=sum(days.values()) if is_known else None,
        idle_days=(now - min(now, max(last_called, endpoint.created_at))).days if is_known else None,
        hourly_cost=hourly,
        monthly_cost=None if hourly is None else hourly * HOURS_PER_MONTH,
        expires_at=tags.get(EXPIRES_AT_TAG),
        protection=", ".join(protections) or None,
        # Recorded oldest first; somebody who goes back wants the newest.
        roll_back_targets=tuple(name for name in reversed(facts.roll_back_targets(endpoint.name)) if name not in needs),
        sweeps=tuple(_outlooks(endpoint.name, sweeps)),
        unread=tuple(
            f"{what}: {fact.reason}"
            for what, fact in (
                ("Its description", details),
                *((f"Configuration {name}", configs[name]) for name in needs),
                *(("Its invocations", one) for one in series),
                ("Its roll-back targets", facts.deployments),
            )
            if isinstance(fact, Unreadable)
        ),
    )


def _instances(details: object, configs: Iterable[object]) -> Iterator[str]:
    types: dict[str, str | None] = {}
    serverless: dict[str, str] = {}
    for config in configs:
        if isinstance(config, ConfigDetails):
            types |= config.instance_types
            serverless |= config.serverless
    if isinstance(details, EndpointDetails):
        for variant, count in details.instance_counts.items():
            is_known = count is not None
            yield f"{count} {types.get(variant) or 'unknown'}" if is_known else serverless.get(variant, "serverless")


def _outlooks(endpoint_name: str, sweeps: Mapping[str, DeletionPlan]) -> Iterator[SweepOutlook]:
    for sweep, plan in sweeps.items():
        for item in plan.resources:
            if (item.kind, item.name) != ("endpoint", endpoint_name):
                continue
            refused = plan.refusal if item.action == "delete" else None
            yield SweepOutlook(sweep, "keep" if refused else item.action, refused.reason if refused else item.reason)
