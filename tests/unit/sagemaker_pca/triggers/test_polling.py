import itertools

import pytest

from sagemaker_pca.triggers.polling import CEILING, GROWTH, JITTER, delays


@pytest.mark.parametrize("poll_seconds", [0.1, 15, 300])
def test_no_look_comes_sooner_than_asked_for(poll_seconds: float) -> None:
    assert all(delay >= poll_seconds for delay in itertools.islice(delays(poll_seconds), 50))


@pytest.mark.parametrize("poll_seconds", [0.1, 15, 300])
def test_no_look_comes_later_than_four_times_that_and_jitter(poll_seconds: float) -> None:
    assert max(itertools.islice(delays(poll_seconds), 200)) <= poll_seconds * CEILING * (1 + JITTER)


def test_delays_grow_slowly() -> None:
    for number, delay in enumerate(itertools.islice(delays(10), 15)):
        expected = min(10 * GROWTH**number, 10 * CEILING)
        assert expected <= delay <= expected * (1 + JITTER)


def test_waits_that_start_together_drift_apart() -> None:
    assert len({next(delays(15)) for _ in range(20)}) > 1
