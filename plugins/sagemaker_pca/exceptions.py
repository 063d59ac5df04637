"""Every error this package raises on purpose.

SageMakerPcaError
├── SettingError            a setting is unknown, of the wrong type or out of range
├── InputError              the raw data, an artifact or a statistics file is not what the run needs
├── GateRefusedError        the new model did not pass the quality gate, or a person; nothing was deployed
├── SmokeTestError          the endpoint answers, but not what the served artifact says
├── DeploymentError         the endpoint is not in service with the configuration asked for
│   └── LeaseHeldError      another run is deploying to the same endpoint
├── DeletionRefusedError    a deletion is not safe, or larger than its caps; nothing was deleted
├── JobFailedError          a SageMaker job ended Failed or Stopped
├── WaitTimeoutError        a job or endpoint did not end within its waiting budget
└── RunFailedError          the run as a whole failed, as the task says that reports it

None of them gets better by trying again with the same input, so `retry_policy` fails the task at once.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Failure(BaseModel):
    """Why something failed, as a value: made where it is known, carried unchanged, rendered once.

    :param reason: what happened, with the values that matter, in sentences
    :param hint: what to do about it; empty where the reason says it all
    :param link: address of a page that tells more, such as a job's log
    :param log_tail: the last lines of the log of what failed
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    reason: str
    hint: str = ""
    link: str = ""
    log_tail: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """The failure that an error carries; that of an error which is none of ours is its class and its words."""
        if isinstance(error, SageMakerPcaError):
            return error.failure
        return cls(reason=f"{type(error).__name__}: {error}")

    def __str__(self) -> str:
        return self.text(" ")

    def text(self, separator: str) -> str:
        """What happened, what to do and where to read more, as far as there is something to say."""
        return separator.join(filter(None, (self.reason, self.hint, self.link)))


class SageMakerPcaError(Exception):
    """The root of this package's errors; arguments as of `Failure`."""

    def __init__(self, reason: str, *, hint: str = "", link: str = "", log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.failure = Failure(reason=reason, hint=hint, link=link, log_tail=log_tail)

    def __str__(self) -> str:
        return str(self.failure)


class SettingError(SageMakerPcaError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


class InputError(SageMakerPcaError, ValueError):
    """The raw data, an artifact or a statistics file is not what the run needs."""


class GateRefusedError(SageMakerPcaError):
    """The new model did not pass the quality gate, or a person rejected it; nothing was deployed."""


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


class RunFailedError(SageMakerPcaError):
    """The run as a whole failed, as the task says that reports it."""
