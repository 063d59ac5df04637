"""Errors in AWS's wording.

SageMakerError                 answered to the client, with AWS's code
├── ValidationError            a request that the service refuses
├── ResourceNotFoundError      a job that does not exist
├── ResourceInUseError         a name that is taken, or a job that is still running
├── ResourceLimitExceededError
├── ThrottlingError
└── UnsupportedError           outside of what the embedded service carries out
JobFailedError                 ends a job or an endpoint's start; its text becomes FailureReason
"""

from collections.abc import Mapping
from typing import Any

from moto.core.exceptions import ServiceException


class SageMakerError(ServiceException):
    """An error that the client sees, with `code` as AWS names it."""


class ValidationError(SageMakerError):
    """The request breaks a rule of the service's model or of the resource's state."""

    code = "ValidationException"


class ResourceNotFoundError(SageMakerError):
    """The job named does not exist."""

    code = "ResourceNotFound"


class ResourceInUseError(SageMakerError):
    """The name is taken, or the job is still running."""

    code = "ResourceInUse"


class ResourceLimitExceededError(SageMakerError):
    """A limit of the account would be exceeded."""

    code = "ResourceLimitExceeded"


class ThrottlingError(SageMakerError):
    """Too many requests; only ever on demand (see faults)."""

    code = "ThrottlingException"
    message = "Rate exceeded"


class SerializationError(SageMakerError):
    """The request's body is not what the protocol asks for."""

    code = "SerializationException"


class UnsupportedError(SageMakerError):
    """AWS offers this, the embedded service refuses it rather than imitate half of it."""

    code = "UnsupportedOperationException"


def refuse_members(request: Mapping[str, Any], *members: str) -> None:
    """Raise UnsupportedError for the first of these members that a request gives; a dotted name goes down."""
    for member in members:
        value: Any = request
        for name in member.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value:
            raise UnsupportedError(f"sagemaker_local does not carry out {member}.")


class JobFailedError(Exception):
    """A job, or the start of an endpoint, cannot go on; the text is its FailureReason."""
