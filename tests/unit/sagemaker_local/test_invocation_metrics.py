"""Counting invocations per minute."""

from sagemaker_local.invocation_metrics import VariantMetrics


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 6000.0

    def __call__(self) -> float:
        return self.now


def sums(metrics: VariantMetrics, name: str) -> list[tuple[int, float]]:
    return [(start, statistic.total) for start, metric, statistic in metrics.drain() if metric == name]


def test_quiet_minutes_count_as_zero() -> None:
    clock = Clock()
    metrics = VariantMetrics(clock)
    clock.now += 120
    metrics.record(200, 10.0, 5.0)
    metrics.record(200, 10.0, 5.0)
    clock.now += 60
    assert sums(metrics, "Invocations") == [(6000, 0.0), (6060, 0.0), (6120, 2.0), (6180, 0.0)]


def test_a_minute_asked_for_twice_adds_up() -> None:
    clock = Clock()
    metrics = VariantMetrics(clock)
    metrics.record(200, 10.0, 5.0)
    assert sums(metrics, "Invocations") == [(6000, 1.0)]
    assert sums(metrics, "Invocations") == []
    metrics.record(200, 10.0, 5.0)
    assert sums(metrics, "Invocations") == [(6000, 1.0)]


def test_errors_are_counted_by_their_side() -> None:
    for status, expected in ((200, (0, 0)), (400, (1, 0)), (415, (1, 0)), (500, (0, 1))):
        metrics = VariantMetrics(Clock())
        metrics.record(status, 1.0, 1.0)
        found = {name: statistic.total for _, name, statistic in metrics.drain()}
        assert (found["Invocation4XXErrors"], found["Invocation5XXErrors"]) == expected


def test_latencies_keep_count_sum_and_extremes() -> None:
    metrics = VariantMetrics(Clock())
    metrics.record(200, 10.0, 1.0)
    metrics.record(200, 30.0, 2.0)
    latency = next(statistic for _, name, statistic in metrics.drain() if name == "ModelLatency")
    assert (latency.count, latency.total, latency.low, latency.high) == (2, 40.0, 10.0, 30.0)
