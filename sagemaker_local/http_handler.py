"""HTTP/1.1 with keep-alive in front of moto's application; werkzeug's own handler closes after every answer."""

import io
import socket
import sys
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

_MAX_LINE_BYTES = 65_536


class KeepAliveRequestHandler(MotoRequestHandler):
    """Reads each request's body whole and keeps the connection open for the next one."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write per answer instead of one per header
    timeout = 120

    def setup(self) -> None:
        """Send small answers at once."""
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        super().setup()

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        try:
            body = self._read_body(environ)
        except (ValueError, OSError) as error:  # no number in Content-Length, or broken chunks
            self.close_connection = True
            self.log_error("%s %s: %s", self.command, self.path, error)
            return
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        try:
            chunks = self.server.app(environ, self._start_response)
            content = chunks[0] if isinstance(chunks, list) and len(chunks) == 1 else b"".join(chunks)
            self._send(content)
            self.wfile.flush()
        except (TimeoutError, ConnectionError) as error:
            self.close_connection = True
            self.connection_dropped(error, environ)

    def _read_body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):
            content: bytes = environ["wsgi.input"].read()
            return content
        return self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self._status, self._headers = status, headers
        return self._refuse_write

    @staticmethod
    def _refuse_write(_: bytes) -> None:
        raise NotImplementedError("moto's application returns its answers, it does not write() them")

    def _send(self, content: bytes) -> None:
        code, _, reason = self._status.partition(" ")
        self.send_response(int(code), reason)
        names = set()
        for name, value in self._headers:
            self.send_header(name, value)
            names.add(name.lower())
        if "content-length" not in names and code not in ("204", "304") and self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing per request: a poll every second would drown what matters."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Say what went wrong with a connection."""
        sys.stderr.write(f"{self.address_string()}: {format % args}\n")
