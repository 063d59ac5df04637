"""What a task does with an error: try again what may pass, fail at once, with a hint, what will not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy

from sagemaker_pca.exceptions import SageMakerPcaError
from sagemaker_pca.hooks.errors import MISTAKES, Outlook, code_of, outlook

HINTS = {
    "AccessDenied": "Allow the action to the connection's identity.",
    "AccessDeniedException": "Allow the action to the connection's identity.",
    "ResourceLimitExceeded": "Ask for a higher quota, or choose another instance type.",
    "UnrecognizedClientException": "Check the connection's credentials.",
    "ValidationException": "Correct the setting that the message names.",
}


class SageMakerRetryPolicy(RetryPolicy):
    """Retry what may pass by itself; fail at once, with a hint, what will not."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Decide from what the error says about the next try."""
        name = type(exception).__name__
        match outlook(exception):
            case Outlook.PASSES:
                return RetryDecision.retry(reason=f"{name} may pass by itself.")
            case Outlook.NEEDS_CREDENTIALS:
                return RetryDecision.retry(reason=f"{name} passes when the connection's credentials are good again.")
            case Outlook.STAYS:
                return RetryDecision.fail(why_it_stays(exception))
            case Outlook.UNKNOWN:
                return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Nothing to keep: the policy has no settings."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> SageMakerRetryPolicy:
        """The policy again."""
        return cls()


def why_it_stays(error: BaseException) -> str:
    """What to do about an error that another try would only meet again."""
    if isinstance(error, SageMakerPcaError):
        return "Trying again with the same input would end the same way."
    if code := code_of(error):
        return HINTS.get(code, f"{code} does not pass by itself.")
    if isinstance(error, MISTAKES):
        return f"{type(error).__name__} is a mistake in the code or in what is installed; see the task's log for where."
    return "The connection or the request is wrong. Check the Airflow connection."


RETRIES: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": SageMakerRetryPolicy(),
}
"""Arguments of tasks that talk to AWS: what may pass by itself gets three more tries within some minutes."""
