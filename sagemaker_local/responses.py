"""SageMaker's control plane over HTTP: validate, then the backend; always an answer in the service's own form."""

import json
import logging
import re
from collections.abc import Callable
from typing import Any

from botocore.model import OperationNotFoundError
from moto.core.common_types import TYPE_RESPONSE
from moto.core.exceptions import ServiceException
from moto.core.request import Request
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from sagemaker_local.batch_transform import TRANSFORM_JOB
from sagemaker_local.exceptions import SageMakerError, SerializationError, UnsupportedError
from sagemaker_local.hosting import ENDPOINT, ENDPOINT_CONFIG
from sagemaker_local.invocations import error_answer
from sagemaker_local.models import LocalSageMakerBackend
from sagemaker_local.processing import PROCESSING_JOB
from sagemaker_local.request_validation import validate
from sagemaker_local.resources import Kind
from sagemaker_local.search import search_page
from sagemaker_local.served_models import MODEL
from sagemaker_local.state_lock import STATE_LOCK
from sagemaker_local.training import TRAINING_JOB

log = logging.getLogger(__name__)

_Handler = Callable[[LocalSageMakerBackend, dict[str, Any]], Any]
_STOPPABLE = (PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB)
# What would have to run, and does not: moto would answer that it has.
_RUNS = re.compile(r"Start\w+|Create\w*Job(V\d)?|Create(Cluster|NotebookInstance)")
_LIST_MEMBERS = {
    MODEL: "Models",
    ENDPOINT_CONFIG: "EndpointConfigs",
    ENDPOINT: "Endpoints",
    PROCESSING_JOB: "ProcessingJobSummaries",
    TRAINING_JOB: "TrainingJobSummaries",
    TRANSFORM_JOB: "TransformJobSummaries",
}


class LocalSageMakerResponse(SageMakerResponse):
    """One control-plane request. Operations that are not the embedded service's own stay moto's."""

    def _dispatch(self, request: Request, full_url: str | None = None, headers: Any = None) -> TYPE_RESPONSE:
        self.automated_parameter_parsing = False  # after validation, by moto's own operations only
        try:
            self.setup_class(request, full_url, headers)
            return self._answer(request)
        except UnicodeDecodeError as error:
            return self._error_response(SerializationError(f"The request body is not UTF-8: {error}"))
        except ServiceException as error:
            return self._error_response(error)
        except Exception:
            log.exception("%s could not be answered", request.headers.get("X-Amz-Target"))
            return self._error_response(SageMakerError("InternalFailure", "An internal error occurred."), 500)

    def _answer(self, request: Request) -> TYPE_RESPONSE:
        action = str(self._get_action() or "")
        shape = _input_shape(action)
        parameters = self._parameters()
        validate(parameters, shape)
        handler = _HANDLERS.get(action)
        if handler is not None:
            with STATE_LOCK:
                return self.serialized(ActionResult(handler(self._backend, parameters)))
        if _RUNS.fullmatch(action) or not hasattr(self, camelcase_to_underscores(action)):
            raise UnsupportedError(f"sagemaker_local does not carry out {action}.")
        self.automated_parameter_parsing = True
        self.parse_parameters(request)
        return self.call_action()

    @property
    def _backend(self) -> LocalSageMakerBackend:
        backend = sagemaker_backends[self.current_account][self.region]
        if not isinstance(backend, LocalSageMakerBackend):
            raise TypeError(f"the backend of {self.region} was made before the embedded service was installed")
        return backend

    def _parameters(self) -> dict[str, Any]:
        try:
            parameters = json.loads(self.body or "{}")
        except ValueError as error:
            raise SerializationError(f"The request body is not valid JSON: {error}") from error
        if not isinstance(parameters, dict):
            raise SerializationError("The request body is not a JSON object.")
        return parameters

    def _error_response(self, error: ServiceException, status: int = 400) -> TYPE_RESPONSE:
        answer = error_answer(status, error.code, error.message)
        return status, {**dict(answer.headers), "status": str(status)}, answer.body.decode()


def _input_shape(action: str) -> Any:
    try:
        return get_service_model("sagemaker").operation_model(action).input_shape
    except OperationNotFoundError:
        raise SageMakerError("UnknownOperationException", f"There is no operation {action!r}.") from None


def _list_answer(kind: Kind) -> _Handler:
    def answer(backend: LocalSageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
        page, token = backend.summaries(kind, request)
        return {_LIST_MEMBERS[kind]: page, "NextToken": token}

    return answer


def _list_tags(backend: LocalSageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    paging = {name: request.get(name) for name in ("MaxResults", "NextToken")}
    tags, token = backend.list_tags(arn=request["ResourceArn"], **paging)
    return {"Tags": tags, "NextToken": token}


def _search(backend: LocalSageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    noun = request["Resource"]
    kind = next((kind for kind in (TRAINING_JOB, ENDPOINT) if kind.noun == noun), None)
    if kind is None:
        found: dict[str, Any] = backend.search(noun, request.get("SearchExpression"))
        return found
    members = get_service_model("sagemaker").shape_for(noun).members
    records, token = search_page([item for item in backend.resources if item.kind is kind], request, members)
    return {"Results": [{noun: record} for record in records], "NextToken": token}


def _bound(method: Callable[..., Any], kind: Kind) -> _Handler:
    return lambda backend, request: method(backend, kind, request)


_HANDLERS: dict[str, _Handler] = {
    "CreateProcessingJob": LocalSageMakerBackend.start_processing_job,
    "CreateTrainingJob": LocalSageMakerBackend.start_training_job,
    "CreateTransformJob": LocalSageMakerBackend.start_transform_job,
    "CreateModel": LocalSageMakerBackend.keep_model,
    "CreateEndpointConfig": LocalSageMakerBackend.keep_endpoint_config,
    "CreateEndpoint": LocalSageMakerBackend.deploy_endpoint,
    "UpdateEndpoint": LocalSageMakerBackend.redeploy_endpoint,
    "UpdateEndpointWeightsAndCapacities": LocalSageMakerBackend.reweight_endpoint,
    "DeleteEndpoint": LocalSageMakerBackend.remove_endpoint,
    "AddTags": lambda backend, request: {"Tags": backend.add_tags(request["ResourceArn"], request["Tags"])},
    "DeleteTags": lambda backend, request: backend.delete_tags(request["ResourceArn"], request["TagKeys"]),
    "ListTags": _list_tags,
    "Search": _search,
    # Nothing here watches endpoints; the SDK asks before it deletes one.
    "ListMonitoringSchedules": lambda _backend, _request: {"MonitoringScheduleSummaries": []},
    **{f"Describe{kind.noun}": _bound(LocalSageMakerBackend.describe, kind) for kind in _LIST_MEMBERS},
    **{f"List{kind.noun}s": _list_answer(kind) for kind in _LIST_MEMBERS},
    **{f"Stop{kind.noun}": _bound(LocalSageMakerBackend.stop, kind) for kind in _STOPPABLE},
    **{f"Delete{kind.noun}": _bound(LocalSageMakerBackend.delete_job, kind) for kind in (PROCESSING_JOB, TRAINING_JOB)},
    **{f"Delete{kind.noun}": _bound(LocalSageMakerBackend.delete, kind) for kind in (MODEL, ENDPOINT_CONFIG)},
}

OWN_OPERATIONS = frozenset(_HANDLERS)
