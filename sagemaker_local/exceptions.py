"""Errors in AWS's wording.

SageMakerError                 answered to the client, with AWS's code
├── ValidationError            a request that the service refuses
├── ResourceNotFoundError      a job that does not exist
├── ResourceInUseError         a name that is taken, or a job that is still running
├── ResourceLimitExceededError
├── SerializationError         a body that is not what the protocol asks for
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


class SerializationError(SageMakerError):
    """The request's body is not what the protocol asks for."""

    code = "SerializationException"


class UnsupportedError(SageMakerError):
    """AWS offers this, the embedded service refuses it rather than imitate half of it."""

    code = "UnsupportedOperationException"


def limit_exceeded(usage: str, limit: int, asked: int) -> ResourceLimitExceededError:
    """Return the error of a request for more instances than the settings allow."""
    return ResourceLimitExceededError(
        f"The account-level service limit 'Number of instances for {usage}' is {limit} Instances, with current "
        f"utilization of 0 Instances and a request delta of {asked} Instances. Please contact AWS support to request "
        "an increase for this limit."
    )


def refuse_members(request: Mapping[str, Any], *members: str) -> None:
    """Raise UnsupportedError for the first of these members that a request gives; a dotted name goes down."""
    for member in members:
        value: Any = request
        for name in member.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value:
            raise UnsupportedError(f"sagemaker_local does not carry out {member}.")


def require_members(request: Mapping[str, Any], *members: str, path: str = "") -> None:
    """Raise ValidationError for the first absent of members that botocore's model leaves optional, the service not."""
    for member in members:
        if request.get(member) is None:
            raise ValidationError(
                f"1 validation error detected: Value null at '{path}{member[0].lower()}{member[1:]}' failed to satisfy "
                "constraint: Member must not be null"
            )


class JobFailedError(Exception):
    """A job, or the start of an endpoint, cannot go on; the text is its FailureReason."""
