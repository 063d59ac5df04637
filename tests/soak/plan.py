"""What a round of the soak test does, drawn from the seed alone, so that an equal seed draws it again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

ENDPOINTS = ("a", "b", "c")
RUNS = (2, 4)
DISTURBANCES = (3, 6)
# Until when, after the beginning of a round, its runs are started and, from then on, disturbed.
STARTS_SECONDS = 30.0
DISTURBED_SECONDS = 150.0

REFUSED: dict[str, Any] = {"num_components": 1, "min_explained_variance": 0.999}
PROFILED: dict[str, Any] = {"scaling": "standardize", "processing_instance_count": 2}
FLAVOURS: dict[str, dict[str, Any]] = {
    "trained again": {},
    "new data": {"force": False},
    "unchanged": {"force": False},
    "refused": REFUSED,
    "profiled": PROFILED,
    "left jobs": {"stop_jobs_on_kill": False},
}

KINDS = {
    "kill task": 4,
    "kill triggerer": 1,
    "restart triggerer": 1,
    "kill scheduler": 1,
    "restart scheduler": 1,
    "freeze service": 2,
    "fault": 8,
    "mark task failed": 2,
    "mark task success": 1,
    "mark run failed": 2,
    "clear task": 2,
}
"""Kinds of disturbances, each with its weight."""

RUN_ACTIONS = (
    "CreateProcessingJob",
    "CreateTrainingJob",
    "CreateModel",
    "CreateEndpointConfig",
    "DescribeProcessingJob",
    "DescribeTrainingJob",
)
ENDPOINT_ACTIONS = ("CreateEndpoint", "UpdateEndpoint", "DescribeEndpoint", "InvokeEndpoint")
# botocore gives up after ten attempts; the next try of the task meets what is left.
MOST_TIMES = {"throttle": 13, "drop_connection": 2, "lose_response": 1, "expire_token": 1}
# One of an endpoint in a round, and before anything is deployed: it strikes a deployment. What a service refuses to
# roll back stays in service, whatever the pipeline does.
DEPLOYMENT_FAULTS = ("fail_endpoint", "fail_update", "keep_old_model")


class Fault(NamedTuple):
    """A planned fault of the embedded service, as `sagemaker_local.faults` says; of the endpoint's, or of the run's."""

    fault: str
    target: str = ""
    times: int = 1
    seconds: float = 0.0
    of_endpoint: bool = False


@dataclass(frozen=True)
class PlannedRun:
    """A run of the pipeline."""

    run_id: str
    endpoint: str
    flavour: str
    at_seconds: float


@dataclass(frozen=True)
class Disturbance:
    """Something that happens while the runs of a round go on.

    :param run: which of the round's runs it is about, where it is about one; what a user does, of those under way
    :param pick: which of the candidates that there are at that moment, from 0 to 1
    :param seconds: how long the service is frozen
    """

    kind: str
    at_seconds: float
    run: int
    pick: float
    seconds: float = 0.0
    fault: Fault | None = None


@dataclass(frozen=True)
class Round:
    """Runs that go on at the same time, and what happens to them."""

    number: int
    runs: tuple[PlannedRun, ...]
    disturbances: tuple[Disturbance, ...]

    def timeline(self) -> list[PlannedRun | Disturbance]:
        """Everything in the order in which it happens."""
        return sorted([*self.runs, *self.disturbances], key=lambda event: event.at_seconds)


def draw_round(seed: int, number: int) -> Round:
    """The round of that number."""
    random = Random(f"{seed}/{number}")
    # A round's runs have two of the endpoints: some share one.
    endpoints = random.sample(ENDPOINTS, 2)
    runs = tuple(
        PlannedRun(
            run_id=f"soak-{number:03d}-{index}",
            endpoint=random.choice(endpoints),
            flavour=random.choice(list(FLAVOURS)),
            at_seconds=round(random.uniform(0, STARTS_SECONDS), 1),
        )
        for index in range(random.randint(*RUNS))
    )
    kinds = random.choices(list(KINDS), list(KINDS.values()), k=random.randint(*DISTURBANCES))
    disturbances = [draw_disturbance(random, kind, len(runs)) for kind in kinds]
    for endpoint in endpoints:
        about = [index for index, run in enumerate(runs) if run.endpoint == endpoint]
        if about and random.random() < 0.3:
            fault = Fault(random.choice(DEPLOYMENT_FAULTS), of_endpoint=True)
            disturbances.append(Disturbance("fault", 0.0, about[0], 0.0, fault=fault))
    return Round(number, runs, tuple(disturbances))


def draw_disturbance(random: Random, kind: str, runs: int) -> Disturbance:
    """A disturbance of a kind."""
    fault = draw_fault(random) if kind == "fault" else None
    return Disturbance(
        kind=kind,
        # A fault strikes whom it meets from then on; anything else needs somebody at work.
        at_seconds=round(random.uniform(0, 60) if fault else random.uniform(STARTS_SECONDS, DISTURBED_SECONDS), 1),
        run=random.randrange(runs),
        pick=random.random(),
        seconds=round(random.uniform(3, 25), 1) if kind == "freeze service" else 0.0,
        fault=fault,
    )


def draw_fault(random: Random) -> Fault:
    """A fault that does not outlast a round."""
    kind = random.choice((*MOST_TIMES, "fail_job", "delay_job", "delay_endpoint"))
    if kind in MOST_TIMES:
        action = random.choice((*RUN_ACTIONS, *ENDPOINT_ACTIONS))
        return Fault(kind, action, random.randint(1, MOST_TIMES[kind]), of_endpoint=action in ENDPOINT_ACTIONS)
    if kind == "delay_endpoint":
        return Fault(kind, seconds=round(random.uniform(5, 40), 1), of_endpoint=True)
    delay = round(random.uniform(5, 60), 1) if kind == "delay_job" else 0.0
    return Fault(kind, random.choice(("ProcessingJob", "TrainingJob")), seconds=delay)
