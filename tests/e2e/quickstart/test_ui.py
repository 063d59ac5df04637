from __future__ import annotations

import socket

import pytest
from rich.console import Console

from quickstart.processes import QuickstartError
from quickstart.ui import SERVICE_PORT, check_port, service_port

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


def test_the_embedded_service_keeps_its_port_and_takes_the_next_where_it_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr("quickstart.ui.SERVICE_PORT", port)
        following = service_port(0, Console())
        assert following > port
        assert capsys.readouterr().out == f"Port {port} is taken; the embedded SageMaker takes {following}.\n"
        assert service_port(following, Console()) > following, "Airflow's own port is none of its"
    assert service_port(0, Console()) == port
    assert capsys.readouterr().out.count("is taken") == 1
    assert SERVICE_PORT == 5055, "what the documentation names"
