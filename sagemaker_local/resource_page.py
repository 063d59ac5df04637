"""What the embedded service shows of its resources in a browser: the console's part, as far as links need one.

`/sagemaker-local/` lists what there is, and so does `/` for a browser, where a client of S3 asks for its buckets.
`/sagemaker-local/training_job/NAME?region=us-east-1` is one resource, and JSON for programs or with `format=json`;
`.../NAME/log` is its whole log, and text for programs or with `format=text`.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, quote, unquote, urlencode

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sagemaker.models import sagemaker_backends

from sagemaker_local import resource_view
from sagemaker_local.exceptions import SageMakerError
from sagemaker_local.hosting import Endpoint
from sagemaker_local.html_page import document_answer, page_answer
from sagemaker_local.invocations import Answer, error_answer
from sagemaker_local.job import Job
from sagemaker_local.lineage import Lineage, s3_locations
from sagemaker_local.models import KINDS, LocalSageMakerBackend
from sagemaker_local.object_page import object_address, object_page
from sagemaker_local.resources import Kind, Resource, now
from sagemaker_local.state_lock import STATE_LOCK

_START = re.compile(r"/sagemaker-local/?")
_OBJECTS = "/sagemaker-local/s3"
_PATH = re.compile(r"/sagemaker-local/(?P<operation>[a-z]+(_[a-z]+)*)/(?P<name>[^/]+)(?P<log>/log)?")
# "TrainingJob" is the noun of CreateTrainingJob; boto3 spells it training_job.
_OPERATIONS = {kind.noun: re.sub(r"(?<!^)(?=[A-Z])", "_", kind.noun).lower() for kind in KINDS}
_KINDS = {_OPERATIONS[kind.noun]: kind for kind in KINDS}
_LOG_LINES = 200
_EVERY_REGION = "aws"  # moto keeps S3 by partition
# Links outlive the service: those of yesterday's runs lead to today's.
_BEGAN = f"This service began at {now():%Y-%m-%d %H:%M:%S} UTC and knows nothing of what an earlier one had."


class LogLine(NamedTuple):
    """One line of a container: when (ISO 8601) and where it was written."""

    time: str
    stream: str
    message: str

    @property
    def host(self) -> str:
        """The host of a job or the variant of an endpoint that the stream is of."""
        return re.sub(r"(-\d+|/i-[0-9a-f]+)$", "", self.stream)


def is_resource_page(path: str) -> bool:
    """Whether a path is that of a page that links from elsewhere lead to; it reads and changes nothing."""
    match = _PATH.fullmatch(path)
    return _START.fullmatch(path) is not None or (match is not None and match["operation"] in _KINDS)


def resource_page(environ: Mapping[str, Any]) -> Answer | None:
    """Answer a request for a page; None for any other request."""
    if "HTTP_AUTHORIZATION" in environ:  # a client of S3, whose bucket may have this name
        return None
    path, query = environ["PATH_INFO"], parse_qs(environ.get("QUERY_STRING", ""))
    region = query.get("region", ["us-east-1"])[0]
    accepts_html = "text/html" in environ.get("HTTP_ACCEPT", "")
    if _START.fullmatch(path) or (path == "/" and accepts_html and environ.get("REQUEST_METHOD") == "GET"):
        return _start_page(environ.get("HTTP_HOST", ""))
    if path == _OBJECTS:
        return object_page(query.get("uri", [""])[0], region)
    match = _PATH.fullmatch(path)
    kind = _KINDS.get(match["operation"]) if match else None
    if match is None or kind is None:
        return None
    for_people = "format" not in query and accepts_html
    name, is_log = unquote(match["name"]), bool(match["log"])
    with STATE_LOCK:
        try:
            backend = _backend(region)
            resource = backend.get(kind, {kind.name_field: name})
        except SageMakerError as error:
            return _missing(kind, name, error.message, for_people)
        shown = _log_page(resource) if is_log else _resource_page(resource, backend)
    if for_people:
        return page_answer(200, "log.html" if is_log else "resource.html", **shown)
    if is_log:
        text = "".join(f"{line.time} {line.stream} {line.message}\n" for line in shown["lines"])
        return document_answer(text.encode(), "text/plain; charset=utf-8")
    log = [line.message for line in shown["lines"]]
    document = {"description": shown["description"], "tags": shown["tags"], "log": log}
    return document_answer(json.dumps(document, indent=2, default=str).encode(), "application/json")


def _missing(kind: Kind, name: str, message: str, for_people: bool) -> Answer:
    if for_people:
        shown = {"kind_words": resource_view.kind_words(kind), "name": name, "message": message, "began": _BEGAN}
        return page_answer(404, "missing.html", **shown)
    return error_answer(404, "ResourceNotFound", f"{message} {_BEGAN}")


def _backend(region: str) -> LocalSageMakerBackend:
    try:
        return cast("LocalSageMakerBackend", sagemaker_backends[DEFAULT_ACCOUNT_ID][region])
    except KeyError:
        raise SageMakerError("ValidationException", f"{region} is no region of AWS.") from None


def _start_page(host: str) -> Answer:
    with STATE_LOCK:
        backends = [cast("LocalSageMakerBackend", found) for found in sagemaker_backends[DEFAULT_ACCOUNT_ID].values()]
        resources = [resource for backend in backends for resource in backend.resources]
        newest = sorted(resources, key=lambda resource: resource.description["CreationTime"], reverse=True)
        rows = [{"kind": resource.kind.noun, **_row(resource)} for resource in newest]
        buckets = sorted(s3_backends[DEFAULT_ACCOUNT_ID][_EVERY_REGION].buckets)
    groups = {
        "Jobs": [row for row in rows if row["kind"].endswith("Job")],
        "Endpoints": [row for row in rows if row["kind"] == "Endpoint"],
        "Models": [row for row in rows if row["kind"] == "Model"],
        "Endpoint configurations": [row for row in rows if row["kind"] == "EndpointConfig"],
    }
    is_changing = any(row["state"].is_changing for row in rows)
    return page_answer(
        200,
        "start.html",
        groups=groups,
        buckets=[(name, object_address(f"s3://{name}/", "us-east-1")) for name in buckets],
        faults=LocalSageMakerBackend.service.faults.control("GET", b"")["faults"],
        is_changing=is_changing,
        began=_BEGAN,
        host=host,
    )


def _resource_page(resource: Resource, backend: LocalSageMakerBackend) -> dict[str, Any]:
    description, lines, lineage = resource.describe(), _log(resource), Lineage(backend.resources)
    locations = [(place, object_address(place.uri, resource.region_name)) for place in s3_locations(description)]
    return _row(resource) | {
        "description": description,
        "tags": list(resource.tags),
        "facts": list(resource_view.facts(resource)),
        "related": {
            "Made from": [_row(other) for other in lineage.upstream(resource)],
            "Used by": [_row(other) for other in lineage.downstream(resource)],
        },
        "stages": resource_view.stages(description),
        "lines": lines[-_LOG_LINES:],
        "line_count": len(lines),
        "locations": sorted(locations, key=lambda found: found[0].is_output),
        "tables": {
            "Container": resource_view.container(description),
            "Hyperparameters": resource_view.owners_values(description, "HyperParameters"),
            "Environment": resource_view.owners_values(description, "Environment"),
            "Tags": [(tag["Key"], tag["Value"]) for tag in resource.tags],
        },
        "variants": resource_view.variants(description),
        "members": list(resource_view.every_member(description)),
    }


def _log_page(resource: Resource) -> dict[str, Any]:
    lines = _log(resource)
    streams: dict[str, list[LogLine]] = {}
    # By name, as CloudWatch lists them: which host wrote first is chance.
    for line in sorted(lines, key=lambda line: line.stream):
        streams.setdefault(line.stream, []).append(line)
    return _row(resource) | {"lines": lines, "streams": streams}


def _row(resource: Resource) -> dict[str, Any]:
    """Return what every page shows of a resource."""
    path = f"/sagemaker-local/{_OPERATIONS[resource.kind.noun]}/{quote(resource.name)}"
    query = urlencode({"region": resource.region_name})
    return {
        "name": resource.name,
        "kind_words": resource_view.kind_words(resource.kind),
        "region": resource.region_name,
        "state": resource_view.state_of(resource),
        "created": resource_view.moment_text(resource.description["CreationTime"]),
        "took": dict(resource_view.facts(resource)).get("Ran", ""),
        "reason": resource.description.get("FailureReason", ""),
        "exit_message": resource.description.get("ExitMessage", ""),
        "log_group": _log_group(resource),
        "address": f"{path}?{query}",
        "log_address": f"{path}/log?{query}",
    }


def _log_group(resource: Resource) -> str:
    if isinstance(resource, Job):
        return resource.log_group
    return f"/aws/sagemaker/Endpoints/{resource.name}" if isinstance(resource, Endpoint) else ""


def _log(resource: Resource) -> list[LogLine]:
    """Return the lines of all of a resource's containers, oldest first."""
    groups = logs_backends[resource.account_id][resource.region_name].groups
    group = _log_group(resource)
    prefix = f"{resource.name}/" if isinstance(resource, Job) else ""
    streams = groups[group].streams.values() if group in groups else ()
    events = [
        (event.timestamp, stream.log_stream_name.removeprefix(prefix), event.message)
        for stream in streams
        if stream.log_stream_name.startswith(prefix)
        for event in stream.events
    ]
    events.sort(key=lambda event: event[0])
    return [LogLine(_timestamp(milliseconds), stream, message) for milliseconds, stream, message in events]


def _timestamp(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"
