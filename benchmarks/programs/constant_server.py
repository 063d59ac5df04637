"""A bare WSGI server that answers every request with the same bytes: `... constant_server ANSWER_BYTES`.

It reads the request's body and keeps connections open, as the embedded service does, and does nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.serving import make_server

from sagemaker_local.http_handler import KeepAliveRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def main(answer: bytes) -> None:
    """Serve on a free port until the process is ended."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=KeepAliveRequestHandler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(bytes(int(sys.argv[1])))
