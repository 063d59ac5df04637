"""Waits for what S3 reports to a queue, and deletes no message before Airflow has stored the event made of it."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from airflow.providers.amazon.aws.hooks.sqs import SqsHook
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer

from sagemaker_pca.run.s3_events import changed_objects, is_test_event
from sagemaker_pca.triggers.base import LOOKS

T = TypeVar("T")
Message = dict[str, Any]

LOOK_SECONDS = 20.0
# What a burst of uploads reports becomes one event, not one for each file.
MOST_MESSAGES = 1000
MOST_NAMED_OBJECTS = 20
# SQS's limit per call.
BATCH = 10
# Longer than Airflow waits for an event to be stored ([triggerer] shared_stream_ack_timeout).
INVISIBLE_SECONDS = 360

log = logging.getLogger(__name__)


class S3EventsTrigger(BaseEventTrigger):
    """Fire when S3 reports changed objects to an SQS queue; its test events are dropped.

    The provider's trigger deletes messages before their event is stored, and needs aiobotocore.

    :param queue_url: URL of the queue
    :param aws_conn_id: AWS connection
    """

    def __init__(self, *, queue_url: str, aws_conn_id: str | None = "aws_default") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.queue_url = queue_url
        self.aws_conn_id = aws_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        arguments = {"queue_url": self.queue_url, "aws_conn_id": self.aws_conn_id}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    def shared_stream_key(self) -> Hashable:
        """One stream per queue: only a stream learns when its events are stored."""
        return (type(self).__qualname__, self.queue_url, self.aws_conn_id)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> QueuedReports:
        """The queue's end of the stream."""
        return QueuedReports(kwargs["queue_url"], kwargs["aws_conn_id"])

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Fire for all that the stream brings."""
        async for report in shared_stream:
            yield TriggerEvent(report)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Not used: outside a stream nobody could tell when an event is stored."""
        raise NotImplementedError("S3EventsTrigger runs as an asset's watcher only.")
        yield


class QueuedReports(SharedStreamProducer):
    """The messages of a queue, each look's as one report, deleted once the event made of them is stored.

    :param queue_url: URL of the queue
    :param aws_conn_id: AWS connection
    """

    def __init__(self, queue_url: str, aws_conn_id: str | None) -> None:
        self._queue_url = queue_url
        self._aws_conn_id = aws_conn_id

    @cached_property
    def _client(self) -> Any:
        return SqsHook(aws_conn_id=self._aws_conn_id).get_conn()

    async def open_stream(self) -> AsyncIterator[tuple[dict[str, Any], list[Message]]]:
        """Look at the queue for ever; a report and its messages whenever there is something to look into."""
        while True:
            messages = await self._ask(self.receive) or []
            tests = [message for message in messages if is_test_event(message["Body"])]
            if tests:
                await self._ask(self.delete, tests)
            if reports := [message for message in messages if message not in tests]:
                yield summary(reports), reports
            await asyncio.sleep(LOOK_SECONDS)

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Delete the messages of stored events; those of the others come again."""
        stored = [message for item in batch if item.outcome.is_clean for message in item.broker_payload]
        if stored:
            await self._ask(self.delete, stored)

    def receive(self) -> list[Message]:
        """All messages there are, up to a limit; nobody else sees them for a while."""
        messages: list[Message] = []
        while len(messages) < MOST_MESSAGES:
            answer = self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=1,  # at 0, SQS asks only some of its servers
                VisibilityTimeout=INVISIBLE_SECONDS,
            )
            if not answer.get("Messages"):
                break
            messages += answer["Messages"]
        return messages

    def delete(self, messages: list[Message]) -> None:
        """Delete messages; one that stays is delivered again, which costs a look."""
        for start in range(0, len(messages), BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + BATCH])
            ]
            self._client.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)

    async def _ask(self, call: Callable[..., T], *arguments: Any) -> T | None:
        """What a call answers, in a thread; None when it failed: an error raised here would be tried again at once."""
        ask = functools.partial(contextvars.copy_context().run, call, *arguments)
        try:
            return await asyncio.get_running_loop().run_in_executor(LOOKS, ask)
        except Exception as error:
            log.warning("Queue %s cannot be asked, trying again: %s", self._queue_url, error)
            # Renewed credentials, say, are in clients that are made from now on.
            self.__dict__.pop("_client", None)
            return None


def summary(messages: list[Message]) -> dict[str, Any]:
    """What the asset's event says about messages."""
    objects = [uri for message in messages for uri in changed_objects(message["Body"])]
    return {"messages": len(messages), "objects": objects[:MOST_NAMED_OBJECTS]}
