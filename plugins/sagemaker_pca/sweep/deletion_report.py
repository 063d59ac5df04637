"""What a run of an endpoint command did, as JSON for XCom, S3 and whoever audits deletions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from sagemaker_pca.sweep.deletion import Outcome

SCHEMA_VERSION = 1

Verdict = Literal["dry run", "refused", "not approved", "deleted", "incomplete"]


class DeletionReport(BaseModel):
    """A plan and what became of it.

    :param plan: the plan, with its command and every resource's decision and reason
    :param outcomes: one for every resource that was to be deleted, unless it was a dry run
    """

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA_VERSION
    dag_id: str
    run_id: str
    finished_at: datetime
    verdict: Verdict
    plan: dict[str, Any]
    outcomes: tuple[Outcome, ...] = ()

    @property
    def failure(self) -> str | None:
        """Why the run is no success; None when it is one."""
        if self.verdict == "refused":
            return str(self.plan["refusal"])
        if self.verdict != "incomplete":
            return None
        left = [outcome for outcome in self.outcomes if outcome.outcome in {"failed", "kept"}]
        return " ".join(f"{outcome.kind} {outcome.name} {outcome.outcome}: {outcome.reason}." for outcome in left)


def all_outcomes(
    plan: Mapping[str, Any], reported: Iterable[Outcome], unreported: tuple[Literal["kept", "failed"], str]
) -> tuple[Outcome, ...]:
    """An outcome for every resource that the plan was to delete, those that no task reported included.

    :param unreported: outcome and reason of these
    """
    if plan["command"]["dry_run"] or plan["refusal"]:
        return ()
    known = {(outcome.kind, outcome.name): outcome for outcome in reported}
    outcome, reason = unreported
    going = [(item["kind"], item["name"]) for item in plan["resources"] if item["decision"] == "delete"]
    return tuple(known.get(key) or Outcome(kind=key[0], name=key[1], outcome=outcome, reason=reason) for key in going)


def verdict_of(plan: Mapping[str, Any], outcomes: Iterable[Outcome], *, rejected: bool) -> Verdict:
    """The run in a word; what a sweep kept at second sight is no failure, what was asked for by name is one."""
    command = plan["command"]
    if command["dry_run"]:
        return "dry run"
    if plan["refusal"]:
        return "refused"
    if rejected:
        return "not approved"
    for item in outcomes:
        if item.outcome == "failed" or (item.outcome == "kept" and item.name == command["name"]):
            return "incomplete"
    return "deleted"
