"""One recording for all tests here, whichever process asks first."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from tests.slow.infra.recorded_dags import Recording, record


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The pipeline through all its branches; made once, though xdist's workers are processes of their own."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return shared_recording(shared / "recorded_dags.json", tmp_path_factory.mktemp("recorded_dags"))


def shared_recording(path: Path, folder: Path) -> Recording:
    """The recording in a file, made first where there is none."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_text(json.dumps(record(folder).as_document()), encoding="utf-8")
    return Recording.from_document(json.loads(path.read_text(encoding="utf-8")))
