from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, MODEL, ResourceKind
from sagemaker_pca.sweep import selection
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.estate import Deployments, Resource, Unreadable, deployments
from tests.unit.sagemaker_pca.sweep.in_memory_estate import MANAGED

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DENIED = Unreadable("AccessDeniedException: no")


def sweep(**settings: Any) -> EndpointCommand:
    return EndpointCommand.model_validate({"command": "sweep", **settings})


def resource(kind: ResourceKind = ENDPOINT, age_days: float = 30, status: str | None = "InService") -> Resource:
    created_at = NOW - timedelta(days=age_days)
    return Resource(kind, "pca-1", "arn:1", created_at, created_at, status)


def reason(verdict: selection.Verdict | None) -> str | None:
    return None if verdict is None else f"{verdict.decision}: {verdict.reason}"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"include": ["pca-*"]}, None),
        ({"include": ["other"]}, "keep: not selected: name"),
        ({"include": ["pca-*"], "exclude": ["re:.*1"]}, "keep: not selected: name"),
        ({"statuses": ["Failed"]}, "keep: not selected: InService"),
        ({"min_age_days": 30}, None),
        ({"min_age_days": 31}, "keep: not selected: only 30 days old"),
        ({"idle_days": 31}, "keep: not selected: only 30 days old"),
        ({"idle_days": 7, "min_age_days": 31}, "keep: not selected: only 30 days old"),
    ],
)
def test_conditions_on_what_lists_tell(settings: dict[str, Any], expected: str | None) -> None:
    assert reason(selection.kept_by_list(resource(), sweep(**settings), NOW)) == expected


def test_young_configurations_and_models_are_no_orphans_yet() -> None:
    young = resource(MODEL, age_days=1, status=None)
    assert selection.kept_by_grace(young, sweep(orphaned=True), NOW) is not None
    assert selection.kept_by_grace(young, sweep(orphaned=True, orphan_grace_hours=24), NOW) is None
    named = EndpointCommand(command="delete-model", name="pca-1")
    assert selection.kept_by_grace(young, named, NOW) is None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"expires-at": "2026-03-10T12:00:00+00:00"}, None),
        ({"expires-at": "2026-03-10T11:00:00Z"}, None),
        ({"expires-at": "2026-03-10T13:30:00+02:00"}, None),
        ({"expires-at": "2026-03-10T12:00:01"}, "keep: not selected: expires at 2026-03-10T12:00:01"),
        ({"expires-at": "2026-03-10"}, None),
        ({"expires-at": "never"}, "keep: not selected: never expires"),
        ({"expires-at": "soon"}, "skip: expires-at=soon is no ISO 8601 date"),
        ({}, "keep: not selected: no tag expires-at"),
        (DENIED, "skip: its tags cannot be read: AccessDeniedException: no"),
    ],
)
def test_expired_is_what_has_reached_its_date(tags: Any, expected: str | None) -> None:
    assert reason(selection.kept_by_tags(tags, sweep(expired=True), NOW)) == expected


def test_all_tags_asked_for_have_to_match() -> None:
    command = sweep(tags={"owner": "team-*", "stage": "re:dev|test"})
    assert selection.kept_by_tags({"owner": "team-a", "stage": "dev"}, command, NOW) is None
    assert reason(selection.kept_by_tags({"owner": "team-a"}, command, NOW)) == "keep: not selected: tag stage"
    assert selection.kept_by_tags({"owner": "me", "stage": "dev"}, command, NOW) is not None


@pytest.mark.parametrize(
    ("counts", "no_data_is_idle", "expected"),
    [
        ([0.0, 0.0], False, None),
        ([0.0, 3.0], False, "keep: not selected: 3 invocations in 7 days"),
        ([None, 3.0], True, "keep: not selected: 3 invocations in 7 days"),
        ([0.0, None], False, "skip: no metrics for 7 days: idle or not is unknown (see no_data_is_idle)"),
        ([], False, "skip: no metrics for 7 days: idle or not is unknown (see no_data_is_idle)"),
        ([None], True, None),
        ([0.0, DENIED], True, "skip: its metrics cannot be read: AccessDeniedException: no"),
    ],
)
def test_idle_is_what_is_known_to_have_had_no_invocation(
    counts: list[Any], no_data_is_idle: bool, expected: str | None
) -> None:
    command = sweep(idle_days=7, no_data_is_idle=no_data_is_idle)
    assert reason(selection.kept_by_traffic(counts, command)) == expected


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"])
def test_endpoints_that_change_are_kept(status: str) -> None:
    assert reason(selection.kept_by_state(resource(status=status))) == f"keep: it is {status}: wait until it has ended"


@pytest.mark.parametrize("status", ["InService", "Failed", "OutOfService", "UpdateRollbackFailed"])
def test_endpoints_at_rest_may_go(status: str) -> None:
    assert selection.kept_by_state(resource(status=status)) is None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (MANAGED, None),
        ({}, "keep: not tagged managed-by=sagemaker-pca (see managed_only)"),
        ({"managed-by": "other"}, "keep: not tagged managed-by=sagemaker-pca (see managed_only)"),
        (MANAGED | {"protect": "true"}, "keep: protected: protect=true"),
        (MANAGED | {"protect": "yes"}, "keep: protected: protect=yes"),
        (MANAGED | {"protect": ""}, "keep: protected: protect="),
        (MANAGED | {"protect": "False"}, None),
        (MANAGED | {"protect-until": "2026-03-10"}, "keep: protected: protect-until=2026-03-10"),
        (MANAGED | {"protect-until": "2026-03-09"}, None),
        (MANAGED | {"protect-until": "9999-12-31"}, "keep: protected: protect-until=9999-12-31"),
        (MANAGED | {"protect-until": "2026-03-10T11:59:59+00:00"}, None),
        (MANAGED | {"protect-until": "Q3"}, "skip: protect-until=Q3 is no ISO 8601 date"),
        (DENIED, "skip: its tags cannot be read: AccessDeniedException: no"),
    ],
)
def test_tags_protect_and_dates_last_to_the_end_of_their_day(tags: Any, expected: str | None) -> None:
    assert reason(selection.kept_by_protection(tags, sweep(expired=True), NOW)) == expected


def test_what_others_made_goes_only_when_asked_for() -> None:
    assert selection.kept_by_protection({}, sweep(expired=True, managed_only=False), NOW) is None
    assert selection.kept_by_protection({"protect": "true"}, sweep(expired=True, managed_only=False), NOW) is not None


def test_nothing_under_a_deployment_lease_goes() -> None:
    under_way = Deployments({"pca-1": "run-9"}, {})
    assert reason(selection.kept_by_deployments(resource(), {}, under_way)) == "keep: run run-9 is deploying to it"
    for kind in (ENDPOINT_CONFIG, MODEL):
        made_by = {"run-name": "run-9"}
        assert "run-9, which made it" in str(selection.kept_by_deployments(resource(kind), made_by, under_way))
        assert selection.kept_by_deployments(resource(kind), {"run-name": "run-8"}, under_way) is None


def test_roll_back_targets_stay_as_long_as_their_endpoint_does() -> None:
    ways_back = Deployments({}, {"pca-1": ("a", "b")})
    config = resource(ENDPOINT_CONFIG)
    assert reason(selection.kept_by_deployments(config, {}, ways_back, {"a"})) == "keep: roll-back target of endpoint b"
    assert selection.kept_by_deployments(config, {}, ways_back, {"a", "b"}) is None
    assert selection.kept_by_deployments(resource(MODEL), {}, ways_back) is None


def test_without_the_records_nothing_goes() -> None:
    for kind in (ENDPOINT, ENDPOINT_CONFIG, MODEL):
        verdict = selection.kept_by_deployments(resource(kind), {}, DENIED)
        assert reason(verdict) == "skip: leases and roll-back targets cannot be read: AccessDeniedException: no"


def test_leases_hold_until_they_expire_and_their_records_longer() -> None:
    leases = {
        "new": {"holder": "run-1", "expires_at": "2026-03-10T12:10:00+00:00"},
        "dead": {"holder": "run-2", "expires_at": "2026-03-10T11:50:00+00:00"},
        "gone": {"holder": "run-3", "expires_at": "2026-03-10T11:50:00+00:00"},
    }
    ways_back: list[tuple[str, dict[str, Any]]] = [
        ("new", {"endpoint_config_name": "run-1", "previous_endpoint_config_name": None}),
        ("dead", {"endpoint_config_name": "run-2", "previous_endpoint_config_name": "run-0"}),
        ("gone", {"endpoint_config_name": "run-3", "previous_endpoint_config_name": "run-0"}),
        ("dead", {"deployments": [{"run_name": "r", "endpoint_config_name": "run-00", "model_name": "m"}]}),
    ]
    found = deployments(leases, ways_back, {"dead"}, NOW)
    assert found.holders == {"new": "run-1"}
    assert found.roll_back_targets == {"run-1": ("new",), "run-2": ("dead",), "run-0": ("dead",), "run-00": ("dead",)}
