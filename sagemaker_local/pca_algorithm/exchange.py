"""How the hosts of one job meet: each leaves its sums in a directory they share, and the leader collects them."""

import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.errors import PeerError, TrainingError

_POLL_SECONDS = 0.02


class Exchange:
    """The shared directory; a file appears in it only once it is complete."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def publish_sums(self, host: str, state: Mapping[str, NDArray[Any]]) -> None:
        """Leave a host's sums for the leader."""
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **state)
        self._publish(self._sums_path(host), content.getvalue())

    def publish_failure(self, host: str, error: TrainingError) -> None:
        """Tell the leader that a host's sums will never come, and why."""
        document = {"exit_code": error.exit_code, "failure_text": error.failure_text}
        self._publish(self._failure_path(host), json.dumps(document).encode())

    def collect_sums(self, hosts: tuple[str, ...]) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield each host's sums in host order as they arrive; raises PeerError as soon as any host has failed.

        There is no deadline: the platform ends every host of a job when one dies or the job's time is over.
        """
        for host in hosts:
            while not self._sums_path(host).exists():
                self._raise_failure(hosts)
                time.sleep(_POLL_SECONDS)
            with np.load(self._sums_path(host)) as state:
                yield dict(state)

    def _publish(self, path: Path, content: bytes) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}")
        partial.write_bytes(content)
        os.replace(partial, path)

    def _raise_failure(self, hosts: tuple[str, ...]) -> None:
        for host in hosts:
            if self._failure_path(host).exists():
                raise PeerError(**json.loads(self._failure_path(host).read_text()))

    def _sums_path(self, host: str) -> Path:
        return self._directory / f"sums-{host}.npz"

    def _failure_path(self, host: str) -> Path:
        return self._directory / f"failure-{host}.json"
