"""The endpoint commands as their users give them: whole runs of `airflow dags test sagemaker_endpoints`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quickstart.airflow_home import airflow_environment, create_airflow_home
from tests.e2e.sagemaker_pca.embedded_estate import EmbeddedEstate
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e


class EndpointsDag:
    """One of the DAGs, in an Airflow home of its own."""

    def __init__(self, service_url: str, home: Path, dag_id: str = "sagemaker_endpoints") -> None:
        create_airflow_home(home)
        self._dag_id = dag_id
        self._environment = airflow_environment(home, service_url, settings={})

    def run(self, **settings: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        command = ["airflow", "dags", "test", self._dag_id, "--conf", json.dumps(settings)]
        return subprocess.run(
            [sys.executable, "-m", *command],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    """A service of this module's own: caps and lists look at everything there is."""
    with ServiceProcess() as service:
        yield service.url


@pytest.fixture(scope="module")
def dag(service_url: str, tmp_path_factory: pytest.TempPathFactory) -> EndpointsDag:
    return EndpointsDag(service_url, tmp_path_factory.mktemp("airflow") / "air flow")


@pytest.fixture
def report_dag(service_url: str, tmp_path: Path) -> EndpointsDag:
    return EndpointsDag(service_url, tmp_path / "airflow", "sagemaker_endpoints_report")


@pytest.fixture
def estate(service_url: str) -> Iterator[EmbeddedEstate]:
    estate = EmbeddedEstate(service_url)
    yield estate
    estate.remove_everything()


def test_a_sweep_says_what_it_would_delete_and_deletes_it_when_told_to(
    dag: EndpointsDag, estate: EmbeddedEstate
) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    estate.serve("old", tags={"expires-at": yesterday})
    estate.serve("kept", tags={"expires-at": yesterday, "protect": "true"})
    estate.serve("young")
    conditions = {"command": "sweep", "expired": True, "with_dependents": True, "poll_seconds": 0.1}

    said = dag.run(**conditions)
    assert said.returncode == 0, said.stdout[-4000:]
    assert "delete    endpoint                old" in said.stdout
    assert "protected: protect=true" in said.stdout
    everything = {"old", "kept", "young"}
    assert estate.names() == dict.fromkeys(("endpoint", "endpoint_config", "model"), everything)

    done = dag.run(**conditions, dry_run=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert estate.names() == dict.fromkeys(("endpoint", "endpoint_config", "model"), everything - {"old"})
    (report,) = estate.reports()
    assert report["verdict"] == "deleted"
    assert [(item["kind"], item["outcome"]) for item in report["outcomes"]] == [
        ("endpoint", "deleted"),
        ("endpoint_config", "deleted"),
        ("model", "deleted"),
    ]


def test_a_deletion_by_name_that_is_not_safe_fails_the_run_and_leaves_its_reason(
    dag: EndpointsDag, estate: EmbeddedEstate
) -> None:
    estate.serve("leased")
    expires_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    estate.put_record("leased", "lease.json", {"holder": "run-9", "expires_at": expires_at})

    done = dag.run(command="delete-endpoint", name="leased", dry_run=False)
    assert done.returncode != 0
    assert "delete-endpoint leased: run run-9 is deploying to it." in done.stdout
    assert estate.names()["endpoint"] == {"leased"}
    (report,) = estate.reports()
    assert (report["verdict"], report["outcomes"]) == ("refused", [])


def test_lists_and_descriptions_delete_nothing_and_leave_no_report(dag: EndpointsDag, estate: EmbeddedEstate) -> None:
    estate.serve("one")

    listed = dag.run(command="list-endpoints")
    assert listed.returncode == 0, listed.stdout[-4000:]
    assert re.search(r"^one +InService +20", listed.stdout, re.MULTILINE)

    described = dag.run(command="describe-endpoint", name="one", hourly_prices={"ml.m5.large": 0.1})
    assert described.returncode == 0, described.stdout[-4000:]
    assert re.search(r"^monthly_cost +73.0", described.stdout, re.MULTILINE)
    assert estate.reports() == []


def test_the_daily_report_names_what_is_idle_and_what_has_expired(
    report_dag: EndpointsDag, estate: EmbeddedEstate
) -> None:
    estate.serve("old", tags={"expires-at": (datetime.now(UTC) - timedelta(days=1)).isoformat()})
    done = report_dag.run()
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"^delete +endpoint +old .*expires-at reached", done.stdout, re.MULTILINE)
    assert estate.names()["endpoint"] == {"old"}
