"""What the embedded service shows of a resource in a browser: the console's part, as far as a link needs one.

`GET /sagemaker-local/training_job/NAME?region=us-east-1` answers with the description and the last lines of the log.
"""

import json
import re
from typing import Any, cast
from urllib.parse import parse_qs, unquote

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends
from moto.sagemaker.models import sagemaker_backends

from sagemaker_local.exceptions import SageMakerError
from sagemaker_local.hosting import Endpoint
from sagemaker_local.invocations import Answer, error_answer
from sagemaker_local.job import Job
from sagemaker_local.models import KINDS, LocalSageMakerBackend
from sagemaker_local.resources import now
from sagemaker_local.state_lock import STATE_LOCK

_PATH = re.compile(r"/sagemaker-local/(?P<operation>[a-z]+(_[a-z]+)*)/(?P<name>[^/]+)")
# "TrainingJob" is the noun of CreateTrainingJob; boto3 spells it training_job.
_KINDS = {re.sub(r"(?<!^)(?=[A-Z])", "_", kind.noun).lower(): kind for kind in KINDS}
_LOG_LINES = 200
# Links outlive the service: those of yesterday's runs lead to today's.
_FORGETS = f"This service began at {now():%Y-%m-%d %H:%M:%S} UTC and knows nothing of what an earlier one had."


def is_resource_page(path: str) -> bool:
    """Whether a path is that of a resource's page, which reads and changes nothing."""
    match = _PATH.fullmatch(path)
    return match is not None and match["operation"] in _KINDS


def resource_page(environ: dict[str, Any]) -> Answer | None:
    """Answer a request for a resource's page; None for any other request."""
    match = _PATH.fullmatch(environ["PATH_INFO"])
    kind = _KINDS.get(match["operation"]) if match else None
    if match is None or kind is None:
        return None
    region = parse_qs(environ.get("QUERY_STRING", "")).get("region", ["us-east-1"])[0]
    with STATE_LOCK:
        try:
            backend = cast("LocalSageMakerBackend", sagemaker_backends[DEFAULT_ACCOUNT_ID][region])
            resource = backend.get(kind, {kind.name_field: unquote(match["name"])})
        except SageMakerError as error:
            return error_answer(404, "ResourceNotFound", f"{error.message} {_FORGETS}")
        document = {"description": resource.describe(), "tags": resource.tags, "log": _last_lines(resource, region)}
    return Answer(200, json.dumps(document, indent=2, default=str).encode(), [("Content-Type", "application/json")])


def _last_lines(resource: Any, region: str) -> list[str]:
    if isinstance(resource, Job):
        group, prefix = resource.log_group, f"{resource.name}/"
    elif isinstance(resource, Endpoint):
        group, prefix = f"/aws/sagemaker/Endpoints/{resource.name}", ""
    else:
        return []
    groups = logs_backends[DEFAULT_ACCOUNT_ID][region].groups
    streams = groups[group].streams.values() if group in groups else ()
    events = [event for stream in streams if stream.log_stream_name.startswith(prefix) for event in stream.events]
    return [event.message for event in sorted(events, key=lambda event: event.timestamp)[-_LOG_LINES:]]
