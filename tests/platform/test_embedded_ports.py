"""Ports for servers that are started again on the port they had."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ais.platform.embedded import free_port
from ais.platform.embedded import ports as ports_module


def test_a_free_port_is_none_that_an_outgoing_connection_can_take():
    first_outgoing = int(ports_module._OUTGOING.read_text().split()[0])
    found = {free_port() for _ in range(200)}
    assert max(found) < first_outgoing
    assert len(found) > 100


def test_a_port_in_use_is_not_given(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen()
        taken = listener.getsockname()[1]
        drawn = iter([taken - ports_module._FIRST, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        monkeypatch.setattr(ports_module.secrets, "randbelow", lambda below: next(drawn))
        assert free_port() != taken


@pytest.mark.parametrize("content", [None, "", "1024 60999", "nonsense"])
def test_where_there_is_no_room_below_the_system_chooses(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "range"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(ports_module, "_OUTGOING", file)
    monkeypatch.setattr(ports_module.secrets, "randbelow", lambda below: pytest.fail("nothing is drawn"))
    port = free_port()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
