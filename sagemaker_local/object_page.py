"""What a browser is shown of the embedded S3: the objects under a prefix, or one object.

`GET /sagemaker-local/s3?uri=s3://BUCKET/KEY`; text is shown as text whatever it says that it is, anything else saved.
"""

from pathlib import PurePosixPath
from urllib.parse import quote, urlencode

from moto.core.models import DEFAULT_ACCOUNT_ID

from sagemaker_local.exceptions import JobFailedError
from sagemaker_local.html_page import document_answer, page_answer
from sagemaker_local.invocations import Answer
from sagemaker_local.object_store import ObjectStore, split_s3_uri

_SHOWN_BYTES = 2 * 1024 * 1024
_LISTED = 1000


def object_address(uri: str, region: str) -> str:
    """Return the address of an object's or a prefix's page."""
    return f"/sagemaker-local/s3?{urlencode({'uri': uri, 'region': region})}"


def object_page(uri: str, region: str) -> Answer:
    """Answer with an object, or with the list of those under a prefix."""
    bucket, prefix = split_s3_uri(uri)
    store = ObjectStore(DEFAULT_ACCOUNT_ID, region)
    try:
        keys = store.keys(bucket, prefix)
        if prefix in keys:
            return _object_answer(prefix, store.read(bucket, prefix))
    except JobFailedError:
        keys = []
    listed = [(f"s3://{bucket}/{key}", object_address(f"s3://{bucket}/{key}", region)) for key in keys[:_LISTED]]
    shown = {"uri": uri, "region": region, "objects": listed, "count": len(keys)}
    return page_answer(200 if keys else 404, "objects.html", **shown)


def _object_answer(key: str, body: bytes) -> Answer:
    try:
        if len(body) <= _SHOWN_BYTES:
            return document_answer(body.decode().encode(), "text/plain; charset=utf-8")
    except UnicodeDecodeError:
        pass
    answer = document_answer(body, "application/octet-stream")
    answer.headers.append(("Content-Disposition", f"attachment; filename*=UTF-8''{quote(PurePosixPath(key).name)}"))
    return answer
