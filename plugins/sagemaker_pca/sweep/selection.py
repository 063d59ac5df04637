"""The rules: why a resource stays, one fact at a time. Pure; None means that this fact does not keep it.

Conditions say what a command selects; safety rules hold for everything that is to go, selected or taken along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple

from sagemaker_pca.job_status import CHANGING_ENDPOINT_STATES, ENDPOINT, ENDPOINT_CONFIG
from sagemaker_pca.run_plan import EXPIRES_AT_TAG, MANAGED_BY, NEVER
from sagemaker_pca.sweep.command_config import EndpointCommand, matches
from sagemaker_pca.sweep.estate import Deployments, Resource, Tags, Unreadable

PROTECT_TAG = "protect"
PROTECT_UNTIL_TAG = "protect-until"


class Verdict(NamedTuple):
    """What becomes of a resource: `skip` is a keep for want of a fact, and worth a look."""

    decision: Literal["delete", "keep", "skip"]
    reason: str


def keep(reason: str) -> Verdict:
    """Keep, for a reason that is known."""
    return Verdict("keep", reason)


def skip(reason: str) -> Verdict:
    """Keep, because what would have to be known is not."""
    return Verdict("skip", reason)


# --- conditions ----------------------------------------------------------------------------------------------------


def kept_by_list(resource: Resource, command: EndpointCommand, now: datetime) -> Verdict | None:
    """Conditions on what the lists tell: name, state, age."""
    if command.name is not None:
        return None if resource.name == command.name else keep("not selected: another name")
    if not command.includes(resource.name):
        return keep("not selected: name")
    if command.statuses and resource.status not in command.statuses:
        return keep(f"not selected: {resource.status or 'no endpoint'}")
    age = now - resource.created_at
    if command.youngest_age and age < command.youngest_age:
        return keep(f"not selected: only {age.days} days old")
    return None


def kept_by_grace(resource: Resource, command: EndpointCommand, now: datetime) -> Verdict | None:
    """A configuration or model that a sweep finds unused may be waiting for its first deployment."""
    if command.name is None and now - resource.created_at < timedelta(hours=command.orphan_grace_hours):
        return keep(f"younger than {command.orphan_grace_hours:g} hours: may be awaiting its deployment")
    return None


def kept_by_tags(tags: Tags, command: EndpointCommand, now: datetime) -> Verdict | None:
    """Conditions on tags: those asked for, and the expiry date."""
    if isinstance(tags, Unreadable):
        return skip(f"its tags cannot be read: {tags.reason}")
    for key, pattern in (command.tags or {}).items():
        if key not in tags or not matches(tags[key], pattern):
            return keep(f"not selected: tag {key}")
    return _kept_by_expiry(tags, now) if command.expired else None


def _kept_by_expiry(tags: Mapping[str, str], now: datetime) -> Verdict | None:
    if EXPIRES_AT_TAG not in tags:
        return keep(f"not selected: no tag {EXPIRES_AT_TAG}")
    if tags[EXPIRES_AT_TAG] == NEVER:
        return keep("not selected: never expires")
    expires_at = _instant(tags[EXPIRES_AT_TAG])
    if expires_at is None:
        return skip(f"{EXPIRES_AT_TAG}={tags[EXPIRES_AT_TAG]} is no ISO 8601 date")
    return None if expires_at <= now else keep(f"not selected: expires at {tags[EXPIRES_AT_TAG]}")


def kept_by_traffic(counts: Iterable[float | Unreadable | None], command: EndpointCommand) -> Verdict | None:
    """The condition on idleness, from the invocations of each variant."""
    known: list[float | None] = []
    for count in counts:
        if isinstance(count, Unreadable):
            return skip(f"its metrics cannot be read: {count.reason}")
        known.append(count)
    total = sum(count or 0 for count in known)
    if total > 0:
        return keep(f"not selected: {total:.0f} invocations in {command.idle_days} days")
    if (not known or None in known) and not command.no_data_is_idle:
        return skip(f"no metrics for {command.idle_days} days: idle or not is unknown (see no_data_is_idle)")
    return None


# --- safety --------------------------------------------------------------------------------------------------------


def kept_by_state(resource: Resource) -> Verdict | None:
    """SageMaker refuses to delete an endpoint that is changing."""
    if resource.kind is ENDPOINT and resource.status in CHANGING_ENDPOINT_STATES:
        return keep(f"it is {resource.status}: wait until it has ended")
    return None


def kept_by_protection(tags: Tags, command: EndpointCommand, now: datetime) -> Verdict | None:
    """Tags that keep a resource: not the project's own, protected, or protected until a date."""
    if isinstance(tags, Unreadable):
        return skip(f"its tags cannot be read: {tags.reason}")
    if command.managed_only and tags.get("managed-by") != MANAGED_BY:
        return keep(f"not tagged managed-by={MANAGED_BY} (see managed_only)")
    if tags.get(PROTECT_TAG, "false").strip().lower() != "false":
        return keep(f"protected: {PROTECT_TAG}={tags[PROTECT_TAG]}")
    if PROTECT_UNTIL_TAG not in tags:
        return None
    until = _instant(tags[PROTECT_UNTIL_TAG], end_of_day=True)
    if until is None:
        return skip(f"{PROTECT_UNTIL_TAG}={tags[PROTECT_UNTIL_TAG]} is no ISO 8601 date")
    return keep(f"protected: {PROTECT_UNTIL_TAG}={tags[PROTECT_UNTIL_TAG]}") if now < until else None


def kept_by_deployments(
    resource: Resource, tags: Tags, deployments: Deployments | Unreadable, leaving: Collection[str] = ()
) -> Verdict | None:
    """What a deployment under way, or the way back from the newest one, needs.

    :param leaving: endpoints that are to go, and so will not return to anything
    """
    if isinstance(deployments, Unreadable):
        return skip(f"leases and roll-back targets cannot be read: {deployments.reason}")
    if resource.kind is ENDPOINT and resource.name in deployments.holders:
        return keep(f"run {deployments.holders[resource.name]} is deploying to it")
    run_name = tags.get("run-name") if isinstance(tags, dict) else None
    if resource.kind is not ENDPOINT and run_name in deployments.holders.values():
        return keep(f"run {run_name}, which made it, is deploying")
    for endpoint in deployments.roll_back_targets.get(resource.name, ()) if resource.kind is ENDPOINT_CONFIG else ():
        if endpoint not in leaving:
            return keep(f"roll-back target of endpoint {endpoint}")
    return None


def _instant(text: str, *, end_of_day: bool = False) -> datetime | None:
    """A date or time in ISO 8601, UTC unless it says otherwise; None when it is neither."""
    text = text.strip()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return datetime.combine(day, time.max if end_of_day else time.min, UTC)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
