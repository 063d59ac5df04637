"""What a job's description means: whether it still runs, may be adopted, and why it failed. Pure.

States: botocore's service model (`ProcessingJobStatus`, `TrainingJobStatus`, `TransformJobStatus`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sagemaker_pca.exceptions import Failure
from sagemaker_pca.resource_kinds import PROCESSING_JOB, ResourceKind

RUNNING_JOB_STATES = frozenset({"InProgress", "Stopping"})
TIME_HINT = "Raise max_runtime_seconds, or use larger instances."


class InstanceUse(NamedTuple):
    """The instances of a processing or training job and their time in seconds; None of what the service does not say.

    :param seconds: from the job's start on its instances to its end
    :param billable_seconds: what is billed of each instance
    """

    instance_type: str | None = None
    instance_count: int | None = None
    seconds: float | None = None
    billable_seconds: float | None = None

    def cost(self, hourly_prices: Mapping[str, float]) -> float | None:
        """Price of all that is billed; None where something of it is unknown."""
        price = hourly_prices.get(self.instance_type or "")
        if price is None or self.instance_count is None or self.billable_seconds is None:
            return None
        return price * self.instance_count * self.billable_seconds / 3600


def instance_use(kind: ResourceKind, description: Mapping[str, Any]) -> InstanceUse:
    """What a job's description, with ISO timestamps, says of its instances."""
    is_processing = kind is PROCESSING_JOB
    cluster = description["ProcessingResources"]["ClusterConfig"] if is_processing else description["ResourceConfig"]
    prefix = "Processing" if is_processing else "Training"
    start, end = description.get(f"{prefix}StartTime"), description.get(f"{prefix}EndTime")
    seconds = None
    if start and end:
        seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    # Of a processing job the service says no billable time: it is billed for as long as it runs.
    billable = seconds if is_processing else description.get("BillableTimeInSeconds")
    return InstanceUse(cluster.get("InstanceType"), cluster.get("InstanceCount"), seconds, billable)


def is_running(kind: ResourceKind, description: Mapping[str, Any]) -> bool:
    """Whether the job can still change its state."""
    return kind.status(description) in RUNNING_JOB_STATES


def is_usable(kind: ResourceKind, description: Mapping[str, Any]) -> bool:
    """Whether a job is worth adopting: it is done, or on its way to be done."""
    return kind.status(description) in {"InProgress", "Completed"}


def job_failure(kind: ResourceKind, name: str, description: Mapping[str, Any]) -> Failure | None:
    """Why an ended job is no success; None when it is Completed.

    What the container wrote for people, a processing job's ExitMessage, comes before the service's FailureReason,
    which says of every failed container the same: "See job logs".
    """
    status = kind.status(description)
    if status == "Completed":
        return None
    told = [description[key] for key in ("ExitMessage", "FailureReason") if description.get(key)]
    hint = ""
    if not told and description.get("SecondaryStatus") == "MaxRuntimeExceeded":
        told, hint = ["it ran longer than MaxRuntimeInSeconds."], TIME_HINT
    elif not told and status == "Stopped":
        told, hint = ["somebody stopped it, or it ran longer than MaxRuntimeInSeconds."], TIME_HINT
    first, *details = told or ["the service gives no reason."]
    service_words = "".join(f" ({detail})" for detail in details)
    return Failure(reason=f"{kind.noun} {name} ended {status}: {first}{service_words}", hint=hint)


def ended_at(description: Mapping[str, Any]) -> datetime | None:
    """When an ended job changed last, in a description with ISO timestamps; None for one that never ran."""
    when = description.get("LastModifiedTime") or description.get("TransformEndTime")
    return datetime.fromisoformat(when) if when else None


def running_since(description: Mapping[str, Any]) -> float | None:
    """When a transform job began to run on its instances, in seconds since the epoch; None before that."""
    when = description.get("TransformStartTime")
    return datetime.fromisoformat(when).timestamp() if when else None


def deadline_of_own(description: Mapping[str, Any], max_runtime_seconds: float, queueing_seconds: float) -> float:
    """Until when a transform job may run, in seconds since the epoch.

    Told by the job's own start, before that by its creation: a wait that begins anew gives it no more time.
    """
    since = running_since(description)
    if since is None:
        since = datetime.fromisoformat(description["CreationTime"]).timestamp() + queueing_seconds
    return since + max_runtime_seconds


def waiting_budget_seconds(description: Mapping[str, Any], queueing_seconds: float = 3600) -> float:
    """How long waiting for a job makes sense: its own MaxRuntimeInSeconds plus time to get instances."""
    # 86,400 s is the service's default for all job kinds.
    max_runtime = (description.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 86_400)
    return float(max_runtime) + queueing_seconds
