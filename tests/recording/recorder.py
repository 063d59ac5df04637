"""A WSGI application in front of the embedded service that keeps who asked for what."""

import io
import json
from collections.abc import Iterable
from typing import Any

from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition
from werkzeug.wrappers import Response

from sagemaker_local.object_store import OBSERVERS
from sagemaker_local.state_lock import STATE_LOCK
from tests.recording.api_request import ApiRequest
from tests.recording.authorizations import authorizations, authorizations_of_missing_object
from tests.recording.call_log import Authorization, CallLog, ConditionKeys, RecordedCall, time_text

_CONTROL = "/sagemaker-local/calls"
_NOT_FOUND = 404


class Recorder:
    """Passes everything through to the service, and keeps it in a log that `GET` and `DELETE` reach."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._log = CallLog()
        OBSERVERS.append(self._log.add_role_call)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == _CONTROL:
            return self._control(environ["REQUEST_METHOD"])(environ, start_response)
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        request = ApiRequest.from_wsgi(environ, body)
        if request is None:
            answer: Iterable[bytes] = self._application(environ, start_response)
            return answer
        return self._record(request, environ, start_response)

    def _control(self, method: str) -> Response:
        if method == "DELETE":
            self._log.clear()
        return Response(json.dumps({"calls": self._log.as_documents()}), content_type="application/json")

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
            self._log.add(
                RecordedCall(
                    time,
                    _identity(request),
                    request.header("User-Agent") or "",
                    f"{request.service}:{request.operation}",
                    status,
                    [_with_global_keys(item, request) for item in asked],
                )
            )


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
