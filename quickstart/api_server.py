"""Airflow's api-server for SQLite, which one writes to at a time: `python -m uvicorn quickstart.api_server:app`.

Airflow writes who did what from its event loop, before the call itself is carried out in a thread. Where another call's
thread holds the database, the loop waits for it, and the thread for the loop, to hear that it may commit: until SQLite
gives up after its timeout and one of the two is answered with an error, while the scheduler is kept waiting, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

READING_METHODS = ("GET", "HEAD", "OPTIONS")


class OneWriteAtATime:
    """An ASGI application whose calls that may write wait for each other before they begin.

    Each is read to its end first: a client that says half of what it has to say keeps nobody waiting.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._write = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] in READING_METHODS:
            await self._application(scope, receive, send)
            return
        body = await whole_body(receive)
        if body is None:
            return
        async with self._write:
            await self._application(scope, replayed(body, receive), send)


async def whole_body(receive: Receive) -> bytes | None:
    """What the client sends; None when it goes before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """What the application receives: the body, then whatever else the client does."""
    rest = [body]

    async def receive_again() -> MutableMapping[str, Any]:
        if rest:
            return {"type": "http.request", "body": rest.pop(), "more_body": False}
        return await receive()

    return receive_again


def __getattr__(name: str) -> Any:
    # Made when uvicorn asks for it: Airflow's application takes seconds to import, and a database.
    if name != "app":
        raise AttributeError(name)
    from airflow.api_fastapi.main import app

    return OneWriteAtATime(app)
