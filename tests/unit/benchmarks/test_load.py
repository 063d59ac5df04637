from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks import load


class Clock:
    """Time that passes in sleep alone, and one load average after the other; the last one stays."""

    def __init__(self, loads: Sequence[float]) -> None:
        self.now = 0.0
        self._loads = list(loads)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def average(self) -> float:
        return self._loads.pop(0) if len(self._loads) > 1 else self._loads[0]


@pytest.fixture
def clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(request.param)
    monkeypatch.setattr(load, "time", clock)
    monkeypatch.setattr(load, "load_average", clock.average)
    return clock


@pytest.mark.parametrize("clock", [[0.2]], indirect=True)
def test_on_an_idle_machine_nothing_is_waited_for(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert load.wait_until_idle() == 0.2
    assert clock.now == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("clock", [[2.0, 0.9, 0.4]], indirect=True)
def test_waiting_ends_when_the_machine_is_idle(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert load.wait_until_idle() == 0.4
    assert clock.now < 60
    first, second = capsys.readouterr().out.splitlines()
    assert first == "  load 2: waiting until it is below 0.5, 180 s more at most"
    assert second.startswith("  load 0.9: waiting")


@pytest.mark.parametrize("clock", [[3.0]], indirect=True)
def test_waiting_ends_at_its_bound_and_is_never_silent_for_a_minute(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load.wait_until_idle() == 3.0
    assert clock.now == load.MOST_SECONDS == 180
    *waiting, last = capsys.readouterr().out.splitlines()
    assert len(waiting) >= clock.now / 60
    assert last == "  the load stays at 3: measured all the same, and marked"
