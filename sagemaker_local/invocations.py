"""InvokeEndpoint: from the HTTP request to a variant's predictor, on the shortest way there is."""

import http.client
import json
import logging
import random
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.iam.models import get_account_id_from
from moto.sagemaker.models import sagemaker_backends

from sagemaker_local.exceptions import UnsupportedError
from sagemaker_local.hosting import Endpoint, ServedVariant
from sagemaker_local.pca_algorithm.serve import Reply
from sagemaker_local.serverless import PAYLOAD_BYTES, ConcurrencyExceededError, Containers

log = logging.getLogger(__name__)

_CREDENTIAL = re.compile(r"Credential=(?P<access_key>[^/,\s]+)/\d{8}/(?P<region>[^/]+)/")
_UNSUPPORTED_HEADERS = {
    "HTTP_X_AMZN_SAGEMAKER_TARGET_MODEL": "TargetModel (multi-model endpoints)",
    "HTTP_X_AMZN_SAGEMAKER_TARGET_CONTAINER_HOSTNAME": "TargetContainerHostname (multi-container endpoints)",
    "HTTP_X_AMZN_SAGEMAKER_INFERENCE_COMPONENT": "InferenceComponentName",
    "HTTP_X_AMZN_SAGEMAKER_ENABLE_EXPLANATIONS": "EnableExplanations",
    "HTTP_X_AMZN_SAGEMAKER_SESSION_ID": "SessionId (stateful sessions)",
}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)


class InvocationError(Exception):
    """An error of the runtime API itself."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.answer = error_answer(status, code, message, **members)


def invoke(endpoint_name: str, environ: Mapping[str, Any], body: bytes, payload_limit: int) -> Answer:
    """Answer one InvokeEndpoint request."""
    try:
        account_id, region_name = _account_and_region(environ)
        endpoint = _endpoint_in_service(endpoint_name, account_id, region_name)
        for header, member in _UNSUPPORTED_HEADERS.items():
            if header in environ:
                raise InvocationError(UnsupportedError.code, f"sagemaker_local does not carry out {member}.")
        variant = _variant(endpoint, environ.get("HTTP_X_AMZN_SAGEMAKER_TARGET_VARIANT"))
        limit = min(payload_limit, PAYLOAD_BYTES) if variant.containers else payload_limit
        if len(body) > limit:
            raise InvocationError("413", f"HTTP content length exceeded {limit} bytes.", 413)
        if variant.containers:
            reply = _invoke_serverless(variant.containers, variant, environ, body)
        else:
            reply = _invoke_model(variant, environ, body)
        if reply.status >= 400:
            raise _model_error(endpoint, variant.name, reply.status, reply.body)
    except InvocationError as error:
        return error.answer
    headers = [("Content-Type", reply.content_type), ("x-Amzn-Invoked-Production-Variant", variant.name)]
    return Answer(reply.status, reply.body, headers)


def _invoke_serverless(
    containers: Containers, variant: ServedVariant, environ: Mapping[str, Any], body: bytes
) -> Reply:
    try:
        with containers.container() as started_in:
            if started_in:
                variant.metrics.record_start(started_in * 1e6)
            return _invoke_model(variant, environ, body)
    except ConcurrencyExceededError:
        variant.metrics.record_refusal()
        raise InvocationError("ThrottlingException", "Rate exceeded", 429) from None


def _invoke_model(variant: ServedVariant, environ: Mapping[str, Any], body: bytes) -> Reply:
    started = time.perf_counter()
    try:
        reply = variant.predictor.invoke(body, environ.get("CONTENT_TYPE"), _accept(environ))
    except Exception as error:
        log.exception("the model of variant %s failed", variant.name)
        reply = Reply(500, str(error).encode(), "text/plain")  # a container would answer its server's error page
    seconds = time.perf_counter() - started
    overhead_seconds = started - environ["sagemaker_local.received"]
    variant.metrics.record(reply.status, seconds * 1e6, overhead_seconds * 1e6)
    return reply


def _account_and_region(environ: Mapping[str, Any]) -> tuple[str, str]:
    match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if match is None:
        raise InvocationError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    return get_account_id_from(match["access_key"]), match["region"]


def _endpoint_in_service(name: str, account_id: str, region_name: str) -> Endpoint:
    regions = sagemaker_backends[account_id]
    endpoint = regions[region_name].endpoints.get(name) if region_name in regions else None
    if not isinstance(endpoint, Endpoint) or not endpoint.served:
        raise InvocationError("ValidationError", f"Endpoint {name} of account {account_id} not found.")
    return endpoint


def _variant(endpoint: Endpoint, target: str | None) -> ServedVariant:
    served = endpoint.served
    if target is None:
        variants = [*served.values()]
        if len(variants) == 1:  # of almost every endpoint; a draw is a seventh of the way from request to answer
            return variants[0]
        return random.choices(variants, [variant.weight for variant in variants])[0]  # noqa: S311
    if target not in served:
        raise InvocationError("ValidationError", f"Variant {target} not found for Endpoint {endpoint.name}.")
    return served[target]


def _accept(environ: Mapping[str, Any]) -> str | None:
    # botocore and most HTTP clients send */* when nobody asked for anything.
    accept = environ.get("HTTP_ACCEPT")
    return None if accept == "*/*" else accept


def _model_error(endpoint: Endpoint, variant: str, status: int, body: bytes) -> InvocationError:
    _, partition, _, region, account_id, _ = endpoint.arn.split(":", 5)
    side, code = ("client", "CLIENT_ERROR_FROM_MODEL") if status < 500 else ("server", "SERVER_ERROR_FROM_MODEL")
    text = body.decode("utf-8", errors="replace")
    group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
    message = (
        f'Received {side} error ({status}) from primary with message "{text}". See '
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group} in "
        f"account {account_id} for more information."
    )
    endpoint.log(variant, f"POST /invocations {status}: {text}")
    stream = f"arn:{partition}:logs:{region}:{account_id}:log-group:{group}"
    return InvocationError(
        "ModelError",
        message,
        424,
        ErrorCode=code,
        OriginalStatusCode=status,
        OriginalMessage=text,
        LogStreamArn=stream,
    )


def error_answer(status: int, code: str, message: str, **members: Any) -> Answer:
    """Return an error in the form of AWS's JSON protocols."""
    body = {"__type": code, "message": message, "Message": message, **members}
    return Answer(status, json.dumps(body).encode(), [("Content-Type", "application/json"), ("x-amzn-errortype", code)])


def respond(answer: Answer, start_response: Any) -> Iterable[bytes]:
    """Send an answer through WSGI."""
    status = f"{answer.status} {http.client.responses.get(answer.status, '')}"
    start_response(status, [*answer.headers, ("Content-Length", str(len(answer.body)))])
    return [answer.body]
