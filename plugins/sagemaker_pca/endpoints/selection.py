"""The rules: why a resource stays, one fact at a time. Pure; None means that this fact does not keep it.

Conditions say what a command selects; safety rules hold for everything that is to go, selected or taken along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.endpoints.deployment import CHANGING_ENDPOINT_STATES
from sagemaker_pca.endpoints.inventory import ListedResource, RecordedDeployments, Tags, Unreadable
from sagemaker_pca.endpoints.ownership import is_another_deployments, is_managed, why_not_own
from sagemaker_pca.plurals import counted
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG
from sagemaker_pca.run.plan import BUCKET_TAG, EXPIRES_AT_TAG, NEVER
from sagemaker_pca.settings.endpoint_command import STOPPED, EndpointCommand, matches

PROTECT_TAG = "protect"
PROTECT_UNTIL_TAG = "protect-until"


class Decision(BaseModel):
    """What becomes of a resource, and why.

    :param action: `skip` is a keep for want of a fact, and worth a look
    :param selected: whether the command means this resource at all
    """

    model_config = ConfigDict(frozen=True)

    action: Literal["delete", "keep", "skip"]
    reason: str
    selected: bool = True

    @property
    def explanation(self) -> str:
        """The reason, for people."""
        return self.reason if self.selected else f"not selected: {self.reason}"


def keep(reason: str) -> Decision:
    """Keep, for a reason that is known."""
    return Decision(action="keep", reason=reason)


def leave_out(reason: str) -> Decision:
    """Keep, because the command does not mean it."""
    return Decision(action="keep", reason=reason, selected=False)


def skip(reason: str) -> Decision:
    """Keep, because what would have to be known is not."""
    return Decision(action="skip", reason=reason)


# --- conditions ----------------------------------------------------------------------------------------------------


def kept_by_list(resource: ListedResource, command: EndpointCommand, now: datetime) -> Decision | None:
    """Conditions on what the lists tell: name, state, age."""
    if command.name is not None:
        return None if resource.name == command.name else leave_out("another name")
    if not command.includes(resource.name):
        return leave_out("name")
    if command.statuses and resource.status not in command.statuses:
        return leave_out(resource.status or "no endpoint")
    if resource.status == STOPPED and command.command == "sweep" and not command.means_stopped:
        return leave_out("stopped, which costs nothing")
    age = now - resource.created_at
    if command.youngest_age and age < command.youngest_age:
        return leave_out(f"only {counted(age.days, 'day')} old")
    return None


def kept_by_grace(resource: ListedResource, command: EndpointCommand, now: datetime) -> Decision | None:
    """A configuration or model that a sweep finds unused may be waiting for its first deployment."""
    if command.name is None and now - resource.created_at < timedelta(hours=command.orphan_grace_hours):
        return keep(f"younger than {command.orphan_grace_hours:g} hours: may be awaiting its deployment")
    return None


def _kept_by_conditions(tags: Mapping[str, str], command: EndpointCommand, now: datetime) -> Decision | None:
    for key, pattern in (command.tags or {}).items():
        if key not in tags or not matches(tags[key], pattern):
            return leave_out(f"tag {key}")
    return _kept_by_expiry(tags, now) if command.expired else None


def _kept_by_expiry(tags: Mapping[str, str], now: datetime) -> Decision | None:
    if EXPIRES_AT_TAG not in tags:
        return leave_out(f"no tag {EXPIRES_AT_TAG}")
    if tags[EXPIRES_AT_TAG] == NEVER:
        return leave_out("never expires")
    expires_at = _instant(tags[EXPIRES_AT_TAG])
    if expires_at is None:
        return skip(f"{EXPIRES_AT_TAG}={tags[EXPIRES_AT_TAG]} is no ISO 8601 date")
    return None if expires_at <= now else leave_out(f"expires at {tags[EXPIRES_AT_TAG]}")


def kept_by_traffic(counts: Iterable[float | Unreadable | None], command: EndpointCommand) -> Decision | None:
    """The condition on idleness, from the invocations of each variant."""
    known: list[float | None] = []
    for count in counts:
        if isinstance(count, Unreadable):
            return skip(f"its metrics cannot be read: {count.reason}")
        known.append(count)
    days, total = counted(command.idle_days or 0, "day"), sum(count or 0 for count in known)
    if total > 0:
        return leave_out(f"{counted(round(total), 'invocation')} in {days}")
    if (not known or None in known) and not command.no_data_is_idle:
        return skip(f"no metrics for {days}: idle or not is unknown (see no_data_is_idle)")
    return None


# --- safety --------------------------------------------------------------------------------------------------------


def kept_by_state(resource: ListedResource) -> Decision | None:
    """SageMaker refuses to delete an endpoint that is changing."""
    if resource.kind is ENDPOINT and resource.status in CHANGING_ENDPOINT_STATES:
        return keep(f"it is {resource.status}: wait until it has ended")
    return None


def kept_by_tags(
    tags: Tags, command: EndpointCommand, now: datetime, *, deployment_id: str | None, bucket: str, selected: bool
) -> Decision | None:
    """Tags that keep a resource: not this deployment's own, recorded elsewhere, or protected.

    :param deployment_id: of the Airflow that deletes
    :param bucket: where leases and roll-back targets are looked up
    :param selected: whether conditions on tags hold too, as for all but what is taken along
    """
    if isinstance(tags, Unreadable):
        return skip(f"its tags cannot be read: {tags.reason}")
    decision = _kept_by_conditions(tags, command, now) if selected else None
    return (
        decision
        or _kept_by_owner(tags, command, deployment_id)
        or _kept_by_place(tags, bucket)
        or _kept_by_protection(tags, now)
    )


def _kept_by_owner(tags: Mapping[str, str], command: EndpointCommand, deployment_id: str | None) -> Decision | None:
    reason = why_not_own(tags, deployment_id)
    if is_another_deployments(tags, deployment_id):
        # Whatever the settings say: its roll-back targets are recorded where this deployment does not look.
        return keep(f"another Airflow's: {reason}")
    return keep(f"{reason} (see managed_only)") if command.managed_only and reason else None


def _kept_by_place(tags: Mapping[str, str], bucket: str) -> Decision | None:
    other = tags.get(BUCKET_TAG, bucket)
    if not is_managed(tags) or other == bucket:
        return None
    return keep(f"its leases and roll-back targets are recorded in {other}: set bucket to that")


def _kept_by_protection(tags: Mapping[str, str], now: datetime) -> Decision | None:
    if tags.get(PROTECT_TAG, "false").strip().lower() != "false":
        return keep(f"protected: {PROTECT_TAG}={tags[PROTECT_TAG]}")
    if PROTECT_UNTIL_TAG not in tags:
        return None
    until = _instant(tags[PROTECT_UNTIL_TAG], end_of_day=True)
    if until is None:
        return skip(f"{PROTECT_UNTIL_TAG}={tags[PROTECT_UNTIL_TAG]} is no ISO 8601 date")
    return keep(f"protected: {PROTECT_UNTIL_TAG}={tags[PROTECT_UNTIL_TAG]}") if now < until else None


def kept_by_deployments(
    resource: ListedResource,
    tags: Tags,
    deployments: RecordedDeployments | Unreadable,
    leaving: Collection[str] = (),
) -> Decision | None:
    """What a deployment under way, or the roll-back of the newest one, needs.

    :param leaving: names of endpoints that are to go, and so will not return to anything
    """
    if isinstance(deployments, Unreadable):
        return skip(f"leases and roll-back targets cannot be read: {deployments.reason}")
    if resource.kind is ENDPOINT:
        holder = deployments.holders.get(resource.name)
        return keep(f"run {holder} is deploying to it") if holder else None
    run_name = tags.get("run-name") if isinstance(tags, dict) else None
    if run_name in deployments.holders.values():
        return keep(f"run {run_name}, which made it, is deploying")
    targets = deployments.roll_back_targets if resource.kind is ENDPOINT_CONFIG else {}
    for endpoint in targets.get(resource.name, ()):
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
