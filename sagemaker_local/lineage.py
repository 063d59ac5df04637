"""What resources are made from: the resources that they name, and those whose S3 output they read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sagemaker_local.resources import Resource

# Their members are named by whoever made the resource, and mean nothing to the service.
_OWNERS_MEMBERS = frozenset({"Environment", "HyperParameters"})
_OUTPUTS = frozenset({"DataCaptureConfig", "ModelArtifacts", "ProcessingOutputConfig", "TransformOutput"})
_FOLDERS_OF_MANY = frozenset({"OutputDataConfig"})  # ModelArtifacts is this training job's own part of it
_LABELS = ("InputName", "OutputName", "ChannelName")
_WORDS = {
    "DestinationS3Uri": "captured data",
    "ModelDataUrl": "model artifact",
    "S3ModelArtifacts": "model artifact",
    "S3OutputPath": "output",
    "S3Uri": "data",
}


class S3Location(NamedTuple):
    """A place in S3 that a resource reads or writes, and where its containers see it (empty where that is fixed)."""

    is_output: bool
    label: str
    uri: str
    local_path: str


def mappings(node: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a description and every structure in it, without what its owner named."""
    if isinstance(node, Mapping):
        yield node
        for member, value in node.items():
            if member not in _OWNERS_MEMBERS:
                yield from mappings(value)
    elif isinstance(node, list):
        for item in node:
            yield from mappings(item)


def s3_locations(description: Mapping[str, Any]) -> Iterator[S3Location]:
    """Yield where a resource reads and writes, in the order of its description."""
    for member, value in description.items():
        if member in _FOLDERS_OF_MANY | _OWNERS_MEMBERS:
            continue
        label = ""
        for node in mappings(value):
            label = next((node[name] for name in _LABELS if name in node), label)
            for name, text in node.items():
                if isinstance(text, str) and text.startswith("s3://"):
                    local_path = node.get("LocalPath", "")
                    yield S3Location(member in _OUTPUTS, label or _WORDS.get(name, name), text, local_path)


class Lineage:
    """The resources of a backend as a graph."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = {(resource.kind.name_field, resource.name): resource for resource in resources}
        self._name_fields = {name_field for name_field, _ in self._resources}
        self._writers: dict[str, list[Resource]] = {}
        for resource in self._resources.values():
            for location in s3_locations(resource.description):
                if location.is_output and resource.status != "Failed":
                    self._writers.setdefault(location.uri.rstrip("/"), []).append(resource)

    def upstream(self, resource: Resource) -> list[Resource]:
        """Return what a resource is made from, nearest first."""
        return _reached(resource, self._made_from)

    def downstream(self, resource: Resource) -> list[Resource]:
        """Return what is made from a resource, nearest first."""
        made: dict[str, list[Resource]] = {}
        for other in self._resources.values():
            for source in self._made_from(other):
                made.setdefault(source.arn, []).append(other)
        return _reached(resource, lambda source: made.get(source.arn, ()))

    def _made_from(self, resource: Resource) -> Iterator[Resource]:
        for node in mappings(resource.description):
            for name_field in self._name_fields & node.keys():
                if found := self._resources.get((name_field, node[name_field])):
                    yield found
        for location in s3_locations(resource.description):
            uri = "" if location.is_output else location.uri.rstrip("/")
            while uri.startswith("s3://"):  # an output holds everything beneath it
                yield from self._writers.get(uri, ())
                uri = uri.rpartition("/")[0]


def _reached(start: Resource, follow: Callable[[Resource], Iterable[Resource]]) -> list[Resource]:
    found = {start.arn: start}
    waiting = [start]
    for resource in waiting:
        new = {other.arn: other for other in follow(resource) if other.arn not in found}
        found |= new
        waiting.extend(new.values())
    return waiting[1:]
