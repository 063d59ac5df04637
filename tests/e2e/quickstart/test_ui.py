from __future__ import annotations

import socket

import pytest

from quickstart.processes import QuickstartError
from quickstart.ui import check_port

pytestmark = pytest.mark.e2e


def test_a_taken_port_is_one_sentence_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(QuickstartError) as refusal:
            check_port(port)
    assert str(refusal.value) == f"Port {port} is taken. Free it, or choose another: make ui PORT={port + 1}"


def test_a_free_port_is_accepted_at_once_after_its_last_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), other.accept()[0]:
            pass
    check_port(port)
