"""The log of the real container, line by line: the lines that log readers and dashboards look for."""

import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_START_MESSAGES = (
    "Docker entrypoint called with argument(s): train",
    "Running default environment configuration script",
)


class MetricsLog:
    """Writes log lines and `#metrics` documents of one training process to standard output."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._start = time.time()
        self._setup_milliseconds = 0.0
        for message in _START_MESSAGES:
            _write(message)

    def write(self, message: str) -> None:
        """Write a timestamped line."""
        now = datetime.now(UTC)
        _write(f"[{now:%m/%d/%Y %H:%M:%S} INFO {os.getpid()}] {message}")

    def metrics(self, values: Mapping[str, float], since: float, **extra: Any) -> None:
        """Write one `#metrics` document; the values of times are milliseconds."""
        document = {
            "Metrics": {name: _single(value) for name, value in values.items()},
            "EndTime": time.time(),
            "Dimensions": {"Host": self._host, "Operation": "training", "Algorithm": "PCA"} | extra,
            "StartTime": since,
        }
        _write(f"#metrics {json.dumps(document)}")

    def elapsed(self, name: str, since: float) -> None:
        """Write a `#metrics` document with the milliseconds since a time."""
        self.metrics({name: self._milliseconds_since(since)}, since)

    def data_iterator(self, stage: str, since: float, batches: int, records: int, **extra: Any) -> None:
        """Write the counters of the data iterator; the algorithm makes one pass, so totals equal those of the pass."""
        counters = {
            "Max Batches Seen Between Resets": batches,
            "Number of Batches Since Last Reset": batches,
            "Number of Records Since Last Reset": records,
            "Total Batches Seen": batches,
            "Total Records Seen": records,
            "Max Records Seen Between Resets": records,
            "Reset Count": 0 if stage == "init_train_data_iter" else 1,
        }
        self.metrics(counters, since, Meta=stage, **extra)

    def epoch(self, since: float, batches: int, records: int, byte_count: int) -> None:
        """Write what the data pipeline, the progress bar and the throughput line say after the one pass."""
        seconds = time.time() - since
        stats = {
            "data_pipeline": "/opt/ml/input/data/train",
            "epoch": 1,
            "duration": round(1000 * seconds),
            "num_examples": batches,
            "num_bytes": byte_count,
        }
        _write(f"[{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}] [tensorio] [info] epoch_stats={json.dumps(stats)}")
        self.elapsed("epochs.time", since)
        self.write(f"#progress_metric: host={self._host}, completed 100 % of epochs")
        self.data_iterator("training_data_iter", since, batches, records, epoch=0)
        self.write(
            f"#throughput_metric: host={self._host}, train throughput={records / max(seconds, 1e-9)} records/second"
        )

    def test_score(self, mean_squared_distance: float) -> None:
        """Write the score of the test channel."""
        self.write(f"#quality_metric: host={self._host}, test msd <loss>={mean_squared_distance}")

    def initialized(self) -> None:
        """Write how long the set-up took."""
        self._setup_milliseconds = self._milliseconds_since(self._start)
        self.metrics({"initialize.time": self._setup_milliseconds}, self._start)

    def totals(self) -> None:
        """Write the closing document."""
        times = {"setuptime": self._setup_milliseconds, "totaltime": self._milliseconds_since(self._start)}
        self.metrics(times, self._start)

    @staticmethod
    def _milliseconds_since(seconds: float) -> float:
        return 1000 * (time.time() - seconds)


def _single(value: float) -> dict[str, float]:
    return {"count": 1, "max": value, "sum": value, "min": value}


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
