"""Every setting of the endpoint commands: its default, range, help and section, defined once.

The trigger form, validation and the table in docs/endpoints.md are all made from `EndpointCommand`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL, ResourceKind
from sagemaker_pca.settings import patterns
from sagemaker_pca.settings.layers import NOTHING, Given, Resolved, resolve_layers, setting

Command = Literal[
    "list-endpoints",
    "list-endpoint-configs",
    "list-models",
    "describe-endpoint",
    "delete-endpoint",
    "delete-endpoint-config",
    "delete-model",
    "stop-endpoint",
    "start-endpoint",
    "sweep",
]
# The service's states, and ours of an endpoint that stop-endpoint deleted.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
EndpointStatus = Literal[
    "OutOfService",
    "Creating",
    "Updating",
    "SystemUpdating",
    "RollingBack",
    "InService",
    "Deleting",
    "Failed",
    "UpdateRollbackFailed",
    "Stopped",
]
STOPPED: EndpointStatus = "Stopped"

LISTED_KINDS: Mapping[Command, ResourceKind] = {
    "list-endpoints": ENDPOINT,
    "list-endpoint-configs": ENDPOINT_CONFIG,
    "list-models": MODEL,
}
DELETED_KINDS: Mapping[Command, ResourceKind] = {
    "delete-endpoint": ENDPOINT,
    "delete-endpoint-config": ENDPOINT_CONFIG,
    "delete-model": MODEL,
}
ENDPOINT_COMMANDS: frozenset[Command] = frozenset({"describe-endpoint", "stop-endpoint", "start-endpoint"})
REGEX_PREFIX = "re:"
# What the daily report and the endpoints' page ask. SageMaker writes no metric for an endpoint that nobody calls: where
# nothing is deleted, that may count as idleness.
REPORTED_SWEEPS: Mapping[str, Mapping[str, Any]] = {
    "idle": {"idle_days": 7, "no_data_is_idle": True, "dry_run": True},
    "expired": {"expired": True, "dry_run": True},
}
# CloudWatch keeps hourly values for 455 days.
METRIC_DAYS = 455


def standing_setting(default: Any, section: str, help_text: str, **constraints: Any) -> Any:
    """A setting of the deployment, for every command: a sweep with conditions of its own among them."""
    return setting(default, section, help_text, of_deployment=True, **constraints)


class EndpointCommand(BaseModel):
    """What to list, describe or delete, validated as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    command: Command = setting("list-endpoints", "Command", "What to do.")
    name: str | None = setting(
        None,
        "Command",
        "The endpoint, configuration or model that the command acts on; not for lists and sweeps.",
        pattern=patterns.RESOURCE_NAME,
        max_length=63,
    )
    with_dependents: bool = setting(
        False,
        "Command",
        "Delete an endpoint's configuration and models along with it, in that order, unless something else uses them.",
    )
    dry_run: bool = setting(True, "Command", "Only say what would be deleted, stopped or started, and why not.")

    include: tuple[str, ...] = setting(
        (),
        "Selection",
        "Names to list or sweep: patterns (pca-*), or regular expressions for whole names behind re: (re:pca-[0-9]+).",
        max_length=100,
    )
    exclude: tuple[str, ...] = setting(
        (), "Selection", "Names to leave out, in the same spelling. No condition of its own.", max_length=100
    )
    statuses: tuple[EndpointStatus, ...] = setting((), "Selection", "Endpoints in one of these states.")
    min_age_days: float | None = setting(
        None, "Selection", "Only what was created at least so many days ago.", ge=0, le=36_500
    )
    tags: dict[str, str] | None = setting(
        None, "Selection", 'Sweep only what carries all these tags; values are patterns: {"owner": "team-*"}.'
    )
    expired: bool = setting(False, "Selection", "Sweep only what has reached the date in its tag `expires-at`.")
    idle_days: int | None = setting(
        None,
        "Selection",
        "Sweep only endpoints at least so many days old whose variants counted no invocation for so many days.",
        ge=1,
        le=METRIC_DAYS,
    )
    no_data_is_idle: bool = setting(
        False,
        "Selection",
        "Take an endpoint without any metric for idle_days as idle. SageMaker writes none while nobody calls, nor "
        "when something is wrong with the metrics.",
    )
    orphaned: bool = setting(
        False,
        "Selection",
        "Sweep configurations that no endpoint uses and models that no remaining configuration uses, not endpoints.",
    )

    managed_only: bool = standing_setting(
        True,
        "Safety",
        "Delete only what the pipeline of this Airflow made (tags managed-by and deployment-id). What that of another "
        "Airflow made stays in any case.",
    )
    orphan_grace_hours: float = standing_setting(
        48,
        "Safety",
        "Configurations and models younger than this are no orphans yet: their deployment may still be waiting.",
        ge=0,
        le=8760,
    )
    max_delete: int = standing_setting(
        20, "Safety", "A sweep that would delete more resources than this deletes none.", ge=1, le=1000
    )
    max_delete_percent: float = standing_setting(
        50,
        "Safety",
        "A sweep that would delete more than this part of all endpoints, configurations or models deletes none; up to "
        "five of a kind are too few for percentages.",
        gt=0,
        le=100,
    )
    require_approval: bool = standing_setting(
        False,
        "Safety",
        "Wait for a person to approve the plan in Airflow before anything is deleted. Nobody is asked about a stop, "
        "which a start undoes.",
    )

    bucket: str | None = standing_setting(
        None,
        "Deployment",
        "S3 bucket of the pipeline's leases and deployment records, and of the report. Unset: "
        "sagemaker-pca-<region>-<account> of the connection.",
        pattern=patterns.BUCKET,
    )
    hourly_prices: dict[str, Annotated[float, Field(ge=0)]] = standing_setting(
        {}, "Deployment", 'Price of an instance hour by instance type: {"ml.m5.large": 0.115}. Without one: unknown.'
    )
    poll_seconds: float = standing_setting(
        15, "Deployment", "Seconds between two looks at an endpoint that is coming or going.", ge=0.1, le=300
    )

    @model_validator(mode="after")
    def settings_agree(self) -> Self:
        """Refuse settings that contradict each other."""
        named = self.command in DELETED_KINDS or self.command in ENDPOINT_COMMANDS
        if named and self.name is None:
            raise ValueError(f"command={self.command} needs name. Set name to the one to act on.")
        if not named and self.name is not None:
            raise ValueError(f"name={self.name} has no meaning for command={self.command}. Use include, or no name.")
        if self.orphaned and (self.idle_days is not None or self.statuses):
            raise ValueError(
                "orphaned selects configurations and models, idle_days and statuses select endpoints: "
                "nothing meets both. Sweep twice."
            )
        for pattern in (*self.include, *self.exclude):
            _refuse_invalid(pattern)
        return self

    @property
    def is_deletion(self) -> bool:
        """Whether the command's purpose is to delete something."""
        return self.command == "sweep" or self.command in DELETED_KINDS

    @property
    def is_switch(self) -> bool:
        """Whether the command stops or starts an endpoint."""
        return self.command in {"stop-endpoint", "start-endpoint"}

    @property
    def means_stopped(self) -> bool:
        """Whether a sweep is to forget stopped endpoints too, which cost nothing: where it says so, or they expired."""
        return self.expired or STOPPED in self.statuses

    @property
    def has_condition(self) -> bool:
        """Whether a sweep selects anything at all; leaving names out is no condition."""
        conditions = (self.include, self.statuses, self.tags, self.expired, self.orphaned)
        return any(conditions) or self.min_age_days is not None or self.idle_days is not None

    @property
    def selected_kinds(self) -> tuple[ResourceKind, ...]:
        """Kinds among which the command selects what to delete; dependents come on top."""
        if self.command == "sweep":
            return (ENDPOINT_CONFIG, MODEL) if self.orphaned else (ENDPOINT,)
        return (DELETED_KINDS[self.command],)

    @property
    def youngest_age(self) -> timedelta:
        """How old an endpoint has to be before the conditions on time can hold."""
        return timedelta(days=max(self.min_age_days or 0, self.idle_days or 0))

    def includes(self, name: str) -> bool:
        """Whether the patterns let the name through."""
        if self.include and not any(matches(name, pattern) for pattern in self.include):
            return False
        return not any(matches(name, pattern) for pattern in self.exclude)


def matches(text: str, pattern: str) -> bool:
    """Whether the whole text matches a shell-style pattern, or a regular expression behind `re:`."""
    if pattern.startswith(REGEX_PREFIX):
        return re.fullmatch(pattern.removeprefix(REGEX_PREFIX), text) is not None
    return fnmatchcase(text, pattern)


def _refuse_invalid(pattern: str) -> None:
    try:
        matches("", pattern)
    except re.error as error:
        raise ValueError(f"{pattern} is no regular expression: {error}. Correct it, or leave out re:.") from None


def resolve_command(run: Given, pipeline: Given, deployment: Given = NOTHING) -> Resolved[EndpointCommand]:
    """The settings of a command, with where each comes from: see `layers.resolve_layers`."""
    return resolve_layers(EndpointCommand, run, pipeline, deployment)
