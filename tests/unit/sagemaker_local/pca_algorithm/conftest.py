"""A training container's /opt/ml, made and read by tests."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from sagemaker_local.pca_algorithm.__main__ import main
from sagemaker_local.pca_algorithm.ndarray_file import read_arrays
from sagemaker_local.pca_algorithm.recordio import encode_features

CSV = "text/csv;label_size=0"


@dataclass(frozen=True)
class Container:
    """One host of a training job."""

    root: Path
    exchange_dir: Path

    def configure(
        self,
        hyperparameters: Mapping[str, object],
        channels: Mapping[str, Mapping[str, str]] | None = None,
        host: str = "algo-1",
        hosts: tuple[str, ...] = ("algo-1",),
    ) -> "Container":
        """Write input/config; the train channel is CSV without label unless told otherwise."""
        config = self.root / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        documents = {
            "hyperparameters": {name: str(value) for name, value in hyperparameters.items()},
            "inputdataconfig": {"train": {"ContentType": CSV}} if channels is None else dict(channels),
            "resourceconfig": {"current_host": host, "hosts": list(hosts), "network_interface_name": "eth0"},
        }
        for name, document in documents.items():
            (config / f"{name}.json").write_text(json.dumps(document))
        return self

    def put(self, content: bytes, name: str = "part-0", channel: str = "train") -> "Container":
        """Add a file to a channel."""
        path = self.root / "input" / "data" / channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return self

    def put_csv(self, rows: NDArray[Any], name: str = "part-0.csv", channel: str = "train") -> "Container":
        """Add rows as CSV with every digit."""
        lines = "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist())
        return self.put(lines.encode(), name, channel)

    def put_recordio(self, rows: NDArray[Any], name: str = "part-0.pbr", channel: str = "train") -> "Container":
        """Add rows as RecordIO-protobuf."""
        return self.put(encode_features(rows), name, channel)

    @property
    def environ(self) -> dict[str, str]:
        """What the platform sets."""
        return {"SAGEMAKER_DATA_PATH": str(self.root), "SAGEMAKER_LOCAL_EXCHANGE_DIR": str(self.exchange_dir)}

    def train(self) -> int:
        """Train in this process and return the exit code."""
        return main(["train"], self.environ)

    @property
    def model_path(self) -> Path:
        return self.root / "model" / "model_algo-1"

    @property
    def model(self) -> dict[str, NDArray[Any]]:
        """Arrays of the model that training left."""
        return read_arrays(self.model_path.read_bytes())

    @property
    def failure(self) -> str:
        return (self.root / "output" / "failure").read_text()


@pytest.fixture(scope="module", autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """Tests run side by side; BLAS threads of several processes on the same cores wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def new_container(tmp_path: Path) -> Callable[[str], Container]:
    """Makes hosts of one job, by name."""
    return lambda host: Container(tmp_path / host, tmp_path / "exchange")


@pytest.fixture
def container(new_container: Callable[[str], Container]) -> Container:
    """The only host of a job."""
    return new_container("algo-1")


@pytest.fixture
def rows() -> NDArray[np.float64]:
    """Sixty rows of five correlated features with clear gaps between their variances."""
    rng = np.random.default_rng(11)
    basis = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    made: NDArray[np.float64] = rng.normal(size=(60, 5)) * [9.0, 5.0, 3.0, 1.5, 0.5] @ basis + np.arange(5) * 10
    return made
