"""What AWS asks IAM before it serves a call: actions, resources and condition keys.

Source: the service authorization reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import re
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree import ElementTree

from moto.sagemaker.models import sagemaker_backends

from sagemaker_local.exceptions import SageMakerError
from sagemaker_local.models import KINDS
from sagemaker_local.state_lock import STATE_LOCK
from tests.recording.api_request import ApiRequest
from tests.recording.call_log import Authorization, ConditionKeys, s3_arn

# Names in signatures that are not the prefix of the service's actions.
_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
_VERB = re.compile(r"Create|Describe|Update|Stop|Delete")
# Condition key: request member, at whatever depth.
_SAGEMAKER_CONDITIONS = {
    "sagemaker:InstanceTypes": "InstanceType",
    "sagemaker:VolumeKmsKey": "VolumeKmsKeyId",
    "sagemaker:VpcSubnets": "Subnets",
    "sagemaker:VpcSecurityGroupIds": "SecurityGroupIds",
}
# Calls on a bucket and on an object, by method and subresource; the parts of an upload are PutObject like the whole.
_BUCKET_ACTIONS = {
    ("GET", "location"): "GetBucketLocation",
    ("GET", "versions"): "ListBucketVersions",
    ("GET", "uploads"): "ListBucketMultipartUploads",
    ("GET", ""): "ListBucket",
    ("HEAD", ""): "ListBucket",
    ("PUT", ""): "CreateBucket",
    ("DELETE", ""): "DeleteBucket",
}
_OBJECT_ACTIONS = {
    ("GET", "tagging"): "GetObjectTagging",
    ("PUT", "tagging"): "PutObjectTagging",
    ("DELETE", "tagging"): "DeleteObjectTagging",
    ("GET", "uploadId"): "ListMultipartUploadParts",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "versionId"): "GetObjectVersion",
    ("HEAD", "versionId"): "GetObjectVersion",
    ("DELETE", "versionId"): "DeleteObjectVersion",
    ("GET", ""): "GetObject",
    ("HEAD", ""): "GetObject",
    ("PUT", ""): "PutObject",
    ("POST", ""): "PutObject",
    ("DELETE", ""): "DeleteObject",
}


def authorizations(request: ApiRequest) -> list[Authorization]:
    """Return what is asked before the call is carried out; of services not known here, the action on `*`."""
    rules = {"sagemaker": _sagemaker, "s3": _s3, "sts": _sts, "logs": _logs, "sqs": _sqs}
    return list(rules.get(request.service, _on_everything)(request))


def authorizations_of_missing_object(request: ApiRequest) -> list[Authorization]:
    """Return what S3 asks before it says that an object is not there; refused, it answers 403 instead of 404.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    bucket, key = _bucket_and_key(request.path)
    if request.service != "s3" or not key or request.method not in {"GET", "HEAD"}:
        return []
    return [Authorization("s3:ListBucket", s3_arn(request.region_name, bucket))]


def _on_everything(request: ApiRequest) -> Iterator[Authorization]:
    namespace = request.parameters.get("Namespace")
    conditions: ConditionKeys = {"cloudwatch:namespace": namespace} if namespace else {}
    prefix = _PREFIXES.get(request.service, request.service)
    yield Authorization(f"{prefix}:{request.operation}", "*", conditions)


def _sts(request: ApiRequest) -> Iterator[Authorization]:
    if request.operation != "GetCallerIdentity":  # needs no permission, and cannot be denied
        yield Authorization(f"sts:{request.operation}", request.form.get("RoleArn", "*"))


def _logs(request: ApiRequest) -> Iterator[Authorization]:
    group = request.parameters.get("logGroupName")
    stream = request.parameters.get("logStreamName", "")
    resource = request.arn("logs", f"log-group:{group}:log-stream:{stream}") if group else "*"
    yield Authorization(f"logs:{request.operation}", resource)


def _sqs(request: ApiRequest) -> Iterator[Authorization]:
    """Batches ask for the action of the single call."""
    given = request.parameters
    name = str(given.get("QueueUrl", "")).rpartition("/")[2] or given.get("QueueName")
    resource = request.arn("sqs", name) if name else "*"
    yield Authorization(f"sqs:{request.operation.removesuffix('Batch')}", resource)


# --- S3 -----------------------------------------------------------------------------------------------------------


def _s3(request: ApiRequest) -> Iterator[Authorization]:
    bucket, key = _bucket_and_key(request.path)
    if not bucket:
        yield Authorization("s3:ListAllMyBuckets", "*")
    elif key:
        yield from _s3_object(request, bucket, key)
    elif request.method == "POST" and "delete" in request.query:
        objects = ElementTree.fromstring(request.body)  # noqa: S314 (moto has parsed the same body by then)
        for element in objects.iterfind(".//{*}Key"):
            yield Authorization("s3:DeleteObject", s3_arn(request.region_name, bucket, element.text or ""))
    else:
        prefix = request.query.get("prefix")
        conditions: ConditionKeys = {} if prefix is None else {"s3:prefix": prefix}
        action = _action(request, _BUCKET_ACTIONS)
        yield Authorization(action, s3_arn(request.region_name, bucket), conditions)


def _s3_object(request: ApiRequest, bucket: str, key: str) -> Iterator[Authorization]:
    resource = s3_arn(request.region_name, bucket, key)
    yield Authorization(_action(request, _OBJECT_ACTIONS), resource)
    if source := request.header("X-Amz-Copy-Source"):
        copied = _bucket_and_key("/" + urllib.parse.unquote(source).lstrip("/"))
        yield Authorization("s3:GetObject", s3_arn(request.region_name, *copied))
    if request.method in {"PUT", "DELETE"} and request.header("If-Match"):
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        yield Authorization("s3:GetObject", resource)
    if request.header("X-Amz-Tagging"):
        yield Authorization("s3:PutObjectTagging", resource)


def _action(request: ApiRequest, actions: dict[tuple[str, str], str]) -> str:
    subresources = (name for method, name in actions if method == request.method and name in request.query)
    return f"s3:{actions.get((request.method, next(subresources, '')), request.method)}"


def _bucket_and_key(path: str) -> tuple[str, str]:
    bucket, _, key = path.removeprefix("/").partition("/")
    return bucket, key


# --- SageMaker ----------------------------------------------------------------------------------------------------


def _sagemaker(request: ApiRequest) -> Iterator[Authorization]:
    operation, given = request.operation, request.parameters
    resources = list(_sagemaker_resources(request))
    conditions = dict(_sagemaker_conditions(given)) | _request_tags(given)
    for resource in resources:
        tags = _resource_tags(request, resource)
        yield Authorization(f"sagemaker:{operation}", resource, {**conditions, **tags})
    if operation.startswith("Create") and given.get("Tags"):
        tagging: ConditionKeys = {**_request_tags(given), "sagemaker:TaggingAction": operation}
        yield Authorization("sagemaker:AddTags", resources[0], tagging)
    for member in ("RoleArn", "ExecutionRoleArn"):
        if member in given:
            yield Authorization("iam:PassRole", given[member], {"iam:PassedToService": "sagemaker.amazonaws.com"})


def _sagemaker_resources(request: ApiRequest) -> Iterator[str]:
    """The resources that a call is checked against, what it creates first; `*` where AWS knows no other."""
    operation, given = request.operation, request.parameters
    if request.invoked_endpoint:
        yield request.arn("sagemaker", f"endpoint/{request.invoked_endpoint}")
    elif "ResourceArn" in given:
        yield str(given["ResourceArn"])
    else:
        noun = _VERB.sub("", operation, count=1).removesuffix("WeightsAndCapacities")
        nouns = [noun, "EndpointConfig"] if operation in {"CreateEndpoint", "UpdateEndpoint"} else [noun]
        kinds = [kind for noun in nouns for kind in KINDS if kind.noun == noun and kind.name_field in given]
        for kind in kinds:
            yield kind.arn(str(given[kind.name_field]), request.account_id, request.region_name)
        if not kinds:
            yield "*"


def _sagemaker_conditions(given: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for key, member in _SAGEMAKER_CONDITIONS.items():
        if values := sorted(set(_values(given, member))):
            yield key, values


def _values(given: Any, member: str) -> Iterator[str]:
    """The strings that a member holds, however deep it lies."""
    if isinstance(given, dict):
        for name, value in given.items():
            if name == member:
                yield from value if isinstance(value, list) else [value]
            else:
                yield from _values(value, member)
    elif isinstance(given, list):
        for item in given:
            yield from _values(item, member)


def _request_tags(given: dict[str, Any]) -> ConditionKeys:
    tags: Iterable[dict[str, str]] = given.get("Tags") or ()
    keys: ConditionKeys = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags}
    return {**keys, "aws:TagKeys": [tag["Key"] for tag in tags]} if keys else {}


def _resource_tags(request: ApiRequest, arn: str) -> ConditionKeys:
    """The tags that the resource has before the call."""
    if arn == "*":
        return {}
    try:
        with STATE_LOCK:
            tags = sagemaker_backends[request.account_id][request.region_name].list_tags(arn=arn)[0]
    except SageMakerError:
        return {}
    return {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in tags}
