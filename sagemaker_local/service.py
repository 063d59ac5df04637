"""What the backends of all accounts and regions share: settings, the jobs' threads, and a place on disk."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from sagemaker_local.faults import Faults
from sagemaker_local.job_runner import JobRunner
from sagemaker_local.settings import Settings


@dataclass
class Service:
    """One running embedded service."""

    settings: Settings
    directory: Path
    faults: Faults = field(default_factory=Faults)
    jobs: JobRunner = field(init=False)

    def __post_init__(self) -> None:
        self.jobs = JobRunner(self.settings, self.faults)

    def new_directory(self) -> Path:
        """Return an empty directory of its own for a job or a model that is being loaded."""
        return Path(tempfile.mkdtemp(dir=self.directory))
