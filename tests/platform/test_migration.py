"""A database is brought to the newest schema while others work with it."""

import asyncio
import os
import sys

import asyncpg
import pytest

from ais.platform.migration import migrate, newest_revision

pytestmark = pytest.mark.anyio
INDEXES = """
    SELECT pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = 'order_segments'::regclass AND indisvalid AND pg_get_indexdef(indexrelid) LIKE '%(segment_id)'"""
WRITE = "LOCK TABLE order_segments IN ROW EXCLUSIVE MODE NOWAIT"


async def waits_for_the_writer(connection):
    """Whoever builds the index waits for a transaction that wrote before it came."""
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted)"
    for _ in range(1200):
        if await connection.fetchval(waits):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody waits for the writer")


async def test_an_index_is_built_beside_those_who_write_by_one_of_two_that_migrate_at_once(servers):
    with servers.database() as url:
        await asyncio.to_thread(migrate, url, "0044")
        writer, other = await asyncpg.connect(url), await asyncpg.connect(url)
        # What a build left that broke off: an index of that name, and not the one that is wanted.
        await other.execute("CREATE INDEX order_segments_segment_id ON order_segments (departs_at)")
        async with writer.transaction():
            await writer.execute(WRITE)
            migrating = asyncio.create_task(asyncio.to_thread(migrate, url))
            beside = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ais.app.cli", "migrate", env={**os.environ, "DATABASE_URL": url},
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            await waits_for_the_writer(other)
            async with other.transaction():
                await other.execute(WRITE)
        await migrating
        told, _ = await beside.communicate()
        assert (beside.returncode, told.decode()) == (0, f"The database is at revision {newest_revision()}.\n")
        assert [row[0] for row in await other.fetch(INDEXES)] == [
            "CREATE INDEX order_segments_segment_id ON public.order_segments USING btree (segment_id)"
        ]
        await writer.close()
        await other.close()
