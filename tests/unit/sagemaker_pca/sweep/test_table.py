from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sagemaker_pca.job_status import ENDPOINT, MODEL
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.sweep.deletion import Outcome
from sagemaker_pca.sweep.deletion_plan import plan_deletion
from sagemaker_pca.sweep.estate import Resource
from sagemaker_pca.sweep.table import aligned, description_table, listing_table, outcome_table, plan_table
from tests.unit.sagemaker_pca.sweep.in_memory_estate import MANAGED, InMemoryEstate, Made

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert aligned(["a", "bb"], [["one", ""], ["1", "2"]]) == "a    bb\n---  --\none\n1    2"


def test_a_table_without_rows_is_its_header() -> None:
    assert aligned(["a", "bb"], []) == "a  bb\n-  --"


def test_a_listing_shows_state_and_age() -> None:
    created_at = NOW - timedelta(hours=36)
    endpoint = Resource(ENDPOINT, "e", "arn", created_at, created_at, "InService")
    assert listing_table(ENDPOINT, [endpoint], NOW).splitlines() == [
        "name  status     created              hours alive",
        "----  ---------  -------------------  -----------",
        "e     InService  2026-03-09 00:00:00  36.0",
    ]
    model = Resource(MODEL, "m", "arn", created_at, created_at)
    assert "status" not in listing_table(MODEL, [model], NOW)


def test_a_plan_shows_what_goes_first_and_counts_what_was_not_selected() -> None:
    estate = InMemoryEstate(NOW)
    for name in ("goes", "other"):
        estate.serve(name)
    estate.serve("kept", Made(tags=MANAGED | {"protect": "true"}))
    command = EndpointCommand(
        command="sweep", include=("goes", "kept"), hourly_prices={"ml.m5.large": 0.5}, max_delete_percent=100
    )
    table = plan_table(plan_deletion(estate, command, "bucket", NOW))
    assert [line.split()[:3] for line in table.splitlines()[2:4]] == [
        ["delete", "endpoint", "goes"],
        ["keep", "endpoint", "kept"],
    ]
    assert table.splitlines()[-2:] == [
        "1 more were not selected.",
        "1 of 3 resources would be deleted. That saves 365.00 a month.",
    ]


def test_a_plan_says_which_savings_are_unknown_and_why_it_is_refused() -> None:
    estate = InMemoryEstate(NOW)
    for name in "ab":
        estate.serve(name)
    command = EndpointCommand(command="sweep", include=("*",), max_delete=1, dry_run=False)
    summary = plan_table(plan_deletion(estate, command, "bucket", NOW)).splitlines()[-1]
    assert summary == (
        "2 of 2 resources are to be deleted. What that saves is unknown. "
        "Refused: The sweep would delete 2 resources, more than max_delete=1. Narrow it down, or raise max_delete."
    )


def test_outcomes_name_kind_and_reason() -> None:
    outcome = Outcome(kind="endpoint_config", name="c", outcome="kept", reason="endpoint e uses it by now")
    assert outcome_table([outcome]).splitlines()[-1] == (
        "kept     endpoint configuration  c     endpoint e uses it by now"
    )


def test_a_description_is_one_member_a_line() -> None:
    assert description_table({"EndpointName": "e", "hourly_cost": None}).splitlines()[2:] == [
        "EndpointName  e",
        "hourly_cost   None",
    ]


def test_a_known_saving_is_told_beside_what_is_unknown() -> None:
    estate = InMemoryEstate(NOW)
    for name in "ab":
        estate.serve(name)
    estate.configs["b"].instance_type = "ml.unheard.of"
    command = EndpointCommand(
        command="sweep", include=("*",), hourly_prices={"ml.m5.large": 0.1}, max_delete_percent=100
    )
    assert plan_table(plan_deletion(estate, command, "bucket", NOW)).splitlines()[-1] == (
        "2 of 2 resources would be deleted. That saves 73.00 a month, and what 1 of 2 endpoints cost, which is unknown."
    )
