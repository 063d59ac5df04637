"""The process: moto's server with the embedded SageMaker in it, and everything it starts ended with it."""

import ipaddress
import json
import logging
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sagemaker.models import sagemaker_backends
from werkzeug.serving import BaseWSGIServer, make_server

from sagemaker_local import moto_patches
from sagemaker_local.faults import REFUSALS
from sagemaker_local.hosting import Endpoint
from sagemaker_local.http_handler import KeepAliveRequestHandler
from sagemaker_local.invocations import Answer, error_answer, invoke, respond
from sagemaker_local.object_store import ObjectStore
from sagemaker_local.resource_page import resource_page
from sagemaker_local.same_origin import SameOriginOnly
from sagemaker_local.service import Service
from sagemaker_local.settings import Settings
from sagemaker_local.state_lock import STATE_LOCK

log = logging.getLogger(__name__)

_RUNTIME = re.compile(r"/endpoints/(?P<endpoint>[^/]+)/(?P<call>[a-z-]*invocations[a-z-]*)")
_FAULTS = "/sagemaker-local/faults"


class Application:
    """Endpoint invocations go straight to their predictor; everything else to moto, one request at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request (WSGI); raises ConnectionAbortedError to close the connection without an answer."""
        path = environ["PATH_INFO"]
        if path == _FAULTS:
            return respond(self._control(environ), start_response)
        if page := resource_page(environ):
            return respond(page, start_response)
        action = "InvokeEndpoint" if _RUNTIME.fullmatch(path) else _sagemaker_action(environ)
        faults, subject = self._service.faults, _subject(environ, action)
        if faults.take("drop_connection", action, subject):
            raise ConnectionAbortedError(f"{action} was dropped on demand")
        for fault, refusal in REFUSALS.items():
            if faults.take(fault, action, subject):
                return respond(error_answer(*refusal), start_response)
        answer = self._answer(action, environ, start_response)
        if faults.take("lose_response", action, subject):
            raise ConnectionAbortedError(f"the response of {action} was lost on demand")
        return respond(answer, start_response) if isinstance(answer, Answer) else answer

    def _control(self, environ: dict[str, Any]) -> Answer:
        try:
            planned = self._service.faults.control(environ["REQUEST_METHOD"], environ["wsgi.input"].read())
        except ValueError as error:
            return error_answer(400, "ValidationException", str(error))
        return Answer(200, json.dumps(planned).encode(), [("Content-Type", "application/json")])

    def _runtime(self, environ: dict[str, Any]) -> Answer:
        environ["sagemaker_local.received"] = time.perf_counter()
        match = _RUNTIME.fullmatch(environ["PATH_INFO"])
        if match is None or match["call"] != "invocations":
            return error_answer(
                400,
                "UnsupportedOperationException",
                "sagemaker_local answers InvokeEndpoint only: no async, no streams.",
            )
        body = environ["wsgi.input"].read()
        return invoke(match["endpoint"], environ, body, self._service.settings.invocation_payload_bytes)

    def _moto_answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/moto-api/reset":
            self._service.jobs.end_all()  # outside of the lock, which their last steps need
        with STATE_LOCK:
            if "/monitoring/" in environ.get("HTTP_AUTHORIZATION", ""):
                _publish_metrics()
            return [b"".join(self._moto(environ, start_response))]

    def _answer(self, action: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes] | Answer:
        try:
            if action == "InvokeEndpoint":
                return self._runtime(environ)
            return self._moto_answer(environ, start_response)
        except NotImplementedError as error:
            return error_answer(501, "NotImplemented", str(error))
        except Exception:
            log.exception("%s %s could not be answered", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return error_answer(500, "InternalFailure", "An internal error occurred.")


class Server:
    """The embedded service on one address."""

    def __init__(
        self,
        host: str,
        port: int,
        settings: Settings,
        data_directory: Path | None = None,
        wrap: Callable[[Any], Any] = lambda application: application,  # puts another WSGI application in front
        host_names: Iterable[str] = (),  # under which it answers, besides loopback's and the address it listens at
    ) -> None:
        # Bound here: werkzeug would end the process where the port is taken.
        listening = socket.create_server((host, port), backlog=512)
        self._address = _reachable(listening.getsockname()[0])
        if data_directory is not None:
            data_directory.mkdir(parents=True, exist_ok=True)
        self._directory = Path(tempfile.mkdtemp(prefix="sagemaker_local_", dir=data_directory))
        self._service = Service(settings, self._directory)
        moto_patches.install(self._service)
        self._http: BaseWSGIServer = make_server(
            host,
            port,
            SameOriginOnly(wrap(Application(self._service)), [self._address, *host_names]),
            True,
            request_handler=KeepAliveRequestHandler,
            fd=listening.fileno(),
        )
        listening.close()  # werkzeug has a duplicate
        os.environ["SAGEMAKER_LOCAL_ENDPOINT_URL"] = self.url

    @property
    def url(self) -> str:
        """The address at which the service answers."""
        return f"http://{self._address}:{self._http.port}"

    def fill_buckets(self, folder: Path) -> None:
        """Make each folder in a folder a bucket that holds the files below it."""
        store = ObjectStore(DEFAULT_ACCOUNT_ID, "us-east-1")
        for directory in sorted(path for path in folder.iterdir() if path.is_dir()):
            store.create_bucket(directory.name)
            store.upload_directory(directory, f"s3://{directory.name}")

    def serve_forever(self) -> None:
        """Answer requests until `stop` is called in another thread."""
        self._http.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """Close the port, end the jobs, and remove the temporary folder."""
        self._http.shutdown()
        self._http.server_close()
        self._service.jobs.end_all()
        shutil.rmtree(self._directory, ignore_errors=True)


def _reachable(address: str) -> str:
    """Return the address that programs of this machine send requests to, jobs included."""
    return "127.0.0.1" if ipaddress.ip_address(address).is_unspecified else address


def _sagemaker_action(environ: dict[str, Any]) -> str:
    service, _, action = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
    return str(action) if service == "SageMaker" else ""


def _subject(environ: dict[str, Any], action: str) -> str:
    """The text of a request that says what it is about; payloads of invocations are not looked into."""
    if action == "InvokeEndpoint":
        return str(environ["PATH_INFO"])
    return environ["wsgi.input"].getvalue().decode(errors="replace") if action else ""


def _publish_metrics() -> None:
    for _, _, backend in sagemaker_backends.iter_backends():
        for endpoint in getattr(backend, "endpoints", {}).values():
            if isinstance(endpoint, Endpoint):
                endpoint.publish_metrics()
