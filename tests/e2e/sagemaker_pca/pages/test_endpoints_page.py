"""What the endpoints' page tells whom, what it asks of AWS for it, and what it says when there is no answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from sagemaker_pca.dags import sagemaker_endpoints
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.hooks.stopped_endpoints import StoppedEndpointFiles, stop_now
from sagemaker_pca.pages.endpoints_page import dry_run_settings, read_endpoints
from tests.e2e.sagemaker_pca.endpoints.counted_calls import CountedCalls, refuse
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import BUCKET, EmbeddedInventory, promotion
from tests.e2e.sagemaker_pca.pages.conftest import SignIn, add_dag
from tests.run_plans import DEPLOYMENT_ID, DEPLOYMENT_VARIABLE

pytestmark = pytest.mark.e2e

COMMANDS = "endpoints_of_team_a"


def set_paused(*, paused: bool) -> None:
    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id == COMMANDS).values(is_paused=paused))


@pytest.fixture
def commands_dag(airflow_database: None) -> None:
    add_dag(sagemaker_endpoints(COMMANDS))
    set_paused(paused=False)


def shown(client: TestClient) -> dict[str, Any]:
    answer = client.get("/endpoints", params={"format": "json"})
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def test_whoever_has_not_signed_in_sees_and_does_nothing(anonymous: TestClient) -> None:
    answers = [anonymous.get("/endpoints"), anonymous.post(f"/dags/{COMMANDS}/plan")]
    assert [answer.status_code for answer in answers] == [401, 401]


def test_endpoints_of_readable_pipelines_are_shown_and_the_others_counted(
    sign_in: SignIn, inventory: EmbeddedInventory
) -> None:
    inventory.serve("mine", {"dag-id": "ecg", "expires-at": "2020-01-01", "protect": "yes"})
    inventory.serve("secret", {"dag-id": "payroll"})
    inventory.serve("another-airflows", {"dag-id": "ecg", "deployment-id": "other"})
    inventory.put_record("mine", "promoted.json", promotion("mine", "mine", "before"))
    reader = sign_in("GET ecg")
    document = shown(reader)
    (card,) = document["endpoints"]
    assert (card["name"], card["pipeline"], card["status"], card["models"]) == ("mine", "ecg", "InService", ["mine"])
    assert (card["instances"], card["roll_back_targets"]) == (["1 ml.m5.large"], ["before"])
    assert [(sweep["sweep"], sweep["reason"]) for sweep in card["sweeps"]] == [
        ("idle", "only 0 days old"),
        ("expired", "protected: protect=yes"),
    ]
    assert (document["hidden"], document["others"]) == (1, 1)
    page = reader.get("/endpoints").text
    assert "secret" not in page
    assert "another-airflows" not in page


def test_costs_come_from_the_deployments_prices(
    sign_in: SignIn, inventory: EmbeddedInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_SAGEMAKER_PCA", json.dumps({"hourly_prices": {"ml.m5.large": 0.5}}))
    inventory.serve("mine", {"dag-id": "ecg"})
    (card,) = shown(sign_in("GET ecg"))["endpoints"]
    assert (card["hourly_cost"], card["monthly_cost"]) == (0.5, 365)


def test_a_serverless_endpoint_is_shown_as_one_whose_cost_nobody_knows_beforehand(
    sign_in: SignIn, inventory: EmbeddedInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_SAGEMAKER_PCA", json.dumps({"hourly_prices": {"ml.m5.large": 0.5}}))
    inventory.serve("mine", {"dag-id": "ecg"}, serverless=True)
    (card,) = shown(sign_in("GET ecg"))["endpoints"]
    assert card["instances"] == ["serverless 4 GB"]
    assert (card["hourly_cost"], card["monthly_cost"]) == (None, None)


def test_a_stopped_endpoint_is_shown_with_what_it_will_be_started_with(
    sign_in: SignIn, inventory: EmbeddedInventory
) -> None:
    inventory.serve("mine", {"dag-id": "ecg"})
    inventory.put_record("mine", "promoted.json", promotion("mine", "mine"))
    now = datetime.now(UTC)
    hook = SageMakerInventoryHook(aws_conn_id="aws_default")
    endpoint = hook.find_endpoint("mine")
    assert endpoint is not None
    records = StoppedEndpointFiles(hook, BUCKET)
    records.write(stop_now(hook, records, endpoint, DEPLOYMENT_ID, stopped_by="run-1", now=now))
    inventory.sagemaker.delete_endpoint(EndpointName="mine")
    inventory.wait_until_gone("mine")

    reader = sign_in("GET ecg")
    (card,) = shown(reader)["endpoints"]
    assert (card["status"], card["models"], card["configurations"]) == ("Stopped", ["mine"], ["mine"])
    assert (card["hourly_cost"], card["instances"]) == (0, [])
    assert {sweep["reason"] for sweep in card["sweeps"]} == {"stopped, which costs nothing", "no tag expires-at"}
    page = reader.get("/endpoints").text
    assert f"stopped since {now:%Y-%m-%d %H:%M} UTC" in page
    assert "Try it" not in page


def test_aws_is_asked_for_details_of_no_other_endpoints(hook: object, inventory: EmbeddedInventory) -> None:
    inventory.serve("mine", {"dag-id": "ecg"})
    inventory.serve("another-airflows", {"dag-id": "ecg", "deployment-id": "other"})
    asking = SageMakerInventoryHook(aws_conn_id="aws_default")
    calls = CountedCalls(asking)
    found = read_endpoints(asking, lambda dag_id: True, datetime.now(UTC))
    assert [card.name for card in found.endpoints] == ["mine"]
    assert calls == {
        "ListEndpoints": 1, "GetResources": 1, "DescribeEndpoint": 1, "DescribeEndpointConfig": 1,
        "GetMetricData": 1, "ListObjectsV2": 2,
    }  # fmt: skip


def test_what_may_not_be_read_is_said_on_the_card(hook: object, inventory: EmbeddedInventory) -> None:
    inventory.serve("mine", {"dag-id": "ecg"})
    asking = SageMakerInventoryHook(aws_conn_id="aws_default")
    refuse(asking.cloudwatch, "GetMetricData")
    (card,) = read_endpoints(asking, lambda dag_id: True, datetime.now(UTC)).endpoints
    assert (card.invocations, card.idle_days) == (None, None)
    assert card.unread == ("Its invocations: AccessDeniedException: You may not.",)


def test_an_account_that_does_not_answer_is_said_in_words(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = {"conn_type": "aws", "login": "a", "password": "b", "extra": {"region_name": "us-east-1"}}
    nowhere["extra"]["endpoint_url"] = "http://127.0.0.1:9"  # type: ignore[index]
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(nowhere))
    monkeypatch.setenv("AIRFLOW_VAR_SAGEMAKER_PCA_DEPLOYMENT", "tests")
    reader = sign_in()
    answer = reader.get("/endpoints")
    assert answer.status_code == 200
    assert "The endpoints could not be read" in answer.text
    assert "127.0.0.1:9" in shown(reader)["problem"]


def test_an_airflow_that_has_made_nothing_is_told_how_to_begin(
    sign_in: SignIn, inventory: EmbeddedInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory.serve("another-airflows", {"dag-id": "ecg"})
    for name in DEPLOYMENT_VARIABLE:
        monkeypatch.delenv(name)
    page = sign_in("GET ecg").get("/endpoints").text
    assert "No endpoint yet" in page
    assert "Trigger a pipeline" in page
    assert "another-airflows" not in page


def test_a_plan_is_a_dry_run_whatever_its_form_says(
    sign_in: SignIn, commands_dag: None, inventory: EmbeddedInventory
) -> None:
    inventory.serve("mine", {"dag-id": "ecg"})
    person = sign_in("GET ecg", f"GET {COMMANDS}", f"POST {COMMANDS}")
    assert f'action="dags/{COMMANDS}/plan"' in person.get("/endpoints").text
    form = {"name": "mine", "dry_run": "false", "command": "sweep"}
    answer = person.post(f"/dags/{COMMANDS}/plan", data=form, follow_redirects=False)
    assert answer.status_code == 303
    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.dag_id == COMMANDS)).one()
        assert run.conf == dry_run_settings("mine")
        assert run.triggering_user_name == "somebody"
    assert (run.conf["command"], run.conf["name"], run.conf["dry_run"]) == ("delete-endpoint", "mine", True)
    assert answer.headers["location"].startswith(f"../../../dags/{COMMANDS}/runs/manual__")


def test_no_plan_is_made_where_a_run_would_have_its_dags_own_settings(
    sign_in: SignIn, commands_dag: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAG_RUN_CONF_OVERRIDES_PARAMS", "False")
    answer = sign_in(f"GET {COMMANDS}", f"POST {COMMANDS}").post(f"/dags/{COMMANDS}/plan", follow_redirects=False)
    assert answer.status_code == 400
    assert "dag_run_conf_overrides_params" in answer.text


def test_a_plan_of_a_sweep_is_of_idle_endpoints() -> None:
    settings = dry_run_settings(None)
    assert (settings["command"], settings["idle_days"], settings["dry_run"]) == ("sweep", 7, True)


@pytest.mark.parametrize(
    ("dag_id", "rights", "form", "headers", "status"),
    [
        (COMMANDS, (f"GET {COMMANDS}",), {}, {}, 403),
        (COMMANDS, (f"GET {COMMANDS}", f"POST {COMMANDS}"), {}, {"Sec-Fetch-Site": "cross-site"}, 400),
        (COMMANDS, (f"GET {COMMANDS}", f"POST {COMMANDS}"), {"name": "../x"}, {}, 422),
        ("ecg", ("GET ecg", "POST ecg"), {}, {}, 404),
    ],
    ids=["may not trigger", "another site", "no name", "another DAG"],
)
def test_a_plan_is_refused(
    dag_id: str, rights: tuple[str, ...], form: dict[str, str], headers: dict[str, str], status: int,
    sign_in: SignIn, commands_dag: None,
) -> None:  # fmt: skip
    answer = sign_in(*rights).post(f"/dags/{dag_id}/plan", data=form, headers=headers, follow_redirects=False)
    assert answer.status_code == status


def test_a_paused_dag_is_said_to_be_before_anybody_waits_for_its_plan(
    sign_in: SignIn, commands_dag: None, inventory: EmbeddedInventory
) -> None:
    inventory.serve("mine", {"dag-id": "ecg"})
    set_paused(paused=True)
    page = sign_in("GET ecg", f"POST {COMMANDS}").get("/endpoints").text
    assert "<form" not in page
    assert f"{COMMANDS} is paused" in page


def test_who_may_not_trigger_the_deletions_gets_no_form(
    sign_in: SignIn, commands_dag: None, inventory: EmbeddedInventory
) -> None:
    inventory.serve("mine", {"dag-id": "ecg"})
    page = sign_in("GET ecg").get("/endpoints").text
    assert "<form" not in page
    assert f"the right to trigger {COMMANDS}" in page
