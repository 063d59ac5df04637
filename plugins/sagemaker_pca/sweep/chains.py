"""Deletions that depend on each other, as one chain: endpoint, then configuration, then models. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, MODEL, ResourceKind
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.estate import Resource

# AWS's order: a configuration or model deleted first would leave an endpoint that nobody can look into.
KINDS = (ENDPOINT, ENDPOINT_CONFIG, MODEL)
KIND_OF = {kind.operation: kind for kind in KINDS}

Operation = Literal["endpoint", "endpoint_config", "model"]
Going = Mapping[tuple[ResourceKind, str], Resource]


class Step(BaseModel):
    """One deletion.

    :param needs: what the endpoint or configuration uses of this chain: configurations, or models
    """

    model_config = ConfigDict(frozen=True)

    kind: Operation
    name: str
    changed_at: datetime
    needs: tuple[str, ...] = ()


class Chain(BaseModel):
    """Deletions in their order, with all that a task needs to carry them out."""

    model_config = ConfigDict(frozen=True)

    command: EndpointCommand
    bucket: str
    planned_at: datetime
    steps: tuple[Step, ...]

    def users_of(self, step: Step) -> list[Step]:
        """Steps of the chain whose resource uses this one's."""
        order = [kind.operation for kind in KINDS]
        return [
            user
            for user in self.steps
            if order.index(user.kind) == order.index(step.kind) - 1 and step.name in user.needs
        ]


def connected_steps(resources: Iterable[Resource], needs: Mapping[Resource, Iterable[str]]) -> list[tuple[Step, ...]]:
    """Group what is to be deleted by who uses what, each group in AWS's order.

    :param needs: names of the configurations that an endpoint uses, of the models that a configuration uses
    """
    going = {(item.kind, item.name): item for item in resources}
    neighbours: dict[Resource, list[Resource]] = defaultdict(list)
    for item in going.values():
        for used in _used(item, needs, going):
            neighbours[item].append(used)
            neighbours[used].append(item)
    groups: list[list[Step]] = []
    group_of: dict[Resource, list[Step]] = {}
    for item in going.values():
        if item not in group_of:
            groups.append([])
            group_of |= dict.fromkeys(_reachable(item, neighbours), groups[-1])
    for item in sorted(going.values(), key=lambda item: KINDS.index(item.kind)):
        group_of[item].append(_step(item, needs, going))
    return [tuple(steps) for steps in groups]


def _used(item: Resource, needs: Mapping[Resource, Iterable[str]], going: Going) -> Iterator[Resource]:
    if item.kind is not MODEL:
        below = KINDS[KINDS.index(item.kind) + 1]
        yield from (going[below, name] for name in needs.get(item, ()) if (below, name) in going)


def _reachable(start: Resource, neighbours: Mapping[Resource, list[Resource]]) -> set[Resource]:
    reached, waiting = {start}, [start]
    while waiting:
        new = set(neighbours.get(waiting.pop(), ())) - reached
        reached |= new
        waiting += new
    return reached


def _step(item: Resource, needs: Mapping[Resource, Iterable[str]], going: Going) -> Step:
    names = tuple(used.name for used in _used(item, needs, going))
    return Step.model_validate(
        {"kind": item.kind.operation, "name": item.name, "changed_at": item.changed_at, "needs": names}
    )
