"""A client that keeps many invocations under way at once, at an endpoint and at a constant server in turns.

`python -m benchmarks.programs.invoke_at_once SERVICE CONSTANT_SERVER ENDPOINT CONTENT_TYPE ACCEPT BODY_FILE CALLS`
reports the seconds from one answer to the next at each, and the median and the slowest hundredth of the endpoint's.

It is one thread over plain sockets that sends each of them the same signed request again as soon as the answer is
there: next to the servers it takes little of the processor, unlike as many threads with boto3.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.stopwatch import report

CONNECTIONS = 32
WARM_UP_CALLS = 500
TURNS = 5
ANSWER_BYTES = 1 << 16


@dataclass
class Caller:
    """One connection, when it last sent the request, and what has come of the answer."""

    connection: socket.socket
    sent: float = 0.0
    answer: bytearray = field(default_factory=bytearray)

    def call(self, message: bytes) -> None:
        """Send the request."""
        self.answer.clear()
        self.sent = time.perf_counter()
        self.connection.sendall(message)

    def has_answer(self) -> bool:
        """Receive what is there; raises RuntimeError where the answer is no success."""
        self.answer += self.connection.recv(ANSWER_BYTES)
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {bytes(self.answer[:200])!r}")
        return bool(end) and len(body) == int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


class Crowd:
    """Callers of one server, all of them waiting for an answer at any time while they are measured."""

    def __init__(self, address: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        server = urlsplit(address)
        self._message = signed(address + path, headers, body)
        self._selector = selectors.DefaultSelector()
        self._callers = []
        for _ in range(CONNECTIONS):
            caller = Caller(socket.create_connection((server.hostname, server.port)))
            self._selector.register(caller.connection, selectors.EVENT_READ, caller)
            self._callers.append(caller)

    def call(self, calls: int) -> tuple[float, list[float]]:
        """Return the seconds that so many calls took together, and those of each."""
        taken: list[float] = []
        started = time.perf_counter()
        waiting = min(calls, len(self._callers))
        for caller in self._callers[:waiting]:
            caller.call(self._message)
        while waiting:
            for key, _ in self._selector.select():
                if key.data.has_answer():
                    taken.append(time.perf_counter() - key.data.sent)
                    if len(taken) + waiting <= calls:
                        key.data.call(self._message)
                    else:
                        waiting -= 1
        return time.perf_counter() - started, taken


def main(arguments: Sequence[str]) -> None:
    """Take turns and report."""
    service, constant_server, endpoint, content_type, accept, body_file, calls = arguments
    path, headers = f"/endpoints/{endpoint}/invocations", {"Content-Type": content_type, "Accept": accept}
    body = Path(body_file).read_bytes()
    crowds = [Crowd(address, path, headers, body) for address in (service, constant_server)]
    for crowd in crowds:
        crowd.call(WARM_UP_CALLS)
    turns = [[crowd.call(int(calls)) for crowd in crowds] for _ in range(TURNS)]
    ours, theirs = (median(seconds for seconds, _ in found) / int(calls) for found in zip(*turns, strict=True))
    latencies = [seconds for (_, taken), _ in turns for seconds in taken]
    report(
        seconds=ours,
        constant_seconds=theirs,
        median_seconds=median(latencies),
        slow_seconds=quantiles(latencies, n=100)[98],
    )


def signed(address: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a POST request as it goes over the wire."""
    request = AWSRequest("POST", address, headers, body)
    SigV4Auth(Credentials("local", "local"), "sagemaker", "us-east-1").add_auth(request)
    sent = {"Host": urlsplit(address).netloc, "Content-Length": str(len(body)), **request.headers}
    lines = [f"POST {urlsplit(address).path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


if __name__ == "__main__":
    main(sys.argv[1:])
