"""The look at the raw data, started as a person starts it, with its memory in Airflow's own database."""

from __future__ import annotations

import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest

from quickstart.airflow_home import aws_connection
from tests.own_dags import write_dag_file
from tests.pipeline_process import BUCKET, PipelineClient, dags_test_process

pytestmark = pytest.mark.e2e


class RawDataLooks(PipelineClient):
    """Raw data that no other test shares, and an Airflow that looks at it for this test alone."""

    def __init__(self, service_url: str, dags: Path) -> None:
        super().__init__(service_url, uuid.uuid4().hex[:8])
        settings = {"raw_data_uri": f"s3://{BUCKET}/{self.raw_prefix}"}
        write_dag_file(
            dags,
            f'pipeline = pca_pipeline("ecg", settings={settings})',
            'pca_raw_data("ecg_raw_data", pipeline=pipeline, settle_seconds=1)',
        )
        self._process = dags_test_process(dags)
        self._database = self._process.home / "airflow.db"
        self._environment = {"AIRFLOW_CONN_AWS_DEFAULT": aws_connection(service_url)}

    def look(self) -> str:
        """Run the DAG; what it logged."""
        exit_code, log = self._process.run(["dags", "test", "ecg_raw_data"], self._environment)
        assert exit_code == 0, log[-4000:]
        return log

    def events(self) -> list[dict[str, Any]]:
        """What the events of the raw data asset say, oldest first."""
        with sqlite3.connect(self._database) as connection:
            rows = connection.execute(
                "SELECT event.extra FROM asset_event event JOIN asset ON asset.id = event.asset_id "
                "WHERE asset.name = 'ecg_raw_data' ORDER BY event.timestamp"
            )
            return [json.loads(extra) for (extra,) in rows]

    def notes(self) -> list[str]:
        """The notes of the runs, oldest first."""
        with sqlite3.connect(self._database) as connection:
            return [note for (note,) in connection.execute("SELECT content FROM dag_run_note ORDER BY dag_run_id")]


@pytest.fixture
def looks(sagemaker_local_url: str, tmp_path: Path) -> RawDataLooks:
    return RawDataLooks(sagemaker_local_url, tmp_path / "dags")


def test_changed_raw_data_updates_the_asset_and_unchanged_does_not(looks: RawDataLooks) -> None:
    location = f"s3://{BUCKET}/{looks.raw_prefix}"

    assert f"There is no raw data under {location}." in looks.look()
    assert looks.events() == []

    looks.put_raw("a.csv", b"a\n1\n")
    looks.look()
    (first,) = looks.events()
    assert (first["location"], first["files"], first["bytes"]) == (location, 1, 4)

    looks.put_raw("_SUCCESS", b"done")
    assert f"{location} lists the same 1 file as at the last event." in looks.look()
    assert looks.events() == [first]

    # As long as before: only the ETag tells.
    looks.put_raw("a.csv", b"a\n2\n")
    looks.look()
    assert [event["files"] for event in looks.events()] == [1, 1]
    assert looks.events()[1]["fingerprint"] != first["fingerprint"]

    changed = f"changed: {location} lists 1 file"
    unchanged = f"skipped: {location} lists the same 1 file as at the last event."
    assert looks.notes() == [f"skipped: There is no raw data under {location}.", changed, unchanged, changed]
