"""Deletions that depend on each other, as one chain: endpoint, then configuration, then models. Pure."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.endpoints.inventory import ListedResource
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL
from sagemaker_pca.settings.endpoint_command import EndpointCommand

# AWS's order: a configuration or model deleted first would leave an endpoint that nobody can look into.
KINDS = (ENDPOINT, ENDPOINT_CONFIG, MODEL)
KIND_OF = {kind.operation: kind for kind in KINDS}

KindName = Literal["endpoint", "endpoint_config", "model"]


class Deletion(BaseModel):
    """One deletion.

    :param needs: names of this chain that go after it: configurations, roll-back targets too, or models
    """

    model_config = ConfigDict(frozen=True)

    kind: KindName
    name: str
    changed_at: datetime
    needs: tuple[str, ...] = ()


class Chain(BaseModel):
    """Deletions in their order, with all that a task needs to carry them out."""

    model_config = ConfigDict(frozen=True)

    command: EndpointCommand
    bucket: str
    deployment_id: str | None
    planned_at: datetime
    deletions: tuple[Deletion, ...]

    def users_of(self, deletion: Deletion) -> list[Deletion]:
        """Deletions of the chain whose resource uses this one's."""
        order = [kind.operation for kind in KINDS]
        above = order.index(deletion.kind) - 1
        return [user for user in self.deletions if order.index(user.kind) == above and deletion.name in user.needs]


def connected_deletions(needs: Mapping[ListedResource, Iterable[str]]) -> list[tuple[Deletion, ...]]:
    """Group what is to be deleted by who uses what, each group in AWS's order.

    :param needs: by resource, names of the configurations that an endpoint uses or may return to, of the models that a
        configuration uses; those that are not to be deleted count for nothing
    """
    going = {(item.kind, item.name): item for item in needs}
    below = dict(itertools.pairwise(KINDS))
    used = {
        item: [going[key] for name in names if (key := (below.get(item.kind, item.kind), name)) in going]
        for item, names in needs.items()
    }
    place = {item: (KINDS.index(item.kind), number) for number, item in enumerate(needs)}
    groups = (sorted(group, key=place.__getitem__) for group in _connected(used))
    return [tuple(_deletion(item, used[item]) for item in group) for group in groups]


def _deletion(item: ListedResource, used: Iterable[ListedResource]) -> Deletion:
    names = tuple(other.name for other in used)
    return Deletion.model_validate(
        {"kind": item.kind.operation, "name": item.name, "changed_at": item.changed_at, "needs": names}
    )


def _connected(used: Mapping[ListedResource, Iterable[ListedResource]]) -> Iterable[set[ListedResource]]:
    """The resources in groups, none of which uses anything of another."""
    neighbours: dict[ListedResource, set[ListedResource]] = defaultdict(set)
    for item, others in used.items():
        for other in others:
            neighbours[item].add(other)
            neighbours[other].add(item)
    seen: set[ListedResource] = set()
    for item in used:
        if item not in seen:
            group, waiting = {item}, [item]
            while waiting:
                new = neighbours[waiting.pop()] - group
                group |= new
                waiting += new
            seen |= group
            yield group
