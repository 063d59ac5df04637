"""What must hold once all runs of a round have ended; a sentence for each thing that does not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from sagemaker_pca.report.document import Verdict
from sagemaker_pca.run import tasks
from sagemaker_pca.run.attempts import attempt_names

GOOD_VERDICTS = frozenset({Verdict.PROMOTED, Verdict.SKIPPED})
UNUSABLE = frozenset({"Failed", "Stopped", "Stopping"})
# Whoever clears these asks for what is there now, perhaps for jobs of other requests.
PLANNING_TASKS = frozenset({tasks.PREFLIGHT, tasks.STAGE_INPUTS})
UserAction = tuple[str, str]
"""What a user did to a run, and to which of its tasks."""


@dataclass(frozen=True)
class RunFacts:
    """What a run that has ended left.

    :param jobs: status of each job by its name, by the name that the first attempt of its kind has
    :param promoted_config: configuration that its report says is in service
    :param listed_at: when the raw data was listed that the promoted model is of
    """

    run_name: str
    endpoint: str
    state: str
    planned: bool
    verdict: Verdict | None
    reason: str = ""
    jobs: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    stops_jobs: bool = True
    user_actions: tuple[UserAction, ...] = ()
    promoted_config: str | None = None
    listed_at: datetime | None = None


@dataclass(frozen=True)
class EndpointFacts:
    """What an endpoint serves, and what the runs left beside it.

    :param status: None where there is no endpoint
    :param promotion: the configuration that was promoted last, as the pipeline's own record says
    :param claims: holders of claims to train
    """

    name: str
    status: str | None
    serving_config: str | None = None
    answers: bool = False
    promotion: str | None = None
    lease_holder: str | None = None
    claims: tuple[str, ...] = ()


def one_job_at_a_time(run: RunFacts) -> Iterator[str]:
    """A job's next attempt exists only where the one before cannot be used."""
    may_ask_anew = any(action == "clear task" and task in PLANNING_TASKS for action, task in run.user_actions)
    for (kind, base_name), jobs in run.jobs.items():
        names = [name for (_, name), _ in zip(attempt_names(base_name), jobs, strict=False)]
        if sorted(names) != sorted(jobs):
            yield f"{run.run_name} has {kind} jobs {sorted(jobs)}: the attempts have holes."
            continue
        for name, later in pairwise(names):
            if jobs[name] not in UNUSABLE and not may_ask_anew:
                yield f"{run.run_name} made the {kind} job {later}, though {name} is {jobs[name]}."


def no_job_runs_on(run: RunFacts) -> Iterator[str]:
    """A run that has ended pays for no job, unless somebody asked for that."""
    waits_given_up = {task for action, task in run.user_actions if action == "mark task success"}
    if not run.stops_jobs or waits_given_up & tasks.AWAITED_JOBS.keys():
        return
    for (kind, _), jobs in run.jobs.items():
        for name, status in jobs.items():
            if status == "InProgress":
                yield f"{run.run_name} has ended {run.state}, and its {kind} job {name} is still InProgress."


def reported(run: RunFacts) -> Iterator[str]:
    """Every run that had a plan has a report."""
    if run.planned and run.verdict is None:
        yield f"{run.run_name} has ended {run.state} without a report."


def state_is_verdict(run: RunFacts) -> Iterator[str]:
    """A run is green exactly where its report is good, and what is skipped says why."""
    good = run.verdict in GOOD_VERDICTS
    if (run.state == "success") != good:
        yield f"{run.run_name} has ended {run.state}, and its verdict is {run.verdict}."
    if run.verdict is not Verdict.PROMOTED and run.verdict is not None and run.reason in {"", "None"}:
        yield f"{run.run_name} is {run.verdict} and its report does not say why."
    if run.verdict is Verdict.SKIPPED and any(action == "mark run failed" for action, _ in run.user_actions):
        yield f"{run.run_name} was marked failed, and its report calls it skipped: {run.reason}"


def verified_model_serves(endpoint: EndpointFacts, runs: Collection[RunFacts]) -> Iterator[str]:
    """What the endpoint serves was verified, and is there to answer; a first deployment that was not is gone."""
    promoted = {run.promoted_config for run in runs if run.endpoint == endpoint.name and run.promoted_config}
    if endpoint.status is None:
        if promoted:
            yield f"{endpoint.name} is gone, though runs were promoted."
        return
    served = f"{endpoint.name} is {endpoint.status} with {endpoint.serving_config}"
    if endpoint.status != "InService":
        yield f"{served}."
    elif endpoint.serving_config not in promoted:
        yield f"{served}, which no run has reported promoted."
    elif endpoint.serving_config != endpoint.promotion:
        yield f"{served}, though {endpoint.promotion} was promoted last."
    elif not endpoint.answers:
        yield f"{served} and does not answer."


def never_backwards(endpoint: EndpointFacts, runs: Collection[RunFacts]) -> Iterator[str]:
    """No model of older data took the place of one of newer data."""
    listed = {
        run.promoted_config: run.listed_at
        for run in runs
        if run.endpoint == endpoint.name and run.promoted_config and run.listed_at
    }
    if listed and endpoint.promotion in listed:
        newest = max(listed, key=lambda config: listed[config])
        if newest != endpoint.promotion:
            yield f"{endpoint.name} went back to {endpoint.promotion}, though {newest} is of newer data."


def nothing_is_held(endpoint: EndpointFacts, runs: Collection[RunFacts]) -> Iterator[str]:
    """Lease and claims are given back."""
    if endpoint.lease_holder:
        yield f"{endpoint.lease_holder} has ended and still holds the lease of {endpoint.name}."
    for holder in endpoint.claims:
        yield f"{holder} has ended and still claims a training for {endpoint.name}."


OF_RUNS: tuple[Callable[[RunFacts], Iterator[str]], ...] = (
    one_job_at_a_time,
    no_job_runs_on,
    reported,
    state_is_verdict,
)
OF_ENDPOINTS: tuple[Callable[[EndpointFacts, Collection[RunFacts]], Iterator[str]], ...] = (
    verified_model_serves,
    never_backwards,
    nothing_is_held,
)


def violations(
    ended: Collection[RunFacts], earlier: Collection[RunFacts], endpoints: Collection[EndpointFacts]
) -> list[str]:
    """What does not hold after a round, given the runs of the rounds before."""
    found = [sentence for run in ended for check in OF_RUNS for sentence in check(run)]
    runs = [*earlier, *ended]
    found += [sentence for endpoint in endpoints for check in OF_ENDPOINTS for sentence in check(endpoint, runs)]
    return found
