"""What a hook's clients ask of AWS, and answers of AWS that the embedded service does not give."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse

from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook


class CountedCalls(Counter[str]):
    """Calls of a hook from now on, by operation, each once however often it is tried again."""

    def __init__(self, hook: SageMakerInventoryHook) -> None:
        super().__init__()
        for client in (hook.conn, hook.s3, hook.tagging, hook.cloudwatch):
            client.meta.events.register("before-call.*.*", self._note)

    def _note(self, model: Any, **_: Any) -> None:
        self[model.name] += 1


def refuse(client: Any, operation: str) -> None:
    """Let the client's calls of an operation end as for an identity that may not do it."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        body = json.dumps({"__type": "AccessDeniedException", "message": "You may not."}).encode()
        return AWSResponse(request.url, 400, {"x-amzn-errortype": "AccessDeniedException"}, _Body(body))

    client.meta.events.register(f"before-send.*.{operation}", answer)


def never_end_deletions(client: Any) -> None:
    """Let endpoints that the client deletes be Deleting, and stay."""

    def note(**_: Any) -> AWSResponse:
        client.meta.events.register("after-call.sagemaker.DescribeEndpoint", say_deleting)
        return AWSResponse("", 200, {}, _Body(b"{}"))

    def say_deleting(parsed: dict[str, Any], **_: Any) -> None:
        parsed["EndpointStatus"] = "Deleting"

    client.meta.events.register("before-send.sagemaker.DeleteEndpoint", note)


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content
