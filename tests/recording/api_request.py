"""A signed AWS request, as far as the question who may do what is interested in it."""

import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from moto.iam.models import get_account_id_from
from moto.utilities.utils import get_partition

_CREDENTIAL = re.compile(r"Credential=(?P<access_key>[^/,\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/")
_INVOCATION = re.compile(r"/endpoints/(?P<endpoint>[^/]+)/invocations")


@dataclass(frozen=True)
class ApiRequest:
    """One request; `service` is the name in its signature."""

    service: str
    access_key: str
    account_id: str
    region_name: str
    environ: Mapping[str, Any]
    body: bytes

    @classmethod
    def from_wsgi(cls, environ: Mapping[str, Any], body: bytes) -> Self | None:
        """Return the request, or None for one that is not signed in its headers."""
        match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        if match is None:
            return None
        account_id = get_account_id_from(match["access_key"])
        return cls(match["service"], match["access_key"], account_id, match["region"], environ, body)

    @property
    def operation(self) -> str:
        """The operation's name; method and path where the wire has no name for it."""
        if target := self.header("X-Amz-Target"):
            return target.rpartition(".")[2]
        if self.invoked_endpoint:
            return "InvokeEndpoint"
        return self.form.get("Action") or f"{self.method} {self.path}"

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self.environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        """The path, decoded; WSGI hands its bytes over as Latin-1."""
        return str(self.environ["PATH_INFO"]).encode("latin-1").decode("utf-8", errors="replace")

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query string."""
        return dict(urllib.parse.parse_qsl(str(self.environ.get("QUERY_STRING", "")), keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The parameters of services that speak AWS's query protocol."""
        if not str(self.environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(urllib.parse.parse_qsl(self.body.decode("utf-8", errors="replace")))

    @property
    def parameters(self) -> dict[str, Any]:
        """The members of a JSON request; none where the body is no JSON object."""
        try:
            parameters = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return parameters if isinstance(parameters, dict) else {}

    @property
    def invoked_endpoint(self) -> str | None:
        """The endpoint of an InvokeEndpoint call."""
        match = _INVOCATION.fullmatch(self.path)
        return match["endpoint"] if match else None

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        value = self.environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        return None if value is None else str(value)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in the request's account and region."""
        return f"arn:{get_partition(self.region_name)}:{service}:{self.region_name}:{self.account_id}:{resource}"
