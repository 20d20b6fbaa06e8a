from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
import valkey as client_library
from tests.factories.embedded_programs import processes_of

from ais.platform.embedded import EmbeddedValkey, PortInUseError


def test_it_answers_with_its_password_only_and_keeps_nothing_on_disk(tmp_path):
    with EmbeddedValkey(tmp_path / "valkey") as valkey:
        client = client_library.Valkey.from_url(valkey.url())
        client.set("seat", "12A")
        assert client.get("seat") == b"12A"
        shown = {
            name: client.config_get(name)[name] for name in ("maxmemory", "maxmemory-policy", "save", "appendonly")
        }
        assert shown == {"maxmemory": "33554432", "maxmemory-policy": "volatile-ttl", "save": "", "appendonly": "no"}
        assert client.config_get("bind")["bind"] == "127.0.0.1"
        with pytest.raises(client_library.AuthenticationError):
            client_library.Valkey.from_url(valkey.url().replace(valkey.password, "wrong")).ping()
        with socket.create_connection(("127.0.0.1", valkey.port), timeout=5) as stranger:
            stranger.sendall(b"GET seat\r\n")
            assert stranger.recv(100) == b"-NOAUTH Authentication required.\r\n"
        assert (tmp_path / "valkey" / "valkey.conf").stat().st_mode & 0o777 == 0o600
        assert all(valkey.password not in words for words in processes_of(tmp_path).values())
        client.close()
    assert not processes_of(tmp_path)
    assert sorted(file.name for file in (tmp_path / "valkey").iterdir()) == ["valkey.conf", "valkey.log"]


def test_killed_it_is_started_again_on_its_port(tmp_path):
    with EmbeddedValkey(tmp_path) as valkey:
        port, killed = valkey.port, valkey.pid
        os.kill(killed, signal.SIGKILL)
        client = client_library.Valkey.from_url(valkey.url())
        until = time.monotonic() + 10
        while valkey.pid == killed and time.monotonic() < until:
            time.sleep(0.02)
        while time.monotonic() < until:
            try:
                assert client.ping()
                break
            except client_library.ConnectionError:
                time.sleep(0.02)
        assert (valkey.port, client.ping()) == (port, True)
        client.close()


def test_a_port_in_use_is_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError) as refused:
            EmbeddedValkey(tmp_path, port=port).start()
    assert str(refused.value) == f"Port {port} of 127.0.0.1, wanted for Valkey, is in use by another program."


def test_when_full_it_drops_what_ends_soonest_and_still_takes_writes(tmp_path):
    with EmbeddedValkey(tmp_path, max_memory_megabytes=2) as valkey:
        client = client_library.Valkey.from_url(valkey.url())
        client.set("without-end", "kept")
        for number in range(4000):
            client.set(f"limit-{number}", "x" * 1000, ex=100 + number)
        assert client.get("without-end") == b"kept"
        assert client.get("limit-3999") is not None
        assert client.info("stats")["evicted_keys"] > 1000
        client.close()


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "valkey").write_text("")
    with pytest.raises(Exception, match=r"^The data folder .*/valkey cannot be used by the user .*: File exists\.$"):
        EmbeddedValkey(Path(tmp_path / "valkey")).start()
