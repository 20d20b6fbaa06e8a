"""The program as a database role that works with rows alone: it sells, and cannot touch what protects the books."""

from __future__ import annotations

import os
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from tests.factories.command_line import CommandLine
from tests.factories.giving_back import post_confirm, quote
from tests.factories.in_process import in_process
from tests.factories.logs import all_logged

from ais.platform.database_role import RoleRefused, grant_to_role, may_change_schema, warn_of_role
from ais.platform.migration import newest_revision
from ais.platform.telemetry import configure_logging

ROLE = f"ais_program_{os.getpid()}"
PASSWORD = "program"


def as_role(url, role=ROLE):
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{PASSWORD}@{place}"))


async def execute(url, *statements):
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def restricted(servers, market, simulator, anyio_backend):
    """The program as the role to which `ais migrate --grant-to` has granted, and what that says."""
    with servers.database(market) as url:
        await execute(url, f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        granted = await grant_to_role(url, ROLE)
        async with in_process(as_role(url), servers.cache_url(), simulator) as program:
            await program.run_jobs()
            yield program, granted, url


async def test_it_sells_gives_back_and_proves_its_books(restricted):
    program, granted, _ = restricted
    assert await program.rows("SELECT current_user::text") == [ROLE]
    assert (granted.role, granted.read) == (ROLE, 2)
    order = await program.order()
    await program.pay(order)
    assert (await program.read(order))["status"] == "confirmed"
    assert (await post_confirm(program, order, await quote(program, order))).json()["status"] == "cancelled"
    await program.run_jobs()
    assert await program.rows("SELECT count(*) > 2 FROM ledger_postings") == [True]
    await program.require_invariants()


FORBIDDEN = [
    "ALTER TABLE ledger_entries DISABLE TRIGGER USER",
    "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_history",
    "SET session_replication_role = replica",
    "TRUNCATE ledger_postings CASCADE",
    "TRUNCATE orders CASCADE",
    "DROP TABLE audit_chain CASCADE",
    "DROP TRIGGER orders_status ON orders",
    "ALTER TABLE orders ADD COLUMN x int",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TABLE mine (x int)",
    "CREATE TRIGGER mine BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE ROLE another SUPERUSER",
    "UPDATE transitions SET to_state = from_state",
    "INSERT INTO transitions SELECT * FROM transitions",
    "UPDATE alembic_version SET version_num = '0001'",
    "UPDATE ledger_postings SET kind = kind",
    "UPDATE audit_entries SET subject = subject",
    "UPDATE order_history SET reason = reason",
    "UPDATE coupon_moves SET reason = reason",
    "UPDATE agency_movements SET currency = currency",
    *(
        f"DELETE FROM {table}"
        for table in ("ledger_entries", "ledger_chain", "audit_entries", "audit_chain", "order_history", "coupon_moves")
    ),
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_it_may_not(restricted, statement):
    program, _, _ = restricted
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await program.rows(statement)


async def test_control_the_owner_may(restricted):
    _, _, url = restricted
    await execute(url, FORBIDDEN[0], "ALTER TABLE ledger_entries ENABLE TRIGGER USER")


async def test_the_program_says_where_it_could_do_more(restricted):
    program, _, url = restricted
    owner = await asyncpg.connect(url)
    try:
        with all_logged() as logged:
            configure_logging("warning", process="tests")
            async with program.database.connection() as connection:
                assert not await may_change_schema(connection)
                await warn_of_role(connection)
            assert logged.getvalue() == ""
            assert await may_change_schema(owner)
            await warn_of_role(owner)
            assert "the database role may change the schema" in logged.getvalue()
    finally:
        await owner.close()


async def test_what_was_granted_before_and_should_not_be_is_taken_back(restricted):
    program, granted, url = restricted
    await execute(url, f"GRANT TRUNCATE, UPDATE ON ledger_entries TO {ROLE}")
    may = "SELECT has_table_privilege('ledger_entries', 'UPDATE, TRUNCATE')"
    assert await program.rows(may) == [True]
    assert await grant_to_role(url, ROLE) == granted
    assert await program.rows(may) == [False]


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        ("", "There is no role"),
        ("CREATE ROLE {role} SUPERUSER", "is a superuser"),
        ("CREATE ROLE {role} CREATEROLE", "may make roles"),
        ("CREATE ROLE {role} IN ROLE {owner}", "owns tables"),
        ("CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}", "may create"),
    ],
)
async def test_a_role_that_could_help_itself_is_refused(database, database_url, prepare, why):
    role = f"{ROLE}_refused"
    owner = urlsplit(database_url).username
    async with database.connection() as connection, connection.transaction():
        if prepare:
            await connection.execute(prepare.format(role=role, owner=owner))
    try:
        with pytest.raises(RoleRefused, match=why):
            await grant_to_role(database_url, role)
    finally:
        if prepare:
            await execute(database_url, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_the_command_grants_and_refuses_in_a_sentence(database_url, tmp_path):
    ais = CommandLine(database_url, tmp_path)
    refused = ais("migrate", "--grant-to", "nobody_there", "--json", code=1)
    assert '"ROLE_REFUSED"' in refused.stdout
    # An address that says more than a place is read by the driver, here as everywhere.
    ais = CommandLine(f"{database_url}?sslmode=disable", tmp_path)
    assert ais.json("migrate") == {"revision": newest_revision()}
