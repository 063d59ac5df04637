"""A job to run."""

from pathlib import Path

import pytest

from tests.processing_job import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "one host")
