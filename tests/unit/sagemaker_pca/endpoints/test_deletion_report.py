from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from sagemaker_pca.endpoints.deletion import Outcome
from sagemaker_pca.endpoints.deletion_plan import DeletionPlan, plan_deletion
from sagemaker_pca.endpoints.deletion_report import DeletionReport, all_outcomes, verdict_of
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from tests.run_plans import DEPLOYMENT_ID
from tests.unit.sagemaker_pca.endpoints.in_memory_inventory import InMemoryInventory

DELETED = Outcome(kind="endpoint", name="a", outcome="deleted")
FAILED = Outcome(kind="endpoint", name="b", outcome="failed", reason="AccessDenied")
KEPT = FAILED.model_copy(update={"outcome": "kept"})
SILENT: tuple[Literal["failed"], str] = ("failed", "its task ended without a word")


def plan(command: str = "sweep", **settings: Any) -> DeletionPlan:
    inventory = InMemoryInventory()
    for name in "ab":
        inventory.serve(name)
    conditions = {"include": ["*"], "max_delete_percent": 100} if command == "sweep" else {}
    options = {"command": command, "dry_run": False, **conditions, **settings}
    found = plan_deletion(
        inventory, EndpointCommand.model_validate(options), inventory.now, bucket="bucket", deployment_id=DEPLOYMENT_ID
    )
    return DeletionPlan.model_validate_json(found.model_dump_json())  # as it comes out of XCom


def test_every_planned_deletion_has_an_outcome_though_its_task_said_nothing() -> None:
    assert all_outcomes(plan(), [DELETED], SILENT) == (
        DELETED,
        Outcome(kind="endpoint", name="b", outcome="failed", reason="its task ended without a word"),
    )


@pytest.mark.parametrize("settings", [{"dry_run": True}, {"max_delete": 1}])
def test_what_was_never_to_be_deleted_has_no_outcome(settings: dict[str, Any]) -> None:
    assert all_outcomes(plan(**settings), [], SILENT) == ()


@pytest.mark.parametrize(
    ("settings", "outcomes", "rejected", "verdict"),
    [
        ({}, [DELETED], False, "deleted"),
        ({}, [], False, "deleted"),
        ({}, [DELETED, FAILED], False, "incomplete"),
        ({}, [KEPT], False, "deleted"),
        ({}, [], True, "not approved"),
        ({"dry_run": True}, [], False, "dry run"),
        ({"dry_run": True, "max_delete": 1}, [], False, "dry run"),
        ({"max_delete": 1}, [], False, "refused"),
        (
            {"command": "delete-endpoint", "name": "b"},
            [KEPT],
            False,
            "incomplete",
        ),
    ],
)
def test_the_verdict(settings: dict[str, Any], outcomes: list[Outcome], rejected: bool, verdict: str) -> None:
    assert verdict_of(plan(**settings), outcomes, rejected=rejected) == verdict


def report(made: DeletionPlan, *outcomes: Outcome) -> DeletionReport:
    return DeletionReport(
        dag_id="sagemaker_endpoints",
        run_id="run",
        finished_at=datetime.now(UTC),
        verdict=verdict_of(made, outcomes, rejected=False),
        plan=made,
        outcomes=outcomes,
    )


def test_only_refusals_and_incomplete_deletions_are_failures() -> None:
    assert report(plan(), DELETED).failure is None
    assert report(plan(dry_run=True, max_delete=1)).failure is None
    assert str(report(plan(), DELETED, FAILED).failure) == "endpoint b failed: AccessDenied."
    assert str(report(plan(max_delete=1)).failure).startswith("The sweep would delete 2 resources")


def test_the_line_says_how_much_went_or_why_not() -> None:
    assert report(plan(), DELETED, KEPT).line == "deleted: 1 of 2 resources"
    assert report(plan(), DELETED, FAILED).line == "incomplete: endpoint b failed: AccessDenied."
    assert report(plan(dry_run=True)).line.startswith("dry run: 2 of 2 resources would be deleted.")
    assert report(plan(max_delete=1)).line.startswith("refused: The sweep would delete 2 resources")


def test_the_report_survives_json() -> None:
    found = report(plan(), DELETED)
    assert DeletionReport.model_validate_json(found.model_dump_json()) == found
