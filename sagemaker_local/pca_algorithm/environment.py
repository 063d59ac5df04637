"""The container contract of a training job: every path below /opt/ml and every environment variable, once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sagemaker_local.pca_algorithm.errors import PlatformError

_DEFAULT_ROOT = "/opt/ml"


@dataclass(frozen=True)
class TrainingEnvironment:
    """What one host finds below its /opt/ml, and `exchange_dir`, which the hosts of a job share."""

    root: Path
    hyperparameters: Mapping[str, str]
    channels: Mapping[str, Mapping[str, Any]]
    current_host: str
    hosts: tuple[str, ...]
    exchange_dir: Path

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read input/config/*.json below SAGEMAKER_DATA_PATH; raises PlatformError where one is missing."""
        root = data_path(environ)
        resources = _read_config(root, "resourceconfig.json")
        if len(resources["hosts"]) > 1 and "SAGEMAKER_LOCAL_EXCHANGE_DIR" not in environ:
            raise PlatformError("SAGEMAKER_LOCAL_EXCHANGE_DIR is not set, and a job of several hosts needs it.")
        return cls(
            root=root,
            hyperparameters=_read_config(root, "hyperparameters.json"),
            channels=_read_config(root, "inputdataconfig.json"),
            current_host=resources["current_host"],
            hosts=tuple(resources["hosts"]),
            exchange_dir=Path(environ.get("SAGEMAKER_LOCAL_EXCHANGE_DIR", root / "exchange")),
        )

    @property
    def host_index(self) -> int:
        """Place of this host among the hosts."""
        return self.hosts.index(self.current_host)

    @property
    def is_leader(self) -> bool:
        """Whether this host merges the sums and writes the model, as host algo-1 does in the service."""
        return self.host_index == 0

    @property
    def model_path(self) -> Path:
        """Where the leader leaves the model."""
        return self.root / "model" / "model_algo-1"

    def channel_files(self, channel: str) -> list[Path]:
        """Return the non-empty files of a channel, sorted; Pipe and FastFile channels are laid out as File is."""
        found = (self.root / "input" / "data" / channel).rglob("*")
        return sorted(path for path in found if path.is_file() and path.stat().st_size)


def data_path(environ: Mapping[str, str]) -> Path:
    """Return this host's /opt/ml."""
    return Path(environ.get("SAGEMAKER_DATA_PATH", _DEFAULT_ROOT))


def write_failure(root: Path, text: str) -> None:
    """Leave the reason of a failure where the platform looks for it."""
    path = root / "output" / "failure"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _read_config(root: Path, name: str) -> Any:
    path = root / "input" / "config" / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PlatformError(f"Unable to read /opt/ml/input/config/{name}.") from error
