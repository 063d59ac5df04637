"""Faults of what all runs need, one after the other: the triggerer or the embedded service goes away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgresql_server import PostgresqlServer
from tests.slow.fault_scenarios.scene import RUN_SECONDS, SCENARIOS, Stage, staged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * RUN_SECONDS)]

ALONE = [name for name, scenario in SCENARIOS.items() if scenario.alone]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresqlServer) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("airflow"), postgresql.url) as stage:
        yield stage


@pytest.mark.parametrize("name", ALONE)
def test_alone(stage: Stage, name: str) -> None:
    SCENARIOS[name].play_on(stage)
