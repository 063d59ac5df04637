"""Faults under a real scheduler, LocalExecutor and triggerer, which all scenarios share and most use at once."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from quickstart.airflow_home import ROOT
from sagemaker_pca.run.locations import run_name
from tests.airflow_services import AirflowServices
from tests.pipeline_process import PipelineClient, raw_csv
from tests.postgresql_server import PostgresqlServer
from tests.run_plans import DEPLOYMENT_ID
from tests.service_process import ServiceProcess
from tests.slow.fault_scenarios.scene import DAG_ID, RAW_ROWS, RUN_SECONDS, SCENARIOS, Stage

# Scenarios wait for each other's processors and, some of them, for a task's next try.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * RUN_SECONDS)]

TOGETHER = [name for name, scenario in SCENARIOS.items() if not scenario.alone]
ALONE = [name for name, scenario in SCENARIOS.items() if scenario.alone]
# The DAG admits four runs at once.
SCENARIOS_AT_ONCE = 5


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresqlServer) -> Iterator[Stage]:
    """Airflow and the embedded service, and an endpoint that an earlier run has deployed.

    On PostgreSQL: SQLite does not bear five scenarios at once, the scheduler ends when it may not write for 5 s.
    """
    dag_folders = {"dags-folder": ROOT / "dags", "test-dags": Path(__file__).parent / "dags"}
    bundles = [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(path)},
        }
        for name, path in dag_folders.items()
    ]
    settings = {"DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles)}
    # Delayed jobs hold their places in the service.
    with ServiceProcess({"SAGEMAKER_LOCAL_MAX_CONCURRENT_JOBS": "64"}) as service:
        home = tmp_path_factory.mktemp("airflow")
        with AirflowServices(service.url, home, settings, postgresql.url) as airflow:
            earlier = PipelineClient(service.url, "earlier")
            earlier.put_raw("recording.csv", raw_csv(RAW_ROWS, offset=0.01))
            run = airflow.api.trigger(DAG_ID, "earlier", earlier.conf())
            assert run.wait_until_ended(RUN_SECONDS) == "success", run.task_states()
            try:
                yield Stage(airflow, service.url, service.process, run_name(DEPLOYMENT_ID, DAG_ID, "earlier"))
            finally:
                service.process.send_signal(signal.SIGCONT)  # a frozen process would not end


@pytest.fixture(scope="module")
def plays(stage: Stage, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    """The selected scenarios that run beside each other, begun."""
    selected = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    pool = ThreadPoolExecutor(SCENARIOS_AT_ONCE)
    try:
        yield {name: pool.submit(SCENARIOS[name].play_on, stage) for name in TOGETHER if name in selected}
    finally:
        # Not waited for: where the tests are interrupted, scenarios end with the services they ask.
        pool.shutdown(wait=False, cancel_futures=True)


@pytest.mark.parametrize("name", TOGETHER)
def test_beside_others(plays: dict[str, Future[None]], name: str) -> None:
    plays[name].result()


@pytest.mark.parametrize("name", ALONE)
def test_alone(stage: Stage, plays: dict[str, Future[None]], name: str) -> None:
    wait(plays.values())
    SCENARIOS[name].play_on(stage)
