"""Keeps web pages out of the embedded service, whose callers may run any code on this machine.

Listening on 127.0.0.1 keeps other machines out, not the pages that a browser of this machine shows. A page of any site
can send requests here, with an entry point of its own for a processing job among them: by a form or a script (the
browser then names the page's site in `Origin`, or says in `Sec-Fetch-Site` that it is another), or under a name of its
own that it lets resolve to 127.0.0.1 after it has loaded (`Host` then is that name). Programs send neither `Origin` nor
`Sec-Fetch-Site`.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from sagemaker_local.invocations import Answer, error_answer, respond
from sagemaker_local.resource_page import is_resource_page

_HOST = re.compile(r"(\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(:\d+)?")


class SameOriginOnly:
    """A WSGI application that answers programs and pages of its own, and refuses the pages of other sites."""

    def __init__(self, application: Callable[..., Iterable[bytes]], host_names: Iterable[str] = ()) -> None:
        self._application = application
        self._host_names = frozenset(name.lower() for name in host_names)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        if reason := self._refusal(environ):
            return respond(_forbidden(environ, reason), start_response)

        def start_without_cors(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            # moto would let every site read every answer, and so would a bucket's own CORS rules.
            kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
            return start_response(status, kept, exc_info)

        return self._application(environ, start_without_cors)

    def _refusal(self, environ: Mapping[str, Any]) -> str:
        """Say why a request is refused; an empty text where it is not."""
        host = environ.get("HTTP_HOST", "").lower()
        name = _name(host)
        if not (name in self._host_names or _is_loopback(name)):
            return (
                f"Host: {host or '(none)'} is not a name of this service, and a web page can let any name lead here. "
                "Use 127.0.0.1, localhost or a name under .localhost; if the name is yours, start sagemaker_local with "
                f"--allow-host {name or 'NAME'}."
            )
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.lower() != f"http://{host}":
            return (
                f"Origin: {origin} is not allowed: web pages of other sites may not call this service, whose own pages "
                f"have the origin http://{host}. Send the request from a program, without Origin."
            )
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")  # "none" is a person's typing, and no header a program's call
        if site not in ("same-origin", "none") and not _follows_a_link(environ):
            return (
                f"Sec-Fetch-Site: {site} is not allowed: web pages of other sites may not call this service, only "
                "same-origin and none. Links to its pages (/sagemaker-local/ and /sagemaker-local/KIND/NAME) can be "
                "followed; open anything else by its address, or send the request from a program."
            )
        return ""


def _name(host: str) -> str:
    match = _HOST.fullmatch(host)
    return (match["ipv6"] or match["name"]) if match else ""


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):  # bucket.localhost: botocore's virtual-hosted S3
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _follows_a_link(environ: Mapping[str, Any]) -> bool:
    """Whether a person goes from another site's page, such as Airflow's, to a read-only one."""
    is_navigation = environ["REQUEST_METHOD"] == "GET" and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
    return is_navigation and is_resource_page(environ["PATH_INFO"])


def _forbidden(environ: Mapping[str, Any], message: str) -> Answer:
    """Return the error in the form of the protocol that is spoken: JSON, or XML as S3, IAM and STS do."""
    if "HTTP_X_AMZ_TARGET" in environ or environ["PATH_INFO"].startswith("/endpoints/"):
        return error_answer(403, "AccessDeniedException", message)
    error = f"<Error><Code>AccessDenied</Code><Message>{escape(message)}</Message></Error>"
    body = f'<?xml version="1.0" encoding="UTF-8"?><ErrorResponse>{error}</ErrorResponse>'
    return Answer(403, body.encode(), [("Content-Type", "application/xml")])
