"""The watcher of S3's reports, on a real queue and in the stream that Airflow's triggerer runs it in."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import structlog
from airflow.triggers.base import TriggerEvent
from airflow.triggers.shared_stream import SharedStreamManager

from sagemaker_pca.triggers import s3_events
from sagemaker_pca.triggers.s3_events import S3EventsTrigger
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws
from tests.events_queue import EventsQueue, report_of

pytestmark = pytest.mark.e2e

TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent"}
SECONDS = 30.0


@pytest.fixture
def queue(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> EventsQueue:
    """A queue that is looked at often."""
    monkeypatch.setattr(s3_events, "LOOK_SECONDS", 0.2)
    return EventsQueue(aws.url, f"events-{uuid.uuid4().hex[:8]}")


class Watcher:
    """What the triggerer does with an asset's watcher, but for storing its events, which is told by hand."""

    def __init__(self, queue_url: str) -> None:
        self._trigger = S3EventsTrigger(queue_url=queue_url)
        self._key = self._trigger.shared_stream_key()
        self._streams = SharedStreamManager(log=structlog.get_logger())
        stream = self._streams.subscribe(trigger_id=1, trigger=self._trigger, key=self._key)
        self._events: AsyncIterator[TriggerEvent] = self._trigger.filter_shared_stream(stream)
        self._next: asyncio.Future[TriggerEvent] = asyncio.ensure_future(anext(self._events))

    async def event(self) -> tuple[Any, int]:
        """What the next event says, and the number under which it is confirmed; then wait for the one after it."""
        event = await asyncio.wait_for(self._next, SECONDS)
        number = self._streams.bind_pending_event(trigger_id=1, key=self._key)
        assert number is not None
        self._next = asyncio.ensure_future(anext(self._events))
        return event.payload, number

    def is_silent(self) -> bool:
        """Whether no event waits to be fetched, and nothing has failed."""
        return not self._next.done()

    def confirm_stored(self, number: int) -> None:
        """Tell that an event is in the database."""
        self._streams.confirm_persisted([number])

    async def end(self) -> None:
        """Stop watching."""
        self._next.cancel()
        await self._streams.stop_all()


def watch(queue_url: str, play: Callable[[Watcher], Awaitable[None]]) -> None:
    """Play a scene with a watcher."""

    async def scene() -> None:
        watcher = Watcher(queue_url)
        try:
            await play(watcher)
        finally:
            await watcher.end()

    asyncio.run(scene())


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(SECONDS):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.2)


def test_a_message_is_deleted_after_its_event_is_stored_and_not_before(queue: EventsQueue) -> None:
    async def play(watcher: Watcher) -> None:
        queue.send(report_of("raw/a+b.csv"))
        payload, number = await watcher.event()
        assert payload["messages"] == 1
        assert payload["objects"][0].endswith("/raw/a b.csv")
        await asyncio.sleep(2)
        assert queue.messages() == 1
        watcher.confirm_stored(number)
        await until(lambda: queue.messages() == 0)

    watch(queue.url, play)


def test_what_a_killed_triggerer_had_received_is_delivered_again(
    queue: EventsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_events, "INVISIBLE_SECONDS", 2)
    queue.send(report_of("raw/a.csv"))

    async def end_before_it_is_stored(watcher: Watcher) -> None:
        await watcher.event()

    async def receive_again(watcher: Watcher) -> None:
        payload, _ = await watcher.event()
        assert payload["objects"][0].endswith("/raw/a.csv")

    watch(queue.url, end_before_it_is_stored)
    watch(queue.url, receive_again)


def test_a_burst_of_reports_becomes_one_event(queue: EventsQueue) -> None:
    for number in range(25):
        queue.send(report_of(f"raw/{number}.csv"))

    async def play(watcher: Watcher) -> None:
        payload, number = await watcher.event()
        assert payload["messages"] == 25
        assert len(payload["objects"]) == s3_events.MOST_NAMED_OBJECTS
        watcher.confirm_stored(number)
        await until(lambda: queue.messages() == 0)
        assert watcher.is_silent()

    watch(queue.url, play)


def test_test_events_of_s3_are_deleted_without_an_event(queue: EventsQueue) -> None:
    queue.send(TEST_EVENT)

    async def play(watcher: Watcher) -> None:
        await until(lambda: queue.messages() == 0)
        assert watcher.is_silent()

    watch(queue.url, play)


def test_a_message_that_nobody_understands_is_a_reason_to_look(queue: EventsQueue) -> None:
    queue.send("look, please")

    async def play(watcher: Watcher) -> None:
        payload, _ = await watcher.event()
        assert payload == {"messages": 1, "objects": []}

    watch(queue.url, play)


def test_a_queue_that_is_not_there_yet_is_waited_for(
    aws: EmbeddedAws, queue: EventsQueue, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"later-{uuid.uuid4().hex[:8]}"

    async def play(watcher: Watcher) -> None:
        await until(lambda: "cannot be asked" in caplog.text)
        assert watcher.is_silent()
        EventsQueue(aws.url, name).send(report_of("raw/a.csv"))
        payload, _ = await watcher.event()
        assert payload["messages"] == 1

    watch(queue.url.rpartition("/")[0] + f"/{name}", play)
