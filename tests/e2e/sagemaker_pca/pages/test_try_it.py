"""One row to an endpoint, its answer beside the artifact's; whose endpoint it is and what is no row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from sagemaker_pca.endpoints.inventory import Unreadable, Variant
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.model.card import AffineMap, Column, Data, Model, ModelCard
from sagemaker_pca.report.document import Run, RunReport, SmokeTest, Verdict
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import BUCKET, EmbeddedInventory
from tests.e2e.sagemaker_pca.pages.conftest import SignIn

pytestmark = pytest.mark.e2e

ADDRESS = "/dags/ecg/endpoints/mine/try"
RIGHTS = ("GET ecg", "POST ecg")
MOMENT = datetime(2024, 1, 2, tzinfo=UTC)


def serve(inventory: EmbeddedInventory, artifact: Any = ((1, 0), (0, 1)), **tags: str) -> None:
    """Serve a model whose components are the two columns, of a run whose card has the given ones."""
    of_run = {"dag-id": "ecg", "bucket": BUCKET, "run-name": "run-1", **tags}
    inventory.add_config("mine", inventory.add_model("mine"), tags=of_run)
    inventory.add_endpoint("mine", "mine", of_run)
    served = AffineMap(mean=(0, 0), components=artifact)
    model = Model(artifact_uri="s3://b/a", singular_values=(1, 1), explained_variance_ratio=(0.5, 0.5), served=served)
    columns = (Column(name="<i>"), Column(name="ii"))
    data = Data(row_count=1, columns=columns)
    card = ModelCard(settings={}, data=data, model=model, passed=True, reason="", checks=(), comparison=None)
    inventory.put("runs/run-1/model_card.json", card)


def invocations(inventory: EmbeddedInventory) -> float:
    now, variant = datetime.now(UTC), Variant("mine", "v1")
    counts = SageMakerInventoryHook(aws_conn_id="aws_default").count_invocations([variant], now - timedelta(1), now)
    count = counts[variant]
    assert not isinstance(count, Unreadable)
    return count or 0.0  # the first full minute makes a zero of what was no data


def post(client: TestClient, row: str, address: str = ADDRESS, **headers: str) -> Any:
    return client.post(address, params={"format": "json"}, data={"row": row}, headers=headers)


def test_the_endpoints_projection_stands_beside_the_artifacts(sign_in: SignIn, inventory: EmbeddedInventory) -> None:
    serve(inventory)
    person = sign_in(*RIGHTS)
    answer = post(person, "1.5, -2").json()
    assert [(one["name"], one["endpoint"], one["artifact"]) for one in answer["components"]] == [
        ("PC1", -2.0, -2.0),
        ("PC2", 1.5, 1.5),
    ]
    assert (answer["agrees"], answer["run_name"]) == (True, "run-1")
    assert answer["latency_ms"] > 0
    page = person.post(ADDRESS, data={"row": "1.5, -2"}).text
    assert "The endpoint answers as the artifact does" in page
    assert "&lt;i&gt;" in page
    assert "<i>" not in page


@pytest.mark.parametrize(("artifact", "differing"), [(((1, 0), (0, 1.001)), ["PC1"]), (((None, 0), (0, 1)), ["PC2"])])
def test_another_model_in_service_shows(
    artifact: Any, differing: list[str], sign_in: SignIn, inventory: EmbeddedInventory
) -> None:
    serve(inventory, artifact)
    answer = post(sign_in(*RIGHTS), "1.5,-2").json()
    assert answer["agrees"] is False
    assert [one["name"] for one in answer["components"] if not one["agrees"]] == differing


def test_the_form_holds_the_row_of_the_smoke_test(sign_in: SignIn, inventory: EmbeddedInventory) -> None:
    serve(inventory)
    reader = sign_in("GET ecg")
    assert "></textarea>" in reader.get(ADDRESS).text
    run = Run(
        dag_id="ecg", run_id="r", run_name="run-1", started_at=MOMENT, finished_at=MOMENT, verdict=Verdict.PROMOTED
    )
    test = SmokeTest(rows=1, raw_row=(0.1, 1 / 3), endpoint_projection=(), artifact_projection=())
    inventory.put("runs/run-1/report/report.json", RunReport(run=run, steps=(), settings=(), smoke_test=test))
    assert ">0.1,0.3333333333333333</textarea>" in reader.get(ADDRESS).text


def test_what_is_no_row_never_reaches_the_endpoint(sign_in: SignIn, inventory: EmbeddedInventory) -> None:
    serve(inventory)
    person, before = sign_in(*RIGHTS), invocations(inventory)
    for row in ("", "1", "1,x", "1,nan", "1,1e39", "1,2\n3,4"):
        answer = post(person, row)
        assert answer.status_code == 422
        assert answer.json()["problem"]
    assert post(person, "1" * 1_100_000).status_code == 413
    assert invocations(inventory) == before
    page = person.post(ADDRESS, data={"row": "<script>alert(1)</script>,1"}).text
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;,1</textarea>" in page


@pytest.mark.parametrize(
    ("tags", "address"),
    [
        ({"dag-id": "payroll"}, ADDRESS),
        ({"deployment-id": "other"}, ADDRESS),
        ({"managed-by": "me"}, ADDRESS),
        ({}, "/dags/ecg/endpoints/not-there/try"),
    ],
    ids=["another pipeline's", "another Airflow's", "nobody's", "not there"],
)
def test_an_endpoint_that_is_not_the_pipelines_is_not_there(
    tags: dict[str, str], address: str, sign_in: SignIn, inventory: EmbeddedInventory
) -> None:
    serve(inventory, **tags)
    person, before = sign_in(*RIGHTS), invocations(inventory)
    assert post(person, "1,2", address).status_code == 404
    assert person.get(address).status_code == 404
    assert invocations(inventory) == before


def test_sending_needs_the_right_to_trigger_the_pipeline(anonymous: TestClient, sign_in: SignIn) -> None:
    assert (anonymous.get(ADDRESS).status_code, post(anonymous, "1,2").status_code) == (401, 401)
    assert post(sign_in("GET ecg"), "1,2").status_code == 403
    assert sign_in("POST ecg").get(ADDRESS).status_code == 403
    assert post(sign_in(*RIGHTS), "1,2", **{"Sec-Fetch-Site": "cross-site"}).status_code == 400


def test_an_endpoint_that_does_not_answer_is_said_in_words(sign_in: SignIn, inventory: EmbeddedInventory) -> None:
    serve(inventory)
    person = sign_in(*RIGHTS)
    inventory.plan_fault(fault="throttle", target="InvokeEndpoint", times=2)
    answer = post(person, "1,2")
    assert answer.status_code == 502
    assert answer.json()["problem"].startswith("The endpoint was not reached this time: too many requests")
    inventory.plan_fault(fault="delay_endpoint", seconds=3)
    inventory.add_config("unmade", "mine")
    inventory.sagemaker.create_endpoint(EndpointName="new", EndpointConfigName="unmade", Tags=[
        {"Key": key, "Value": value}
        for key, value in {"managed-by": "sagemaker-pca", "deployment-id": "tests", "dag-id": "ecg"}.items()
    ])  # fmt: skip
    address = "/dags/ecg/endpoints/new/try"
    assert "endpoint new is Creating: it does not answer." in post(person, "1,2", address).json()["problem"]
    inventory.aws.wait_for_endpoint("new")
    assert "was made by no run of this Airflow" in post(person, "1,2", address).json()["problem"]


def test_rows_are_read_with_all_their_digits(sign_in: SignIn, inventory: EmbeddedInventory) -> None:
    serve(inventory)
    answer = post(sign_in(*RIGHTS), f"{1 / 3!r},0").json()
    assert answer["components"][1]["artifact"] == 1 / 3
    assert answer["components"][1]["endpoint"] == np.float32(1 / 3)
