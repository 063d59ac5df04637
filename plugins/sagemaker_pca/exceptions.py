"""Every error this package raises on purpose.

SageMakerPcaError
├── SettingError            a setting is unknown, of the wrong type or out of range
├── InputError              the raw data, an artifact or a statistics file is not what the run needs
├── GateRefusedError        the new model did not pass the quality gate; nothing was deployed
├── SmokeTestError          the endpoint answers, but not what the served artifact says
├── DeploymentError         the endpoint is not in service with the configuration asked for
│   └── LeaseHeldError      another run is deploying to the same endpoint
├── DeletionRefusedError    a deletion is not safe, or larger than its caps; nothing was deleted
├── JobFailedError          a SageMaker job ended Failed or Stopped
└── WaitTimeoutError        a job or endpoint did not end within its waiting budget

None of them gets better by trying again with the same input, so `retry_policy` fails the task at once.
"""

from __future__ import annotations


class SageMakerPcaError(Exception):
    """The root of this package's errors."""


class SettingError(SageMakerPcaError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


class InputError(SageMakerPcaError, ValueError):
    """The raw data, an artifact or a statistics file is not what the run needs."""


class GateRefusedError(SageMakerPcaError):
    """The new model did not pass the quality gate; nothing was deployed."""


class SmokeTestError(SageMakerPcaError):
    """The endpoint answers, but not what the served artifact says."""


class DeploymentError(SageMakerPcaError):
    """The endpoint is not in service with the configuration asked for."""


class LeaseHeldError(DeploymentError):
    """Another run is deploying to the same endpoint."""


class DeletionRefusedError(SageMakerPcaError):
    """A deletion is not safe, or larger than its caps; nothing was deleted."""


class JobFailedError(SageMakerPcaError):
    """A SageMaker job ended Failed or Stopped."""


class WaitTimeoutError(SageMakerPcaError):
    """A job or endpoint did not end within its waiting budget."""
