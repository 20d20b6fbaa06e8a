"""Every statement on ``person_keys`` but the reads of the vault itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from ais.kit.ids import PersonId
from ais.platform.vault.keys import Holding, PersonKey, Vault

if TYPE_CHECKING:
    import asyncpg

# New persons from a JSON list of :meth:`PersonKey.row`; {} is the parameter that holds it. A part of the statement that
# writes what they seal, so that a sale makes no further round trip.
INSERT_PERSONS = """
    INSERT INTO person_keys (id, kek_id, wrapped_key)
    SELECT id, kek_id, wrapped_key FROM jsonb_populate_recordset(NULL::person_keys, {})
"""
REWRAPPED_AT_ONCE = 500


class KeyCount(msgspec.Struct, frozen=True):
    """How many data keys a key encryption key wraps; ``kek_id`` None counts the destroyed."""

    kek_id: str | None
    persons: int


async def insert_persons(uow: Holding, keys: Iterable[PersonKey]) -> None:
    """Store new persons by a statement of their own."""
    await uow.connection.execute(INSERT_PERSONS.format("$1"), [key.row() for key in keys])


async def destroy_persons(uow: Holding, person_ids: Iterable[PersonId]) -> list[PersonId]:
    """Destroy the keys of these persons: what they sealed can never be opened again. Answers whose were destroyed now.

    The keys are locked in order of id. Who was erased before stays so.
    """
    rows = await uow.connection.fetch(
        """
        WITH living AS MATERIALIZED (
            SELECT id FROM person_keys WHERE id = ANY($1) AND destroyed_at IS NULL ORDER BY id FOR UPDATE
        )
        UPDATE person_keys SET wrapped_key = NULL, kek_id = NULL, destroyed_at = ais_now() FROM living
        WHERE person_keys.id = living.id RETURNING person_keys.id
        """,
        list(person_ids),
    )
    return sorted(row["id"] for row in rows)


async def rewrap_persons(
    uow: Holding, vault: Vault, *, after: UUID | None = None, limit: int = REWRAPPED_AT_ONCE
) -> UUID | None:
    """Wrap the next ``limit`` data keys that another key wraps by the one that wraps now.

    Answers the id to go on after, None when there are no more. What the data keys seal is not read or written. Keys
    that somebody else holds are left out: they are being destroyed, and an erasure of several persons takes their keys
    in an order of its own.
    """
    rows = await uow.connection.fetch(
        """
        SELECT id, kek_id, wrapped_key FROM person_keys
        WHERE ($1::uuid IS NULL OR id > $1) AND kek_id <> $2 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
        """,
        after,
        vault.kek_id,
        limit,
    )
    if not rows:
        return None
    await uow.connection.execute(
        """
        UPDATE person_keys SET kek_id = $3, wrapped_key = anew.wrapped_key
        FROM unnest($1::uuid[], $2::bytea[]) AS anew (id, wrapped_key)
        WHERE person_keys.id = anew.id
        """,
        [row["id"] for row in rows],
        [vault.rewrap(row["id"], row["kek_id"], row["wrapped_key"]) for row in rows],
        vault.kek_id,
    )
    last: UUID = rows[-1]["id"]
    return last


async def count_keys(connection: asyncpg.Connection[asyncpg.Record]) -> Sequence[KeyCount]:
    """Which key encryption keys are in use, and how many persons are erased."""
    rows = await connection.fetch(
        "SELECT kek_id, count(*) AS persons FROM person_keys GROUP BY kek_id ORDER BY kek_id NULLS LAST"
    )
    return [KeyCount(row["kek_id"], row["persons"]) for row in rows]
