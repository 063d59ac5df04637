"""Faults under a real scheduler, LocalExecutor and triggerer, which most scenarios share at once.

Those that disturb what all others need are in `test_outages.py`: a worker of the tests plays those meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.postgresql_server import PostgresqlServer
from tests.slow.fault_scenarios.scene import RUN_SECONDS, SCENARIOS, Stage, staged

# Scenarios wait for each other's processors and, some of them, for a task's next try.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * RUN_SECONDS)]

TOGETHER = [name for name, scenario in SCENARIOS.items() if not scenario.alone]
# The DAG admits four runs at once.
SCENARIOS_AT_ONCE = 5


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresqlServer) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("airflow"), postgresql.url) as stage:
        yield stage


@pytest.fixture(scope="module")
def plays(stage: Stage, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    """The selected scenarios, begun."""
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
