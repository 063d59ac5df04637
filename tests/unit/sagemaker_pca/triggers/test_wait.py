from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from sagemaker_pca.triggers import wait
from sagemaker_pca.triggers.wait import SageMakerWaitTrigger

POLL_SECONDS = 0.1


class Looks(SageMakerWaitTrigger):
    """Notes when it looks; changes for so many looks."""

    def __init__(self, changing: int, deadline: float = float("inf")) -> None:
        super().__init__(poll_seconds=POLL_SECONDS, deadline=deadline)
        self.changing = changing
        self.looked_at: list[float] = []

    def still_changing(self) -> bool:
        self.looked_at.append(time.monotonic())
        return len(self.looked_at) <= self.changing


def seconds_until_looks(trigger: Looks) -> tuple[Any, list[float]]:
    """What the trigger fires, and when it looked."""

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    started = time.monotonic()
    (payload,) = asyncio.run(events())
    return payload, [looked_at - started for looked_at in trigger.looked_at]


def test_a_wait_lasts_as_long_as_airflow_needs_to_notice_the_deferral(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "SHORTEST_DEFERRAL_SECONDS", 0.6)
    trigger = Looks(changing=0)
    trigger.task_instance = SimpleNamespace(task_id="wait", id=1, trigger_timeout=None)  # type: ignore[assignment]
    payload, looks = seconds_until_looks(trigger)
    assert payload == {"status": "ended"}
    assert len(looks) == 1
    assert looks[0] >= 0.6


def test_a_wait_outside_a_triggerer_ends_as_soon_as_there_is_nothing_to_wait_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wait, "SHORTEST_DEFERRAL_SECONDS", 3600)
    payload, looks = seconds_until_looks(Looks(changing=0))
    assert payload == {"status": "ended"}
    assert len(looks) == 1


def test_looks_are_an_interval_apart() -> None:
    _, looks = seconds_until_looks(Looks(changing=3))
    gaps = [later - earlier for earlier, later in zip([0.0, *looks], looks, strict=False)]
    assert len(gaps) == 4
    assert all(gap >= POLL_SECONDS for gap in gaps)


def test_a_wait_past_its_deadline_looks_once_more_and_fires_a_timeout() -> None:
    payload, looks = seconds_until_looks(Looks(changing=3, deadline=time.time() - 1))
    assert payload == {"status": "timeout"}
    assert len(looks) == 1
