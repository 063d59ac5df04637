from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagemaker_pca.endpoints import selection
from sagemaker_pca.endpoints.inventory import ListedResource, RecordedDeployments, Tags, Unreadable
from sagemaker_pca.endpoints.records import DeploymentHistory, DeploymentRecord, Lease, PastDeployment
from sagemaker_pca.endpoints.selection import Decision
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL, ResourceKind
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from tests.run_plans import DEPLOYMENT_ID
from tests.unit.sagemaker_pca.endpoints.in_memory_inventory import MANAGED

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DENIED = Unreadable("AccessDeniedException: no")


BUCKET = "bucket"


def kept_by_tags(tags: Tags, command: EndpointCommand, now: datetime, *, selected: bool) -> Decision | None:
    return selection.kept_by_tags(tags, command, now, deployment_id=DEPLOYMENT_ID, bucket=BUCKET, selected=selected)


def sweep(**settings: Any) -> EndpointCommand:
    return EndpointCommand.model_validate({"command": "sweep", **settings})


def resource(kind: ResourceKind = ENDPOINT, age_days: float = 30, status: str | None = "InService") -> ListedResource:
    created_at = NOW - timedelta(days=age_days)
    return ListedResource(kind, "pca-1", "arn:1", created_at, created_at, status)


def reason(decision: selection.Decision | None) -> str | None:
    return None if decision is None else f"{decision.action}: {decision.explanation}"


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
    assert reason(kept_by_tags(tags, sweep(expired=True, managed_only=False), NOW, selected=True)) == expected


def test_all_tags_asked_for_have_to_match() -> None:
    command = sweep(tags={"owner": "team-*", "stage": "re:dev|test"}, managed_only=False)

    def kept(tags: dict[str, str]) -> str | None:
        return reason(kept_by_tags(tags, command, NOW, selected=True))

    assert kept({"owner": "team-a", "stage": "dev"}) is None
    assert kept({"owner": "team-a"}) == "keep: not selected: tag stage"
    assert kept({"owner": "me", "stage": "dev"}) == "keep: not selected: tag owner"
    assert kept_by_tags({"owner": "me"}, command, NOW, selected=False) is None


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
        ({"managed-by": "sagemaker-pca"}, "keep: not tagged deployment-id=tests (see managed_only)"),
        (
            MANAGED | {"deployment-id": "theirs"},
            "keep: another Airflow's: tagged deployment-id=theirs, and this deployment is tests",
        ),
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
    assert reason(kept_by_tags(tags, sweep(expired=True), NOW, selected=False)) == expected


def test_what_others_made_goes_only_when_asked_for() -> None:
    command = sweep(expired=True, managed_only=False)
    assert kept_by_tags({}, command, NOW, selected=False) is None
    assert kept_by_tags({"protect": "true"}, command, NOW, selected=False) is not None


def test_nothing_under_a_deployment_lease_goes() -> None:
    under_way = RecordedDeployments({"pca-1": "run-9"}, {})
    assert reason(selection.kept_by_deployments(resource(), {}, under_way)) == "keep: run run-9 is deploying to it"
    for kind in (ENDPOINT_CONFIG, MODEL):
        made_by = {"run-name": "run-9"}
        assert "run-9, which made it" in str(selection.kept_by_deployments(resource(kind), made_by, under_way))
        assert selection.kept_by_deployments(resource(kind), {"run-name": "run-8"}, under_way) is None


def test_roll_back_targets_stay_as_long_as_their_endpoint_does() -> None:
    ways_back = RecordedDeployments({}, {"pca-1": ("a", "b")})
    config = resource(ENDPOINT_CONFIG)
    assert reason(selection.kept_by_deployments(config, {}, ways_back, {"a"})) == "keep: roll-back target of endpoint b"
    assert selection.kept_by_deployments(config, {}, ways_back, {"a", "b"}) is None
    assert selection.kept_by_deployments(resource(MODEL), {}, ways_back) is None


def test_without_the_records_nothing_goes() -> None:
    for kind in (ENDPOINT, ENDPOINT_CONFIG, MODEL):
        decision = selection.kept_by_deployments(resource(kind), {}, DENIED)
        assert reason(decision) == "skip: leases and roll-back targets cannot be read: AccessDeniedException: no"


def test_leases_hold_until_they_expire_and_their_records_longer() -> None:
    later, earlier = NOW + timedelta(minutes=10), NOW - timedelta(minutes=10)
    leases = {
        "new": Lease(holder="run-1", expires_at=later),
        "dead": Lease(holder="run-2", expires_at=earlier),
        "gone": Lease(holder="run-3", expires_at=earlier),
    }
    past = PastDeployment(run_name="r", endpoint_config_name="run-00", model_name="m")
    records: list[tuple[str, Any]] = [
        ("new", record("new", "run-1", None)),
        ("dead", record("dead", "run-2", "run-0")),
        ("gone", record("gone", "run-3", "run-0")),
        ("dead", DeploymentHistory(deployments=(past,))),
    ]
    found = RecordedDeployments.of(leases, records, {"dead"}, NOW)
    assert found.holders == {"new": "run-1"}
    assert found.roll_back_targets == {"run-1": ("new",), "run-2": ("dead",), "run-0": ("dead",), "run-00": ("dead",)}


def record(endpoint_name: str, config_name: str, previous: str | None) -> DeploymentRecord:
    return DeploymentRecord(
        endpoint_name=endpoint_name,
        endpoint_config_name=config_name,
        previous_endpoint_config_name=previous,
        run_name=config_name,
    )


def test_numbers_agree_with_their_nouns() -> None:
    one_day_old = resource(age_days=1.5)
    assert reason(selection.kept_by_list(one_day_old, sweep(min_age_days=2), NOW)) == (
        "keep: not selected: only 1 day old"
    )
    assert reason(selection.kept_by_traffic([1.0], sweep(idle_days=1))) == "keep: not selected: 1 invocation in 1 day"


def test_what_another_airflow_made_stays_whatever_the_settings_say() -> None:
    theirs = MANAGED | {"deployment-id": "theirs"}
    for command in (sweep(managed_only=False), sweep(managed_only=True)):
        for own in (DEPLOYMENT_ID, None):
            assert (
                selection.kept_by_tags(theirs, command, NOW, deployment_id=own, bucket=BUCKET, selected=False)
                is not None
            )
    before_ids = {"managed-by": "sagemaker-pca"}
    assert kept_by_tags(before_ids, sweep(managed_only=False), NOW, selected=False) is None


def test_what_is_recorded_in_another_bucket_stays_for_its_roll_back_targets_are_not_seen() -> None:
    command = sweep(orphaned=True)
    assert kept_by_tags(MANAGED | {"bucket": BUCKET}, command, NOW, selected=False) is None
    kept = kept_by_tags(MANAGED | {"bucket": "elsewhere"}, command, NOW, selected=False)
    assert reason(kept) == "keep: its leases and roll-back targets are recorded in elsewhere: set bucket to that"
