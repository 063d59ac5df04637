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
    return {}


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
