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
        if isinstance(exception, ClientError):
            return self._of_answer(exception)
        if isinstance(exception, LOST_CONNECTIONS):
            return RetryDecision.retry(reason="The connection was lost.")
        if isinstance(exception, BotoCoreError):
            return RetryDecision.fail("The connection or the request is wrong. Check the Airflow connection.")
        return RetryDecision.default()

    def _of_answer(self, error: ClientError) -> RetryDecision:
        code = error.response["Error"].get("Code", "")
        if is_transient(error):
            return RetryDecision.retry(reason=f"{code} may pass by itself.")
        return RetryDecision.fail(HINTS.get(code, f"{code} does not pass by itself."))

    def serialize(self) -> dict[str, Any]:
        """Nothing to keep: the policy has no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> SageMakerRetryPolicy:
        """The policy again."""
        return cls()


def is_transient(error: ClientError) -> bool:
    """Whether the same request may well be answered a little later."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response["Error"].get("Code") in TRANSIENT_CODES or status >= 500
