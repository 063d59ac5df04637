from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from quickstart.api_server import OneWriteAtATime, Receive, Send


class Counting:
    """An application that says how many calls of which kind it carried out at once."""

    def __init__(self) -> None:
        self.at_once = self.most_at_once = 0

    async def __call__(self, _scope: MutableMapping[str, Any], _receive: Receive, _send: Send) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1


async def receive() -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b"all of it"}


async def send(_message: MutableMapping[str, Any]) -> None:
    return


async def call(scopes: list[dict[str, Any]]) -> int:
    counting = Counting()
    application = OneWriteAtATime(counting)
    await asyncio.gather(*(application(scope, receive, send) for scope in scopes))
    return counting.most_at_once


@pytest.mark.parametrize(
    ("scope", "at_once"),
    [
        ({"type": "http", "method": "POST"}, 1),
        ({"type": "http", "method": "PATCH"}, 1),
        ({"type": "http", "method": "GET"}, 3),
        ({"type": "lifespan"}, 3),
    ],
)
def test_calls_that_may_write_wait_for_each_other_and_no_others_do(scope: dict[str, Any], at_once: int) -> None:
    assert asyncio.run(call([scope] * 3)) == at_once


def test_a_client_that_says_half_of_it_keeps_nobody_waiting() -> None:
    async def half_said() -> MutableMapping[str, Any]:
        if half:
            return {"type": "http.request", "body": half.pop(), "more_body": True}
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def both() -> int:
        counting = Counting()
        application = OneWriteAtATime(counting)
        stalled = asyncio.create_task(application({"type": "http", "method": "POST"}, half_said, send))
        await asyncio.sleep(0)
        await asyncio.wait_for(application({"type": "http", "method": "POST"}, receive, send), timeout=5)
        stalled.cancel()
        return counting.most_at_once

    half = [b"half"]
    assert asyncio.run(both()) == 1


def test_the_application_receives_what_was_sent_and_then_what_the_client_does() -> None:
    messages: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": b"one ", "more_body": True},
        {"type": "http.request", "body": b"two"},
        {"type": "http.disconnect"},
    ]
    received = []

    async def in_parts() -> MutableMapping[str, Any]:
        return messages.pop(0)

    async def reading(_scope: MutableMapping[str, Any], receive: Receive, _send: Send) -> None:
        received.extend([await receive(), await receive()])

    asyncio.run(OneWriteAtATime(reading)({"type": "http", "method": "POST"}, in_parts, send))
    assert received == [
        {"type": "http.request", "body": b"one two", "more_body": False},
        {"type": "http.disconnect"},
    ]
