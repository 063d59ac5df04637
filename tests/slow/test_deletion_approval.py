"""A person's approval of a deletion, under Airflow's own scheduler; `airflow dags test` cannot wait for one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.airflow_api import DagRun
from tests.airflow_pages import AirflowPages
from tests.airflow_services import AirflowServices
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import EmbeddedInventory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DAG_ID = "sagemaker_endpoints"
RUN_SECONDS = 240.0
SWEEP = {
    "command": "sweep",
    "expired": True,
    "with_dependents": True,
    "dry_run": False,
    "max_delete_percent": 100,
    "poll_seconds": 0.1,
}


@pytest.fixture
def inventory(service_url: str) -> Iterator[EmbeddedInventory]:
    inventory = EmbeddedInventory(service_url)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for name in ("one", "two", "three"):
        inventory.serve(name, tags={"expires-at": yesterday})
    yield inventory
    inventory.remove_everything()


def start(airflow: AirflowServices, **settings: Any) -> DagRun:
    return airflow.api.trigger(DAG_ID, f"run-{uuid.uuid4().hex[:8]}", {**SWEEP, **settings})


def answer(airflow: AirflowServices, run: DagRun, option: str) -> None:
    """Answer as a person does, once the run waits for it."""
    run.wait_for_task("approve", "awaiting_input", RUN_SECONDS)
    # Airflow asks anew when it is answered before its scheduler has noticed that the task waits, some seconds later.
    time.sleep(15)
    path = f"dags/{DAG_ID}/dagRuns/{run.run_id}/taskInstances/approve/-1/hitlDetails"
    airflow.api.call("PATCH", path, {"chosen_options": [option], "params_input": {}})


def test_an_approved_plan_is_carried_out_as_far_as_it_is_still_right(
    airflow: AirflowServices, inventory: EmbeddedInventory
) -> None:
    run = start(airflow, require_approval=True)
    run.wait_for_task("approve", "awaiting_input", RUN_SECONDS)
    inventory.protect("two")
    answer(airflow, run, "Approve")
    assert run.wait_until_ended(RUN_SECONDS) == "success"

    assert set(inventory.names()["endpoint"]) == {"two"}
    report = run.xcom("report")
    assert report["verdict"] == "deleted"
    outcomes = {(item["kind"], item["name"]): item["outcome"] for item in report["outcomes"]}
    assert outcomes[("endpoint", "two")] == outcomes[("endpoint_config", "two")] == outcomes[("model", "two")] == "kept"
    assert [outcomes[("endpoint", name)] for name in ("one", "three")] == ["deleted", "deleted"]
    assert inventory.reports() == [report]


def test_a_rejected_plan_deletes_nothing_and_says_so(airflow: AirflowServices, inventory: EmbeddedInventory) -> None:
    run = start(airflow, require_approval=True)
    answer(airflow, run, "Reject")
    assert run.wait_until_ended(RUN_SECONDS) == "success"

    assert run.task_states()["delete"] == "skipped"
    report = run.xcom("report")
    assert report["verdict"] == "not approved"
    assert {item["outcome"] for item in report["outcomes"]} == {"kept"}
    assert set(inventory.names()["endpoint"]) == {"one", "two", "three"}


def test_a_person_reads_how_many_go_and_each_name_on_a_line_of_its_own(
    airflow: AirflowServices, inventory: EmbeddedInventory, browser: Chrome
) -> None:
    run = start(airflow, require_approval=True)
    run.wait_for_task("approve", "awaiting_input", RUN_SECONDS)
    pages = AirflowPages(browser, airflow.address)
    pages.sign_in(airflow.password)
    browser.get(f"{airflow.address}/dags/{DAG_ID}/runs/{run.run_id}/tasks/approve/required_actions")
    lines = pages.wait.until(lambda page: page.find_elements(By.XPATH, "//li[code]"))
    names = [line.find_element(By.TAG_NAME, "code").text for line in lines]
    assert sorted(names) == sorted([*inventory.names()["endpoint"]] * 3)
    assert "Delete 9 SageMaker resources?" in browser.find_element(By.TAG_NAME, "body").text
    run.set_state("failed")


def test_nobody_is_asked_unless_the_run_wants_it(airflow: AirflowServices, inventory: EmbeddedInventory) -> None:
    run = start(airflow)
    assert run.wait_until_ended(RUN_SECONDS) == "success"
    assert run.task_states()["approve"] == "skipped"
    assert inventory.names()["endpoint"] == set()


def test_chains_are_told_apart_by_their_endpoint(airflow: AirflowServices, inventory: EmbeddedInventory) -> None:
    run = start(airflow)
    assert run.wait_until_ended(RUN_SECONDS) == "success"
    path = f"dags/{DAG_ID}/dagRuns/{run.run_id}/taskInstances/delete/listMapped"
    mapped = airflow.api.call("GET", path)["task_instances"]
    assert {item["rendered_map_index"] for item in mapped} == {"one", "two", "three"}
