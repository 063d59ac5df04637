import ssl
from typing import Any

import pytest
from airflow.sdk import RetryAction
from botocore import exceptions as botocore_errors
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker

from sagemaker_pca import exceptions
from sagemaker_pca.exceptions import SageMakerPcaError
from sagemaker_pca.retry_policy import HINTS, SageMakerRetryPolicy

OWN_ERRORS = [
    error for error in vars(exceptions).values() if isinstance(error, type) and issubclass(error, SageMakerPcaError)
]
BOTOCORE_THROTTLES = ThrottledRetryableChecker._THROTTLED_ERROR_CODES
# Codes of services that no run talks to.
FOREIGN_THROTTLES = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestThrottled",
    "RequestThrottledException",
    "ThrottledException",
    "TransactionInProgressException",
}


def answer(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "DescribeEndpoint")


def action(error: BaseException) -> RetryAction:
    return SageMakerRetryPolicy().evaluate(error, 1, 3).action


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "SlowDown", "ServiceUnavailable", "InternalFailure", "OperationAborted"]
)
def test_what_passes_by_itself_is_tried_again(code: str) -> None:
    assert action(answer(code)) is RetryAction.RETRY


@pytest.mark.parametrize("code", sorted(set(BOTOCORE_THROTTLES) - FOREIGN_THROTTLES))
def test_throttling_is_tried_again(code: str) -> None:
    assert action(answer(code)) is RetryAction.RETRY


@pytest.mark.parametrize("status", [500, 502, 503, 530])
def test_an_outage_is_tried_again_whatever_its_code(status: int) -> None:
    assert action(answer("Unheard", status)) is RetryAction.RETRY


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        botocore_errors.ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"),
        botocore_errors.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
        botocore_errors.ConnectionClosedError(endpoint_url="http://127.0.0.1:1"),
        botocore_errors.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_lost_connection_is_tried_again(error: BaseException) -> None:
    assert action(error) is RetryAction.RETRY


@pytest.mark.parametrize("code", HINTS)
def test_a_refusal_fails_at_once_with_what_to_change(code: str) -> None:
    decision = SageMakerRetryPolicy().evaluate(answer(code), 1, 3)
    assert (decision.action, decision.reason) == (RetryAction.FAIL, HINTS[code])


def test_a_refusal_without_a_hint_names_its_code() -> None:
    decision = SageMakerRetryPolicy().evaluate(answer("NoSuchBucket", 404), 1, 3)
    assert (decision.action, decision.reason) == (RetryAction.FAIL, "NoSuchBucket does not pass by itself.")


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.ParamValidationError(report="Missing required parameter"),
        botocore_errors.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        botocore_errors.ProfileNotFound(profile="p"),
        botocore_errors.NoRegionError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_wrong_connection_or_request_fails_at_once(error: BaseException) -> None:
    decision = SageMakerRetryPolicy().evaluate(error, 1, 3)
    assert (decision.action, "Check the Airflow connection" in str(decision.reason)) == (RetryAction.FAIL, True)


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.NoCredentialsError(),
        botocore_errors.CredentialRetrievalError(provider="sso", error_msg="timeout"),
        botocore_errors.MetadataRetrievalError(error_msg="timeout"),
        botocore_errors.TokenRetrievalError(provider="sso", error_msg="timeout"),
        answer("ExpiredToken"),
        answer("ExpiredTokenException", 403),
        answer("RequestExpired"),
        answer("TokenRefreshRequired"),
    ],
    ids=lambda error: getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__,
)
def test_credentials_that_are_late_or_ran_out_are_tried_again(error: BaseException) -> None:
    decision = SageMakerRetryPolicy().evaluate(error, 1, 3)
    assert decision.action is RetryAction.RETRY
    assert "credentials are good again" in str(decision.reason)


@pytest.mark.parametrize(
    ("model_status", "expected"),
    [(500, RetryAction.RETRY), (503, RetryAction.RETRY), (400, RetryAction.FAIL), (None, RetryAction.FAIL)],
)
def test_a_models_own_outage_is_tried_again_and_its_refusal_is_not(
    model_status: int | None, expected: RetryAction
) -> None:
    error = answer("ModelError", 424)
    if model_status is not None:
        error.response["OriginalStatusCode"] = model_status
    assert action(error) is expected


def test_an_endpoint_that_is_changing_is_asked_again() -> None:
    response: Any = {"Error": {"Code": "ValidationException", "Message": 'Cannot update in-progress endpoint "arn".'}}
    assert action(ClientError(response, "UpdateEndpoint")) is RetryAction.RETRY


@pytest.mark.parametrize("operation", ["CreateEndpoint", "UpdateEndpoint"])
def test_what_was_made_a_moment_ago_is_asked_for_again(operation: str) -> None:
    response: Any = {"Error": {"Code": "ValidationException", "Message": "Could not find endpoint configuration"}}
    assert action(ClientError(response, operation)) is RetryAction.RETRY
    assert action(ClientError(response, "DescribeEndpoint")) is RetryAction.FAIL


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'numpy'"),
        ImportError("m"),
        TypeError("m"),
        AttributeError("m"),
        NameError("m"),
        SyntaxError("m"),
        IndentationError("m"),
        KeyError("m"),
        IndexError("m"),
        ValueError("m"),
        UnicodeDecodeError("utf-8", b"a", 0, 1, "m"),
        ZeroDivisionError("m"),
        AssertionError("m"),
        NotImplementedError("m"),
        RecursionError("m"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_mistake_of_code_fails_at_once_and_is_called_one(error: BaseException) -> None:
    decision = SageMakerRetryPolicy().evaluate(error, 1, 3)
    assert decision.action is RetryAction.FAIL
    assert f"{type(error).__name__} is a mistake in the code" in str(decision.reason)


@pytest.mark.parametrize("error", OWN_ERRORS)
def test_errors_of_this_package_fail_at_once(error: type[SageMakerPcaError]) -> None:
    assert action(error("m")) is RetryAction.FAIL


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("m"),
        MemoryError(),
        SystemExit(1),
        OSError("m"),
        TimeoutError("m"),
        ssl.SSLCertVerificationError("an OSError and a ValueError"),
    ],
    ids=repr,
)
def test_everything_else_follows_the_tasks_own_retries(error: BaseException) -> None:
    assert action(error) is RetryAction.DEFAULT


def test_an_answer_without_code_or_status_is_not_tried_again() -> None:
    error = ClientError({"Error": {}}, "DescribeEndpoint")
    assert action(error) is RetryAction.FAIL


def test_the_policy_survives_the_serialized_dag() -> None:
    policy = SageMakerRetryPolicy.deserialize(SageMakerRetryPolicy().serialize())
    assert policy.evaluate(answer("SlowDown"), 1, 3).action is RetryAction.RETRY
