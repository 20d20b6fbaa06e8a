"""Alembic's entry: applies the revisions over asyncpg, one transaction each, under one advisory lock."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg
from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

ADVISORY_LOCK = 4_151_902_018
_TRY_LOCK = f"SELECT pg_try_advisory_lock({ADVISORY_LOCK})"
_LOOK_AGAIN_SECONDS = 0.1


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    url = context.config.attributes["database_url"]
    # The driver reads the address itself: what it says of TLS and certificates is the driver's to understand.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    async with engine.connect() as guard, engine.connect() as connection:
        # Two programs that start together migrate one after the other. Neither the one that waits nor the lock itself
        # holds a transaction open meanwhile, for which an index would wait that is built beside the sale.
        await guard.execution_options(isolation_level="AUTOCOMMIT")
        while not await guard.scalar(text(_TRY_LOCK)):  # noqa: ASYNC110  # the server tells nobody that it is free
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        await connection.run_sync(_migrate)
        await connection.commit()
        await guard.exec_driver_sql(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})")
    await engine.dispose()


asyncio.run(_run())
