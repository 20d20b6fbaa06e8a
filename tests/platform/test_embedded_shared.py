from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
import valkey

from ais.platform.embedded import EmbeddedServerError, SharedServers
from ais.platform.embedded.processes import start_time

USER = """
import sys, time
from pathlib import Path
from ais.platform.embedded import SharedServers
with SharedServers(Path(sys.argv[1])) as servers:
    servers.template("shared_template", lambda url: print("built", flush=True))
    print("port", servers.database_url().rsplit(":", 1)[1], flush=True)
    time.sleep(600)
"""


def holder_of(run_dir):
    return int(SharedServers(run_dir)._running()["holder"])


def test_processes_share_one_server_build_a_template_once_and_the_last_one_ends_it(tmp_path):
    built = []
    with SharedServers(tmp_path) as servers:
        other = subprocess.Popen([sys.executable, "-c", USER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        lines = [other.stdout.readline().strip(), other.stdout.readline().strip()]
        assert lines == ["built", f"port {servers.database_url().rsplit(':', 1)[1]}"]
        assert servers.template("shared_template", built.append) == "shared_template"
        assert built == []
        holder = holder_of(tmp_path)
    assert Path(f"/proc/{holder}").exists()
    other.kill()
    other.wait()
    other.stdout.close()
    until = time.monotonic() + 5
    while Path(f"/proc/{holder}").exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not Path(f"/proc/{holder}").exists()
    assert not tmp_path.exists()


async def test_each_test_gets_a_database_of_its_own_from_the_template(tmp_path, servers):
    name = servers.template("embedded_shared_test", lambda url: servers.run_sql("SELECT 1"))
    with servers.database(name) as one, servers.database(name) as other:
        first, second = await asyncpg.connect(one), await asyncpg.connect(other)
        await first.execute("CREATE TABLE only_here ()")
        assert await second.fetchval("SELECT to_regclass('only_here')") is None
        await second.close()
    # The database is dropped although a connection to it is still open.
    assert name in servers.run_sql("SELECT datname FROM pg_database")
    assert one.rsplit("/", 1)[1] not in servers.run_sql("SELECT datname FROM pg_database")
    first.terminate()


def test_a_template_whose_build_fails_is_dropped_and_built_again(servers):
    def fail(url):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        servers.template("embedded_failing_test", fail)
    assert "embedded_failing_test" not in servers.run_sql("SELECT datname FROM pg_database").splitlines()
    assert servers.template("embedded_failing_test", lambda url: None) == "embedded_failing_test"


def test_each_cache_address_is_an_empty_database_of_its_own(servers):
    one, other = (valkey.Valkey.from_url(servers.cache_url()) for _ in range(2))
    one.set("seat", "1A")
    assert other.dbsize() == 0
    assert one.dbsize() == 1
    one.close()
    other.close()


def test_a_refused_statement_is_one_sentence(servers):
    with pytest.raises(EmbeddedServerError, match=r"^The test server refused a statement: ERROR: .*nonsense"):
        servers.run_sql("nonsense")


def test_a_killed_holder_takes_its_servers_along_and_a_new_user_gets_new_ones(tmp_path):
    with SharedServers(tmp_path) as servers:
        old = holder_of(tmp_path)
        os.kill(old, signal.SIGKILL)
        until = time.monotonic() + 5
        while start_time(old) and time.monotonic() < until:
            time.sleep(0.01)
        with SharedServers(tmp_path) as again:
            assert again.run_sql("SELECT 1") == "1"
            assert holder_of(tmp_path) != old
            assert again.database_url() != servers.database_url()
