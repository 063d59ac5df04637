"""A processing job on a temporary folder, in this process."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processing.__main__ import main


class Job:
    """The folders of one host's job, its `main` on them, and what it left."""

    def __init__(self, folder: Path, host: str = "algo-1", hosts: Sequence[str] = ("algo-1",)) -> None:
        self.host, self.folder = host, folder
        self.raw, self.features_dir, self.stats_dir = folder / "raw", folder / "features", folder / "stats"
        self.message_dir, self.resource_config = folder / "message", folder / "resourceconfig.json"
        self.raw.mkdir(parents=True)
        self.message_dir.mkdir()
        self.resource_config.write_text(json.dumps({"current_host": host, "hosts": list(hosts)}))

    def add(self, name: str, content: str | bytes) -> Path:
        path = self.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") and isinstance(content, str) else data)
        return path

    def arguments(self, columns: str = "a,b", **options: Any) -> list[str]:
        folders = {
            "input-dir": self.raw,
            "features-dir": self.features_dir,
            "stats-dir": self.stats_dir,
            "message-dir": self.message_dir,
            "resource-config": self.resource_config,
            "feature-columns": columns,
            # A gap is seen in what comes out, and no other row depends on it.
            "missing-values": "zero",
        }
        named = folders | {name.replace("_", "-"): value for name, value in options.items()}
        return [f"--{name}" if value is True else f"--{name}={value}" for name, value in named.items()]

    def run(self, columns: str = "a,b", **options: Any) -> int:
        return main(self.arguments(columns, **options))

    def parts(self) -> list[Path]:
        return sorted(self.features_dir.glob("*")) if self.features_dir.exists() else []

    def features(self) -> NDArray[np.float32]:
        return np.concatenate([np.loadtxt(part, np.float32, delimiter=",", ndmin=2) for part in self.parts()])

    def moments(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.stats_dir / f"moments-{self.host}.json").read_text())
        return loaded

    def scatter(self) -> NDArray[np.float64]:
        return np.asarray(np.load(self.stats_dir / f"scatter-{self.host}.npy"))

    def sample(self) -> dict[str, NDArray[Any]]:
        with np.load(self.stats_dir / f"sample-{self.host}.npz") as arrays:
            return dict(arrays)

    def message(self) -> str:
        return (self.message_dir / "message").read_text(encoding="utf-8")

    def left_files(self) -> list[str]:
        """Everything in the output folders, hidden files included."""
        folders = (self.features_dir, self.stats_dir)
        return sorted(path.name for folder in folders for path in folder.rglob("*"))
