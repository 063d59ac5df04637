"""Records who asked for what, for tests of IAM policies: on with SAGEMAKER_LOCAL_RECORD_CALLS=1.

`GET /sagemaker-local/calls` answers with the newest 100,000 calls since the last `DELETE`:

    {"calls": [{"time": "2026-01-01T00:00:00.000000+00:00", "identity": "arn:aws:sts::123456789012:user/moto",
      "user_agent": "Boto3/1.44", "call": "sagemaker:CreateModel", "status": 200, "authorizations": [
        {"action": "sagemaker:CreateModel", "resource": "arn:aws:sagemaker:us-east-1:123456789012:model/a",
         "condition_keys": {"aws:RequestTag/owner": "b", "aws:TagKeys": ["owner"]}},
        {"action": "iam:PassRole", "resource": "arn:aws:iam::123456789012:role/c",
         "condition_keys": {"iam:PassedToService": "sagemaker.amazonaws.com"}}]}]}

What jobs and endpoints read and write in S3 stands there under the role that was passed for them.
"""

import io
import json
from collections.abc import Iterable
from typing import Any

from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from sagemaker_local.api_request import ApiRequest
from sagemaker_local.authorizations import authorizations, authorizations_of_missing_object
from sagemaker_local.call_log import CALLS, Authorization, ConditionKeys, RecordedCall, time_text
from sagemaker_local.invocations import Answer, error_answer, respond
from sagemaker_local.state_lock import STATE_LOCK

_CONTROL = "/sagemaker-local/calls"
_NOT_FOUND = 404


class Recorder:
    """A WSGI application in front of the service; passes everything through, and records it where `CALLS` is on."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == _CONTROL:
            return respond(_control(environ["REQUEST_METHOD"]), start_response)
        request = self._request(environ) if CALLS.enabled else None
        if request is None:
            answer: Iterable[bytes] = self._application(environ, start_response)
            return answer
        return self._record(request, environ, start_response)

    @staticmethod
    def _request(environ: dict[str, Any]) -> ApiRequest | None:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        return ApiRequest.from_wsgi(environ, body)

    def _record(self, request: ApiRequest, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        time, statuses = time_text(), []
        # Asked now: the call itself may remove the resource whose tags count.
        asked = authorizations(request)

        def watched_start_response(status: str, *arguments: Any) -> Any:
            statuses.append(int(status.split(" ", 1)[0]))
            return start_response(status, *arguments)

        try:
            answer: Iterable[bytes] = self._application(environ, watched_start_response)
            return answer
        finally:
            status = statuses[-1] if statuses else None
            if status == _NOT_FOUND:
                asked += authorizations_of_missing_object(request)
            CALLS.add(
                RecordedCall(
                    time,
                    _identity(request),
                    request.header("User-Agent") or "",
                    f"{request.service}:{request.operation}",
                    status,
                    [_with_global_keys(item, request) for item in asked],
                )
            )


def _control(method: str) -> Answer:
    if not CALLS.enabled:
        return error_answer(400, "ValidationException", "Recording is off. Set SAGEMAKER_LOCAL_RECORD_CALLS=1.")
    if method == "DELETE":
        CALLS.clear()
    elif method != "GET":
        return error_answer(400, "ValidationException", f"{method} is not a control call. Use GET or DELETE.")
    body = json.dumps({"calls": CALLS.as_documents()}).encode()
    return Answer(200, body, [("Content-Type", "application/json")])


def _identity(request: ApiRequest) -> str:
    """The caller's ARN, as GetCallerIdentity gives it."""
    backend = sts_backends[request.account_id][get_partition(request.region_name)]
    with STATE_LOCK:
        arn: str = backend.get_caller_identity(request.access_key, request.region_name)[1]
    return arn


def _with_global_keys(asked: Authorization, request: ApiRequest) -> Authorization:
    """The question with the condition keys that every call has."""
    secure = "true" if request.environ.get("wsgi.url_scheme") == "https" else "false"
    keys: ConditionKeys = {"aws:SecureTransport": secure, "aws:RequestedRegion": request.region_name}
    return Authorization(asked.action, asked.resource, keys | asked.condition_keys)
