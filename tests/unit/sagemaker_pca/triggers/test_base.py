from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from sagemaker_pca.triggers import base
from sagemaker_pca.triggers.base import SageMakerWaitTrigger

POLL_SECONDS = 15.0


class Looks(SageMakerWaitTrigger):
    """Notes when it looks, by a clock that only its own waiting moves; changes for so many looks."""

    def __init__(self, changing: int, deadline: float = float("inf")) -> None:
        super().__init__(poll_seconds=POLL_SECONDS, deadline=deadline)
        self.changing = changing
        self.now = 0.0
        self.looked_at: list[float] = []
        self.errors: list[Exception] = []

    def still_changing(self) -> bool:
        self.looked_at.append(self.now)
        if self.errors:
            raise self.errors.pop(0)
        return len(self.looked_at) <= self.changing

    async def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.0)


def fired(trigger: Looks, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the trigger fires, without any time passing."""
    monkeypatch.setattr("sagemaker_pca.triggers.base.asyncio.sleep", trigger.sleep)

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (payload,) = asyncio.run(events())
    return payload


def test_a_wait_lasts_as_long_as_airflow_needs_to_notice_the_deferral(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "SHORTEST_DEFERRAL_SECONDS", 60)
    trigger = Looks(changing=0)
    trigger.task_instance = SimpleNamespace(task_id="wait", id=1, trigger_timeout=None)  # type: ignore[assignment]
    assert fired(trigger, monkeypatch) == {"status": "ended"}
    assert len(trigger.looked_at) == 1
    assert trigger.looked_at[0] >= 60


def test_airflow_has_time_to_store_the_last_log_lines_before_it_closes_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "LAST_LINES_SECONDS", 5)
    trigger = Looks(changing=2)
    trigger.task_instance = SimpleNamespace(task_id="wait", id=1, trigger_timeout=None)  # type: ignore[assignment]
    fired(trigger, monkeypatch)
    assert trigger.now == trigger.looked_at[-1] + 5


def test_a_wait_outside_a_triggerer_ends_as_soon_as_there_is_nothing_to_wait_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(base, "SHORTEST_DEFERRAL_SECONDS", 3600)
    trigger = Looks(changing=0)
    assert fired(trigger, monkeypatch) == {"status": "ended"}
    assert len(trigger.looked_at) == 1
    assert trigger.looked_at[0] < 3600


def test_looks_are_an_interval_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = Looks(changing=3)
    fired(trigger, monkeypatch)
    gaps = [later - earlier for earlier, later in zip([0.0, *trigger.looked_at], trigger.looked_at, strict=False)]
    assert len(gaps) == 4
    assert all(gap >= POLL_SECONDS for gap in gaps)


def test_a_wait_past_its_deadline_looks_once_more_and_fires_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = Looks(changing=3, deadline=time.time() - 1)
    assert fired(trigger, monkeypatch) == {"status": "timeout"}
    assert len(trigger.looked_at) == 1


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is noted when the hooks made so far are forgotten."""
    notes: list[str] = []
    monkeypatch.setattr(base.shared_hook, "cache_clear", lambda: notes.append("forgotten"))
    return notes


def test_a_wait_outlives_an_outage_with_the_client_that_it_has(
    monkeypatch: pytest.MonkeyPatch, forgotten: list[str]
) -> None:
    trigger = Looks(changing=0)
    trigger.errors = [EndpointConnectionError(endpoint_url="http://127.0.0.1:1")]
    assert fired(trigger, monkeypatch) == {"status": "ended"}
    assert (len(trigger.looked_at), forgotten) == (2, [])


def test_a_wait_outlives_credentials_that_ran_out_by_asking_for_new_ones(
    monkeypatch: pytest.MonkeyPatch, forgotten: list[str]
) -> None:
    trigger = Looks(changing=0)
    expired: Any = {"Error": {"Code": "ExpiredTokenException", "Message": "m"}}
    trigger.errors = [ClientError(expired, "DescribeTrainingJob"), NoCredentialsError()]
    assert fired(trigger, monkeypatch) == {"status": "ended"}
    assert (len(trigger.looked_at), forgotten) == (3, ["forgotten", "forgotten"])


def test_a_wait_ends_with_an_error_that_stays(monkeypatch: pytest.MonkeyPatch, forgotten: list[str]) -> None:
    trigger = Looks(changing=0)
    trigger.errors = [TypeError("m")]
    with pytest.raises(TypeError):
        fired(trigger, monkeypatch)
    assert forgotten == ["forgotten"]
