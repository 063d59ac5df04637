"""What errors mean: what asking again will bring, and whether something is not there, there already, or changing."""

from __future__ import annotations

from enum import Enum

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own name for it
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
    TokenRetrievalError,
)

from sagemaker_pca.exceptions import SageMakerPcaError


class Outlook(Enum):
    """What asking again, a little later, will bring."""

    PASSES = "an outage, a throttle or a lost connection: the same request may well be answered"
    NEEDS_CREDENTIALS = "the same request is answered once there are credentials that are good"
    STAYS = "the same request ends the same way"
    UNKNOWN = "nothing is known about such an error"


# botocore's own list of throttling codes is longer; these are the ones that SageMaker, S3 and STS document.
THROTTLING_CODES = frozenset(
    {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
PASSING_CODES = THROTTLING_CODES | frozenset(
    {
        "CapacityError",
        "IDPCommunicationError",
        "InternalFailure",
        "InternalServerError",
        "InternalError",
        "ModelNotReadyException",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
    }
)
# Temporary credentials that ran out between two calls: whoever hands them out has others by now, or soon.
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
# botocore has no common class for them: a refused connection is no HTTPClientError.
LOST_CONNECTIONS = (ConnectionError, HTTPClientError, IncompleteReadError)
# An instance's metadata service that does not answer leaves botocore without credentials, which it then says.
MISSING_CREDENTIALS = (CredentialRetrievalError, MetadataRetrievalError, NoCredentialsError, TokenRetrievalError)
# Of code, or of what it was given: neither is another one at the next try.
MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


def outlook(error: BaseException) -> Outlook:
    """What the same request, or the same code, will bring a little later."""
    if isinstance(error, SageMakerPcaError):
        return Outlook.STAYS
    if isinstance(error, ClientError):
        return _outlook_of_answer(error)
    if isinstance(error, MISSING_CREDENTIALS):
        return Outlook.NEEDS_CREDENTIALS
    if isinstance(error, LOST_CONNECTIONS):
        return Outlook.PASSES
    if isinstance(error, BotoCoreError):
        return Outlook.STAYS
    # Some errors of networks are both: a certificate that is refused is an OSError and a ValueError.
    return Outlook.STAYS if isinstance(error, MISTAKES) and not isinstance(error, OSError) else Outlook.UNKNOWN


def _outlook_of_answer(error: ClientError) -> Outlook:
    code = code_of(error)
    if code in EXPIRED_CODES:
        return Outlook.NEEDS_CREDENTIALS
    if error.operation_name.startswith(("Create", "Update")) and is_missing(error):
        return Outlook.PASSES  # what was created a moment ago may not be visible yet
    # A model's own status stands beside that of the service, which answers 424 whatever the model said.
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    model_status = error.response.get("OriginalStatusCode", 0) if code == "ModelError" else 0
    if code in PASSING_CODES or max(status, model_status) >= 500 or is_in_progress(error):
        return Outlook.PASSES
    return Outlook.STAYS


def is_transient(error: BaseException) -> bool:
    """Whether the error says nothing about what was asked for, only that it has to be asked again."""
    return outlook(error) in {Outlook.PASSES, Outlook.NEEDS_CREDENTIALS}


def code_of(error: BaseException) -> str:
    """The code of the service's answer; empty where the error is none, or has none."""
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


def is_missing(error: ClientError) -> bool:
    """Whether the service says that there is no such resource; any other ValidationException is a real one."""
    message: str = error.response["Error"].get("Message", "")
    return message.startswith(("Could not find", "Requested resource not found"))


def is_already_there(error: ClientError) -> bool:
    """Whether a create was refused because the name is taken."""
    message: str = error.response["Error"].get("Message", "")
    return code_of(error) == "ResourceInUse" or message.startswith("Cannot create already existing")


def is_in_progress(error: ClientError) -> bool:
    """Whether a change of an endpoint was refused because the endpoint is changing already."""
    message: str = error.response["Error"].get("Message", "")
    return message.startswith("Cannot update in-progress endpoint")
