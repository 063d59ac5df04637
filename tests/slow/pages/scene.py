"""One Airflow with runs of every kind for its pages to show: promoted, refused, failed, and with hostile names."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quickstart.airflow_database import begun_runs
from quickstart.ui import DAG_ID
from sagemaker_pca.run.locations import run_name
from tests.airflow_services import AirflowServices
from tests.dags_test_process import DagsTestProcess
from tests.own_dags import write_dag_file
from tests.pipeline_process import BUCKET, PipelineClient
from tests.run_plans import DEPLOYMENT_ID

PATH = "/analytics/airflow"
HISTORY, HOSTILE, NEVER_RUN, WAITING, FOREIGN = "ecg_weekly", "ecg_ward", "never_run", "waiting", "endpoints_by_hand"
USERS = "admin:admin,viewer:viewer,nobody:"

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
# What has to stay text wherever it comes from: a column's name, a file's, a cell that is no number.
SCRIPT = "<script>document.title='owned'</script>"
HOSTILE_COLUMNS = (SCRIPT, "javascript:document.title='owned'", "../../../x", "\"'><img src=x onerror=alert(1)>")
HOSTILE_FILE = "<img src=x onerror=document.title='owned'>.csv"


class Run(NamedTuple):
    """A run that a page is about."""

    dag_id: str
    run_id: str

    @property
    def name(self) -> str:
        """What its resources and its folder in S3 are called."""
        return run_name(DEPLOYMENT_ID, self.dag_id, self.run_id)


class Scene:
    """Airflow's services below a path of their own, and `airflow dags test` on the same database.

    :param service_url: address of the embedded service
    """

    def __init__(self, service_url: str, folder: Path) -> None:
        self.client = PipelineClient(service_url, "ecg")
        self._folder = folder
        dags = write_dag_file(
            folder / "dags",
            f"pca_pipeline({DAG_ID!r}, is_paused_upon_creation=False, settings={{'poll_seconds': 0.5}})",
            *(f"pca_pipeline({dag_id!r})" for dag_id in (HISTORY, HOSTILE, NEVER_RUN, WAITING)),
            f"sagemaker_endpoints({FOREIGN!r})",
        )
        # On a paused DAG the scheduler leaves the tasks of `dags test` alone.
        settings = {"CORE__DAGS_ARE_PAUSED_AT_CREATION": "True", "CORE__SIMPLE_AUTH_MANAGER_USERS": USERS}
        self.airflow = AirflowServices(service_url, folder / "air flow", settings, dags=dags, path=PATH)
        for rows, offset in ((2000, 0.0), (3000, 0.3)):
            self._put(f"{rows}/leads.csv", (*LEADS, "note"), recording(rows, offset), "resting")
        self._put(f"hostile/{HOSTILE_FILE}", HOSTILE_COLUMNS, recording(500, 0.0)[:, :3], SCRIPT, every=100)

    def password(self, user: str) -> str:
        """What Airflow made up for a user when it started."""
        passwords = json.loads((self._folder / "air flow" / "passwords.json").read_text(encoding="utf-8"))
        return str(passwords[user])

    def conf(self, rows: int | str = 3000, **settings: Any) -> dict[str, Any]:
        """Settings of a run on one of the recordings."""
        raw_data_uri = f"s3://{BUCKET}/{self.client.raw_prefix}{rows}/"
        return self.client.conf(raw_data_uri=raw_data_uri, **{"feature_columns": LEADS[:3], **settings})

    def run_history(self) -> dict[str, Run]:
        """Run the pipelines that no browser starts, one after the other, and return the runs by what they are for."""
        hostile = {"rows": "hostile", "feature_columns": HOSTILE_COLUMNS, "endpoint_name": "ecg-ward"}
        misspelt = {"feature_columns": (f"no {SCRIPT}",), "num_components": 1}
        process = DagsTestProcess(self.airflow.environment, self._folder)
        with contextlib.closing(process):
            return {
                "three": self._run(process, HISTORY, rows=2000, num_components=2),
                "twelve": self._run(
                    process, HISTORY, feature_columns=LEADS, num_components=4, endpoint_name="twelve-leads"
                ),
                "refused": self._run(process, HISTORY, num_components=1, min_explained_variance=0.999),
                "failed": self._run(process, HISTORY, feature_columns=("i", "note"), num_components=1),
                "hostile": self._run(process, HOSTILE, on_bad_rows="skip", max_bad_fraction=0.5, **hostile),
                "hostile failure": self._run(process, HOSTILE, **hostile | misspelt),
            }

    def _run(self, process: DagsTestProcess, dag_id: str, **settings: Any) -> Run:
        before = begun_runs(process.home, dag_id)
        _, log = process.run(["dags", "test", dag_id, "--conf", json.dumps(self.conf(**settings))], {})
        new = set(begun_runs(process.home, dag_id)) - set(before)
        assert len(new) == 1, log[-4000:]
        return Run(dag_id, new.pop())

    def _put(self, name: str, columns: Sequence[str], values: NDArray[np.float64], words: str, every: int = 1) -> None:
        """Put numbers, and a last column that is words in every so manieth row, else zero."""
        quoted = ",".join('"' + column.replace('"', '""') + '"' for column in columns)
        cells = ([*map(str, row), "0" if place % every else words] for place, row in enumerate(values.tolist()))
        lines = map(",".join, cells)
        self.client.put_raw(name, "\n".join([quoted, *lines, ""]).encode())


def recording(rows: int, offset: float) -> NDArray[np.float64]:
    """Twelve leads that five sources make, with some noise."""
    random = np.random.default_rng(rows)
    sources = random.normal(size=(rows, 5)) * [1.0, 0.6, 0.4, 0.2, 0.1]
    values: NDArray[np.float64] = sources @ random.normal(size=(5, 12)) + random.normal(0, 0.05, (rows, 12)) + offset
    return np.round(values, 5)
