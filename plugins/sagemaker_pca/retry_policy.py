"""Which errors are worth another try: throttling, outages and lost connections; never a wrong request."""

from __future__ import annotations

from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own name for it
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
)

from sagemaker_pca.exceptions import SageMakerPcaError
from sagemaker_pca.sagemaker_hook import is_missing

# botocore's own list of throttling codes is longer; these are the ones that SageMaker, S3 and STS document.
TRANSIENT_CODES = frozenset(
    {
        "CapacityError",
        "InternalFailure",
        "InternalServerError",
        "InternalError",
        "ModelNotReadyException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# botocore has no common class for them: a refused connection is no HTTPClientError.
LOST_CONNECTIONS = (
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
)
HINTS = {
    "AccessDenied": "Allow the action to the connection's identity.",
    "AccessDeniedException": "Allow the action to the connection's identity.",
    "ExpiredTokenException": "Renew the connection's credentials.",
    "ResourceLimitExceeded": "Ask for a higher quota, or choose another instance type.",
    "UnrecognizedClientException": "Check the connection's credentials.",
    "ValidationException": "Correct the setting that the message names.",
}


class SageMakerRetryPolicy(RetryPolicy):
    """Retry what may pass by itself; fail at once, with a hint, what will not."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Decide from the class of the error."""
        if isinstance(exception, SageMakerPcaError):
            return RetryDecision.fail("Trying again with the same input would end the same way.")
        if is_transient(exception):
            return RetryDecision.retry(reason=f"{type(exception).__name__} may pass by itself.")
        if isinstance(exception, ClientError):
            code = exception.response["Error"].get("Code", "")
            return RetryDecision.fail(HINTS.get(code, f"{code} does not pass by itself."))
        if isinstance(exception, BotoCoreError):
            return RetryDecision.fail("The connection or the request is wrong. Check the Airflow connection.")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Nothing to keep: the policy has no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> SageMakerRetryPolicy:
        """The policy again."""
        return cls()


def is_transient(error: BaseException) -> bool:
    """Whether the same request may well be answered a little later."""
    if not isinstance(error, ClientError):
        return isinstance(error, LOST_CONNECTIONS)
    if error.operation_name.startswith(("Create", "Update")) and is_missing(error):
        return True  # what was created a moment ago may not be visible yet
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response["Error"].get("Code") in TRANSIENT_CODES or status >= 500
