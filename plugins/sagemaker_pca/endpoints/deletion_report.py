"""What a run of an endpoint command did, as JSON for XCom, S3 and whoever audits deletions. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sagemaker_pca.documents import VersionedDocument
from sagemaker_pca.endpoints.chains import KIND_OF
from sagemaker_pca.endpoints.deletion import Outcome
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan
from sagemaker_pca.endpoints.table import plan_summary
from sagemaker_pca.exceptions import Failure
from sagemaker_pca.plurals import counted

CommandVerdict = Literal["dry run", "refused", "not approved", "deleted", "incomplete"]


class DeletionReport(VersionedDocument):
    """A plan and what became of it.

    :param plan: the plan, with its command and the decision on every resource
    :param outcomes: one for every resource that was to be deleted, unless it was a dry run
    """

    dag_id: str
    run_id: str
    finished_at: datetime
    verdict: CommandVerdict
    plan: DeletionPlan
    outcomes: tuple[Outcome, ...] = ()

    @property
    def failure(self) -> Failure | None:
        """Why the run is no success; None when it is one."""
        if self.verdict == "refused":
            return self.plan.refusal
        if self.verdict != "incomplete":
            return None
        left = [outcome for outcome in self.outcomes if outcome.outcome in {"failed", "kept"}]
        return Failure(
            reason=" ".join(
                f"{KIND_OF[item.kind].noun} {item.name} {item.outcome}: {item.reason.rstrip('.')}." for item in left
            )
        )

    @property
    def line(self) -> str:
        """How the command ended, in a line."""
        if self.failure is not None:
            return f"{self.verdict}: {self.failure.reason}"
        if self.verdict == "dry run":
            return f"{self.verdict}: {plan_summary(self.plan)}"
        gone = sum(outcome.outcome in {"deleted", "gone"} for outcome in self.outcomes)
        return f"{self.verdict}: {gone} of {counted(len(self.outcomes), 'resource')}"


def all_outcomes(
    plan: DeletionPlan, reported: Iterable[Outcome], unreported: tuple[Literal["kept", "failed"], str]
) -> tuple[Outcome, ...]:
    """An outcome for every resource that the plan was to delete, those that no task reported included.

    :param unreported: outcome and reason of these
    """
    if plan.command.dry_run or plan.refusal:
        return ()
    known = {(outcome.kind, outcome.name): outcome for outcome in reported}
    outcome, reason = unreported
    return tuple(
        known.get((item.kind, item.name)) or Outcome(kind=item.kind, name=item.name, outcome=outcome, reason=reason)
        for item in plan.going
    )


def verdict_of(plan: DeletionPlan, outcomes: Iterable[Outcome], *, rejected: bool) -> CommandVerdict:
    """The run in a word; what a sweep kept at second sight is no failure, what was asked for by name is one."""
    if plan.command.dry_run:
        return "dry run"
    if plan.refusal:
        return "refused"
    if rejected:
        return "not approved"
    failed = any(item.outcome == "failed" or item.is_refusal_of(plan.command) for item in outcomes)
    return "incomplete" if failed else "deleted"
