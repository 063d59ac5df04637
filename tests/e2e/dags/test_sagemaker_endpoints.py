"""The endpoint commands as their users give them: whole runs of `airflow dags test sagemaker_endpoints`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from quickstart.airflow_home import aws_connection
from sagemaker_pca.endpoints.records import Lease
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import EmbeddedInventory, promotion
from tests.pipeline_process import dags_test_process
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e


class FinishedCommand(NamedTuple):
    """A run that has ended, and what it wrote."""

    returncode: int
    stdout: str


class EndpointsDag:
    """One of the DAGs."""

    def __init__(self, service_url: str, dag_id: str = "sagemaker_endpoints") -> None:
        self._dag_id = dag_id
        self._connection = {"AIRFLOW_CONN_AWS_DEFAULT": aws_connection(service_url)}

    def run(self, **settings: Any) -> FinishedCommand:
        """Run it to its end."""
        arguments = ["dags", "test", self._dag_id, "--conf", json.dumps(settings)]
        return FinishedCommand(*dags_test_process().run(arguments, self._connection))


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    """A service of this module's own: caps and lists look at everything there is."""
    with ServiceProcess() as service:
        yield service.url


@pytest.fixture(scope="module")
def dag(service_url: str) -> EndpointsDag:
    return EndpointsDag(service_url)


@pytest.fixture
def report_dag(service_url: str) -> EndpointsDag:
    return EndpointsDag(service_url, "sagemaker_endpoints_report")


@pytest.fixture
def inventory(service_url: str) -> Iterator[EmbeddedInventory]:
    inventory = EmbeddedInventory(service_url)
    yield inventory
    inventory.remove_everything()


def test_a_sweep_says_what_it_would_delete_and_deletes_it_when_told_to(
    dag: EndpointsDag, inventory: EmbeddedInventory
) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    inventory.serve("old", tags={"expires-at": yesterday}, serverless=True)
    inventory.serve("kept", tags={"expires-at": yesterday, "protect": "true"})
    inventory.serve("young")
    conditions = {"command": "sweep", "expired": True, "with_dependents": True, "poll_seconds": 0.1}

    said = dag.run(**conditions)
    assert said.returncode == 0, said.stdout[-4000:]
    assert re.search(r"^delete +endpoint +old ", said.stdout, re.MULTILINE)
    assert "protected: protect=true" in said.stdout
    everything = {"old", "kept", "young"}
    assert inventory.names() == dict.fromkeys(("endpoint", "endpoint_config", "model"), everything)

    done = dag.run(**conditions, dry_run=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert inventory.names() == dict.fromkeys(("endpoint", "endpoint_config", "model"), everything - {"old"})
    (report,) = inventory.reports()
    assert report["verdict"] == "deleted"
    assert [(item["kind"], item["outcome"]) for item in report["outcomes"]] == [
        ("endpoint", "deleted"),
        ("endpoint_config", "deleted"),
        ("model", "deleted"),
    ]


def test_a_deletion_by_name_that_is_not_safe_fails_the_run_and_leaves_its_reason(
    dag: EndpointsDag, inventory: EmbeddedInventory
) -> None:
    inventory.serve("leased")
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    inventory.put_record("leased", "lease.json", Lease(holder="run-9", expires_at=expires_at))

    done = dag.run(command="delete-endpoint", name="leased", dry_run=False)
    assert done.returncode != 0
    assert "delete-endpoint leased: run run-9 is deploying to it." in done.stdout
    assert inventory.names()["endpoint"] == {"leased"}
    (report,) = inventory.reports()
    assert (report["verdict"], report["outcomes"]) == ("refused", [])


def test_lists_and_descriptions_delete_nothing_and_leave_no_report(
    dag: EndpointsDag, inventory: EmbeddedInventory
) -> None:
    inventory.serve("one")

    listed = dag.run(command="list-endpoints")
    assert listed.returncode == 0, listed.stdout[-4000:]
    assert re.search(r"^one +InService +20", listed.stdout, re.MULTILINE)

    described = dag.run(command="describe-endpoint", name="one", hourly_prices={"ml.m5.large": 0.1})
    assert described.returncode == 0, described.stdout[-4000:]
    assert re.search(r"^monthly_cost +73.0", described.stdout, re.MULTILINE)
    assert inventory.reports() == []


def test_an_endpoint_is_stopped_stays_known_and_is_started_again(
    dag: EndpointsDag, inventory: EmbeddedInventory
) -> None:
    inventory.serve("nightly", tags={"owner": "team-a"})
    inventory.put_record("nightly", "promoted.json", promotion("nightly", "nightly"))

    said = dag.run(command="stop-endpoint", name="nightly")
    assert said.returncode == 0, said.stdout[-4000:]
    assert "stop-endpoint nightly, which is InService: with nightly" in said.stdout
    assert inventory.names()["endpoint"] == {"nightly"}

    done = dag.run(command="stop-endpoint", name="nightly", dry_run=False, poll_seconds=0.1)
    assert done.returncode == 0, done.stdout[-4000:]
    assert inventory.names()["endpoint"] == set()
    listed = dag.run(command="list-endpoints")
    assert re.search(r"^nightly +Stopped +20", listed.stdout, re.MULTILINE)
    described = dag.run(command="describe-endpoint", name="nightly")
    assert re.search(r"^EndpointStatus +Stopped$", described.stdout, re.MULTILINE)
    assert re.search(r"^EndpointConfigName +nightly$", described.stdout, re.MULTILINE)
    for command, would in (("stop-endpoint", "nothing to do"), ("start-endpoint", "with nightly")):
        assert f"{command} nightly, which is Stopped: {would}" in dag.run(command=command, name="nightly").stdout
    swept = dag.run(command="sweep", orphaned=True, orphan_grace_hours=0, dry_run=False)
    assert swept.returncode == 0, swept.stdout[-4000:]
    assert inventory.names()["endpoint_config"] == inventory.names()["model"] == {"nightly"}

    started = dag.run(command="start-endpoint", name="nightly", dry_run=False, poll_seconds=0.1)
    assert started.returncode == 0, started.stdout[-4000:]
    assert "Endpoint nightly answers as its artifact does." in started.stdout
    assert inventory.names()["endpoint"] == {"nightly"}
    again = dag.run(command="start-endpoint", name="nightly", dry_run=False)
    assert again.returncode == 0, again.stdout[-4000:]
    assert "Endpoint nightly is not stopped: it is InService." in again.stdout


def test_a_stop_that_is_refused_fails_the_run_with_its_reason(dag: EndpointsDag, inventory: EmbeddedInventory) -> None:
    inventory.serve("theirs", tags={"deployment-id": "theirs"})
    done = dag.run(command="stop-endpoint", name="theirs", dry_run=False)
    assert done.returncode != 0
    assert "stop \N{EN DASH} stop-endpoint theirs: another Airflow's: tagged deployment-id=theirs" in done.stdout
    assert inventory.names()["endpoint"] == {"theirs"}


def test_the_daily_report_names_what_is_idle_and_what_has_expired(
    report_dag: EndpointsDag, inventory: EmbeddedInventory
) -> None:
    inventory.serve("old", tags={"expires-at": (datetime.now(UTC) - timedelta(days=1)).isoformat()})
    done = report_dag.run()
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"^delete +endpoint +old .*expires-at reached", done.stdout, re.MULTILINE)
    assert inventory.names()["endpoint"] == {"old"}
