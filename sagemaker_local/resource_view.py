"""What a page says of a resource, in words: its state, its times, and what it was made of."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sagemaker_local.lineage import mappings
from sagemaker_local.resources import Kind, Resource, now

_SETTLED = {"Completed": ("good", "✓"), "InService": ("good", "✓"), "Failed": ("bad", "✕"), "Stopped": ("muted", "■")}
_CONTAINER = {
    "Image": "Image",
    "ImageUri": "Image",
    "TrainingImage": "Image",
    "ContainerEntrypoint": "Entry point",
    "ContainerArguments": "Arguments",
    "VolumeSizeInGB": "Disk, GB",
    "MaxRuntimeInSeconds": "Time limit, s",
    "RoleArn": "Role",
    "ExecutionRoleArn": "Role",
}


class State(NamedTuple):
    """A resource's state: its word (empty for kinds without states), and the tone and sign that go with it."""

    word: str
    tone: str
    sign: str
    is_changing: bool = False


def kind_words(kind: Kind) -> str:
    """Return a kind for people: training job."""
    return kind.arn_type.replace("-", " ").replace("config", "configuration")


def state_of(resource: Resource) -> State:
    """Return a resource's state; one in service whose last change failed is not simply good."""
    word = resource.status
    if not word:
        return State("", "muted", "◆")
    if word == "InService" and "FailureReason" in resource.description:
        return State(word, "warn", "!")
    return State(word, *_SETTLED[word]) if word in _SETTLED else State(word, "busy", "…", is_changing=True)


def facts(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield when and for how long, and on how many instances."""
    description = resource.description
    created, changed = description["CreationTime"], description["LastModifiedTime"]
    stem = resource.kind.noun.removesuffix("Job")
    started, ended = description.get(f"{stem}StartTime"), description.get(f"{stem}EndTime")
    yield "Created", moment_text(created)
    if started:
        if started - created >= timedelta(seconds=1):
            yield "Waited", duration_text(started - created)
        yield "Ran" if ended else "Running", duration_text((ended or now()) - started)
    elif resource.kind.noun.endswith("Job") and state_of(resource).is_changing:
        yield "Waiting", duration_text(now() - created)
    elif changed != created:
        yield "Last changed", moment_text(changed)
    if instances := ", ".join(filter(None, map(_instances, mappings(description)))):
        yield "Instances", instances


def variants(description: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return each variant's name, instances, weight, and model, which only a configuration names."""
    return [
        (
            variant["VariantName"],
            _instances(variant),
            f"weight {variant.get('CurrentWeight', variant.get('InitialVariantWeight'))}",
            variant.get("ModelName", ""),
        )
        for variant in description.get("ProductionVariants", ())
    ]


def _instances(node: Mapping[str, Any]) -> str:
    counts = [node[f"{stage}InstanceCount"] for stage in ("", "Current", "Initial") if f"{stage}InstanceCount" in node]
    types = [node["InstanceType"] for _ in counts if "InstanceType" in node]
    return " × ".join([*map(str, counts), *types])  # noqa: RUF001  a product


def container(description: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what runs, as labels and texts."""
    found = [
        (label, value_text(node[member]))
        for node in mappings(description)
        for member, label in _CONTAINER.items()
        if member in node
    ]
    return list(dict.fromkeys(found))


def owners_values(description: Mapping[str, Any], member: str) -> list[tuple[str, str]]:
    """Return the hyperparameters, or the environment, wherever in a description they stand."""
    return [pair for node in mappings(description) for pair in (node.get(member) or {}).items()]


def stages(description: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return a training job's secondary states: name, message and duration."""
    return [
        (stage["Status"], stage["StatusMessage"], duration_text(stage.get("EndTime", now()) - stage["StartTime"]))
        for stage in description.get("SecondaryStatusTransitions", ())
    ]


def every_member(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield a whole description as paths and texts."""
    if isinstance(value, Mapping):
        for member, item in value.items():
            yield from every_member(item, f"{path}.{member}" if path else member)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from every_member(item, f"{path}[{number}]")
    else:
        yield path, value_text(value)


def value_text(value: Any) -> str:
    """Return a member's value for people."""
    if isinstance(value, list):
        return shlex.join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return moment_text(value) if isinstance(value, datetime) else str(value)


def moment_text(moment: datetime) -> str:
    """Return a point in time to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def duration_text(duration: timedelta) -> str:
    """Return a duration in the two units that matter at its size."""
    seconds = duration.total_seconds()
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02} min"
