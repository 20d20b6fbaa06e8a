"""Where a command meets the world: settings, the database it works with, and the unit of work."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TypeVar

import asyncpg
import click

from ais.app.cli.outcome import ServerAway, address
from ais.app.cli.output import Output
from ais.kit import Actor, Channel, new_uuid, system_actor
from ais.platform.audit import ORIGIN
from ais.platform.database import Database
from ais.platform.settings import Settings, load_settings
from ais.platform.telemetry import CORRELATION_ID, configure_logging
from ais.reference import ReferenceData

Answer = TypeVar("Answer")
_UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, RuntimeError)


def actor() -> Actor:
    """Who acts: the program, under the name of the command that was called."""
    names = []
    ctx: click.Context | None = click.get_current_context()
    while ctx is not None and ctx.parent is not None:
        names.append(ctx.info_name or "")
        ctx = ctx.parent
    return system_actor("-".join(["cli", *reversed(names)]), Channel.CLI)


def with_database(
    output: Output, work: Callable[[Database, Settings], Awaitable[Answer]], *, tells: bool = False
) -> Answer:
    """The answer of ``work``, given the database that this command works with.

    ``tells``: the work publishes events, so that the handlers of the whole program must be known.
    """
    settings = load_settings()
    with database_for(output, settings) as chosen:
        return asyncio.run(_work(chosen, work, tells=tells))


@contextmanager
def database_for(output: Output, settings: Settings) -> Iterator[Settings]:
    """The settings with a database; a cache that is not set is left alone, for no command here needs it."""
    if settings.database_url is not None:
        yield settings
        return
    from ais.app.servers import running_servers, servers_for

    if running_servers(settings.data_dir) is None:
        output.note(f"DATABASE_URL is not set: a database is started in {settings.data_dir} for this command.")
    with servers_for(settings) as chosen:
        yield chosen


async def _work(settings: Settings, work: Callable[[Database, Settings], Awaitable[Answer]], *, tells: bool) -> Answer:
    # What the packages log goes to stderr: stdout is the command's answer, which scripts read.
    configure_logging("warning", process="cli")
    ORIGIN.set(f"uid {os.getuid()} at {socket.gethostname()}")
    CORRELATION_ID.set(str(new_uuid()))
    database = await connect(settings)
    try:
        if tells:
            from ais.app.composition import open_gateways
            from ais.app.registry import build_registry

            database.subscriptions = build_registry(settings, open_gateways(settings, database)).subscriptions
        return await work(database, settings)
    finally:
        await database.close()


async def connect(settings: Settings) -> Database:
    """A pool on the database of the settings; raises :class:`ServerAway`."""
    assert settings.database_url is not None
    try:
        return await Database.connect(
            settings.database_url,
            clock=settings.clock,
            vault=settings.vault,
            maximum=4,
            application_name="ais cli",
        )
    except _UNREACHABLE as error:
        raise ServerAway(f"The database at {address(settings.database_url)} cannot be used: {error}.") from error


def require_database(settings: Settings) -> None:
    """Raise :class:`ServerAway` if the database of the settings cannot be reached."""

    async def look() -> None:
        await (await connect(settings)).close()

    asyncio.run(look())


async def reference_of(database: Database) -> ReferenceData:
    """The reference data as stored; the packaged data is brought in first where there is none."""
    from ais.reference import load_reference, seed_reference

    async with database.connection() as connection:
        reference = await load_reference(connection)
    if reference.airports:
        return reference
    async with database.unit_of_work(actor()) as uow:
        await seed_reference(uow)
        return await load_reference(uow.connection)


class Day(click.ParamType[date]):
    """A date as ISO 8601 writes it."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date such as 2027-03-28.", param, ctx)


class Code(click.ParamType[str]):
    """Capital letters and digits of a length, however they are typed: an airport, a carrier."""

    def __init__(self, name: str, lengths: tuple[int, ...]) -> None:
        self.name = name
        self._lengths = lengths

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        code = str(value).upper()
        if not (code.isascii() and code.isalnum() and len(code) in self._lengths):
            self.fail(f"{value!r} is not the code of {self.name}.", param, ctx)
        return code


DAY = Day()
PLACE = Code("a place", (3,))
CARRIER = Code("a carrier", (2,))
