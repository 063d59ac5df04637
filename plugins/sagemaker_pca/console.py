"""Where a person looks at a resource: its page in the AWS console, or in the embedded service when that is the backend.

Pure. The console's addresses are no documented interface; they are the ones that its own pages link to.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from sagemaker_pca.resource_kinds import ResourceKind

CONSOLE_DOMAINS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


class Console(NamedTuple):
    """The console of a connection; `endpoint_url` is set where the connection names a backend of its own."""

    region: str
    partition: str
    endpoint_url: str | None = None

    def resource_url(self, kind: ResourceKind, name: str) -> str:
        """Page of a resource."""
        if self.endpoint_url is not None:
            return self._embedded_page(kind, name)
        return f"{self._home('sagemaker')}#/{kind.console_page}/{name}"

    def log_url(self, kind: ResourceKind, name: str) -> str:
        """Log streams of a job's or endpoint's containers."""
        if self.endpoint_url is not None:
            return self._embedded_page(kind, f"{name}/log")
        group = kind.log_group_of(name)
        # CloudWatch's console escapes twice, and writes the second % as $.
        escaped = quote(quote(group, safe=""), safe="").replace("%", "$")
        stream_filter = "" if kind.log_group != group else f"$3FlogStreamNameFilter$3D{name}$252F"
        return f"{self._home('cloudwatch')}#logsV2:log-groups/log-group/{escaped}{stream_filter}"

    def _embedded_page(self, kind: ResourceKind, path: str) -> str:
        return f"{self.endpoint_url}/sagemaker-local/{kind.operation}/{path}?region={self.region}"

    def _home(self, service: str) -> str:
        domain = CONSOLE_DOMAINS.get(self.partition, CONSOLE_DOMAINS["aws"])
        return f"https://{self.region}.{domain}/{service}/home?region={self.region}"
