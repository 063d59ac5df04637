"""Unit tests are pure: whatever starts a process, opens a connection or sleeps belongs to the other levels."""

import sys
import threading
from typing import Any

import pytest

FORBIDDEN = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork", "socket.connect", "socket.bind", "time.sleep"})
_running: list[str] = []


def refuse_impurity(event: str, _arguments: tuple[Any, ...]) -> None:
    """Refuse what a unit test may not do; fixtures of other tests in this process may go on in their own threads."""
    if _running and event in FORBIDDEN and threading.current_thread() is threading.main_thread():
        raise PermissionError(f"{_running[-1]} is a unit test and does {event}. Make it pure, or move it to tests/e2e.")


# Never removed, for an audit hook cannot be: outside unit tests it lets everything pass.
sys.addaudithook(refuse_impurity)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A unit test begins."""
    _running.append(item.nodeid)


def pytest_runtest_teardown() -> None:
    """A unit test has ended."""
    _running.clear()
