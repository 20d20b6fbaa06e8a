"""The database role that the program runs as: it works with rows, and the schema is another role's.

``ais migrate`` runs as the owner of the tables and grants; web and worker run as a role that is no owner, and so can
neither change nor drop a table, switch off a trigger, nor empty the ledger. Where a trigger refuses every update or
delete of a table, the right to it is not granted either: what is written once stays, also where somebody runs
statements of their own as the program. What is granted follows from the schema, so that a new table needs no list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import msgspec

from ais.platform.telemetry import get_logger

if TYPE_CHECKING:
    from ais.platform.database import Connection

log = get_logger("database")

# Which moves each state may make, and which revision the schema has: written by migrations alone.
_READ_ONLY = ("alembic_version", "transitions")
# Large imports tell the planner what they have changed.
_ANALYSED = ("flight_dates", "legs", "segments")
# In PostgreSQL's pg_trigger.tgtype.
_ON_DELETE, _ON_UPDATE = 8, 16

# Of each table whether a trigger without a condition refuses every update, and every delete.
_TABLES = f"""
    SELECT format('%I.%I', namespace.nspname, pg_class.relname) AS name, pg_class.relname AS plain,
           coalesce(bool_or(tgtype & {_ON_UPDATE} > 0 AND tgattr = ''), false) AS keeps,
           coalesce(bool_or(tgtype & {_ON_DELETE} > 0), false) AS stays
    FROM pg_class JOIN pg_namespace AS namespace ON namespace.oid = relnamespace
    LEFT JOIN pg_trigger ON tgrelid = pg_class.oid AND tgqual IS NULL AND tgenabled = 'O'
        AND tgfoid = to_regproc('public.refuse_change')
    WHERE namespace.nspname = 'public' AND relkind IN ('r', 'p') GROUP BY 1, 2 ORDER BY 1
"""  # noqa: S608  # constants


class RoleRefused(RuntimeError):
    """The role cannot be what the program runs as: one sentence, which says why."""


class Granted(msgspec.Struct, frozen=True):
    """On how many tables the role may only read, only read and add, and do more."""

    role: str
    read: int
    append: int
    change: int


async def grant_to_role(url: str, role: str) -> Granted:
    """Let ``role`` do in the database at ``url`` what the program does, and nothing else, in one transaction.

    Called as the owner of the tables, after each migration. Raises :class:`RoleRefused` for a role that is not there or
    that could help itself to more.
    """
    connection = await asyncpg.connect(url, server_settings={"lock_timeout": "5s"})
    try:
        async with connection.transaction():
            await _require_plain(connection, role)
            return await _grant(connection, role)
    finally:
        await connection.close()


async def may_change_schema(connection: Connection) -> bool:
    """Whether whoever has this connection could switch off what protects the rows: as owner, or as superuser."""
    may: bool = await connection.fetchval(
        """
        SELECT rolsuper OR EXISTS (
            SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            AND pg_has_role(current_user, relowner, 'MEMBER'))
        FROM pg_roles WHERE rolname = current_user
        """
    )
    return may


async def warn_of_role(connection: Connection) -> None:
    """Say in the log that the program runs as a role that could switch off what protects its rows."""
    if await may_change_schema(connection):
        log.warning("the database role may change the schema", advice="ais migrate --grant-to ROLE")


async def _require_plain(connection: Connection, role: str) -> None:
    found = await connection.fetchrow(
        """
        SELECT rolsuper, rolcreaterole, rolbypassrls, rolreplication,
               EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace
                       AND pg_has_role($1, relowner, 'MEMBER')) AS owns,
               pg_has_role($1, datdba, 'MEMBER') OR has_schema_privilege($1, 'public', 'CREATE')
                   OR has_database_privilege($1, datname, 'CREATE') AS creates
        FROM pg_roles, pg_database WHERE rolname = $1 AND datname = current_database()
        """,
        role,
    )
    if found is None:
        raise RoleRefused(f"There is no role {role!r}: CREATE ROLE it first, with LOGIN and nothing else.")
    for column, what in (
        ("rolsuper", "is a superuser"),
        ("rolcreaterole", "may make roles"),
        ("rolbypassrls", "may bypass row security"),
        ("rolreplication", "may replicate"),
        ("owns", "owns tables, or is a member of the role that does"),
        ("creates", "may create in the database or its schema"),
    ):
        if found[column]:
            raise RoleRefused(f"The role {role!r} {what}: the program must not run as such a role.")


async def _grant(connection: Connection, role: str) -> Granted:
    named: str = await connection.fetchval("SELECT format('%I', $1::text)", role)
    database: str = await connection.fetchval("SELECT format('%I', current_database())")
    await connection.execute(
        f"""
        REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {named};
        GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {named};
        GRANT USAGE ON SCHEMA public TO {named};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {named};
        """
    )
    read = append = change = 0
    for table in await connection.fetch(_TABLES):
        rights = ["SELECT"]
        if table["plain"] in _READ_ONLY:
            read += 1
        else:
            rights.append("INSERT")
            rights += [] if table["keeps"] else ["UPDATE"]
            rights += [] if table["stays"] else ["DELETE"]
            append += table["keeps"] and table["stays"]
            change += not (table["keeps"] and table["stays"])
        if table["plain"] in _ANALYSED:
            rights.append("MAINTAIN")
        await connection.execute(f"GRANT {', '.join(rights)} ON {table['name']} TO {named}")
    return Granted(role, read, append, change)
