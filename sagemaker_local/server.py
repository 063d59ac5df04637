"""The process: moto's server with the embedded SageMaker in it, and everything it starts ended with it."""

import logging
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import moto.sagemaker.models as moto_sagemaker
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from sagemaker_local.http_handler import KeepAliveRequestHandler
from sagemaker_local.invocations import Answer, invoke, respond
from sagemaker_local.models import LocalSageMakerBackend
from sagemaker_local.service import Service
from sagemaker_local.settings import Settings
from sagemaker_local.state_lock import STATE_LOCK

log = logging.getLogger(__name__)

_INVOCATIONS = re.compile(r"/endpoints/(?P<endpoint>[^/]+)/invocations")


class Application:
    """Endpoint invocations go straight to their predictor; everything else to moto, one request at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        invocation = _INVOCATIONS.fullmatch(environ["PATH_INFO"])
        if invocation and environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read()
            limit = self._service.settings.invocation_payload_bytes
            return respond(invoke(invocation["endpoint"], environ, body, limit), start_response)
        return self._moto_answer(environ, start_response)

    def _moto_answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            with STATE_LOCK:
                return [b"".join(self._moto(environ, start_response))]
        except NotImplementedError as error:
            return respond(_plain_error(501, "NotImplemented", str(error)), start_response)
        except Exception:
            log.exception("%s %s could not be answered", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return respond(_plain_error(500, "InternalFailure", "An internal error occurred."), start_response)


class Server:
    """The embedded service on one address."""

    def __init__(self, host: str, port: int, settings: Settings, data_directory: Path | None = None) -> None:
        # Bound here: werkzeug would end the process where the port is taken.
        listening = socket.create_server((host, port), backlog=512)
        if data_directory is not None:
            data_directory.mkdir(parents=True, exist_ok=True)
        self._directory = Path(tempfile.mkdtemp(prefix="sagemaker_local_", dir=data_directory))
        self._service = Service(settings, self._directory)
        _install(self._service)
        self._http: BaseWSGIServer = make_server(
            host, port, Application(self._service), True, request_handler=KeepAliveRequestHandler, fd=listening.fileno()
        )
        listening.close()  # werkzeug has a duplicate
        os.environ["SAGEMAKER_LOCAL_ENDPOINT_URL"] = self.url

    @property
    def url(self) -> str:
        """The address at which the service answers."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    def serve_forever(self) -> None:
        """Answer requests until `stop` is called in another thread."""
        self._http.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """End the jobs, close the port, and remove the temporary folder."""
        self._service.jobs.end_all()
        self._http.shutdown()
        self._http.server_close()
        shutil.rmtree(self._directory, ignore_errors=True)


def _install(service: Service) -> None:
    LocalSageMakerBackend.service = service
    # Before first access: moto makes one backend per account and region when it is asked for.
    moto_sagemaker.sagemaker_backends.backend = LocalSageMakerBackend


def _plain_error(status: int, code: str, message: str) -> Answer:
    headers = [("Content-Type", "application/json"), ("x-amzn-errortype", code)]
    return Answer(status, f'{{"__type": "{code}", "message": "{message}"}}'.encode(), headers)
