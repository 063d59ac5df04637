"""Plans of the soak test follow from the seed, and ask only for what the embedded service and the pipeline know."""

from __future__ import annotations

import pytest

from sagemaker_local.faults import Fault
from sagemaker_pca.settings.pipeline import resolve
from tests.soak.plan import DEPLOYMENT_FAULTS, FLAVOURS, KINDS, PlannedRun, Round, draw_round

ROUNDS = [draw_round(seed, number) for seed in range(20) for number in range(1, 21)]


def test_equal_seeds_draw_equal_plans() -> None:
    assert [draw_round(7, number) for number in range(5)] == [draw_round(7, number) for number in range(5)]


def test_other_seeds_and_rounds_draw_other_plans() -> None:
    plans = [(plan.runs, plan.disturbances) for plan in ROUNDS]
    assert len(set(plans)) == len(plans)


def test_every_kind_of_run_and_disturbance_comes() -> None:
    assert {run.flavour for plan in ROUNDS for run in plan.runs} == set(FLAVOURS)
    assert {disturbance.kind for plan in ROUNDS for disturbance in plan.disturbances} == set(KINDS)


def test_some_runs_of_a_round_share_an_endpoint() -> None:
    assert all(2 <= len(plan.runs) <= 4 and len({run.endpoint for run in plan.runs}) <= 2 for plan in ROUNDS)


def test_the_service_knows_every_fault() -> None:
    planned = [disturbance.fault for plan in ROUNDS for disturbance in plan.disturbances if disturbance.fault]
    assert planned
    for fault in planned:
        Fault(fault.fault, fault.target, fault.times, fault.seconds)


@pytest.mark.parametrize("settings", FLAVOURS.values(), ids=FLAVOURS)
def test_the_pipeline_takes_the_settings_of_every_run(settings: dict[str, object]) -> None:
    resolve(settings, {})


def test_a_deployment_fault_waits_for_the_endpoints_first_deployment_of_the_round() -> None:
    for plan in ROUNDS:
        faults = [d for d in plan.disturbances if d.fault and d.fault.fault in DEPLOYMENT_FAULTS]
        assert all(disturbance.at_seconds == 0 for disturbance in faults)
        struck = [plan.runs[disturbance.run].endpoint for disturbance in faults]
        assert len(struck) == len(set(struck))


def test_a_rounds_events_come_in_the_order_of_their_times() -> None:
    plan = Round(1, (PlannedRun("late", "a", "refused", 9), PlannedRun("early", "a", "refused", 2)), ())
    assert [event.at_seconds for event in plan.timeline()] == [2, 9]
