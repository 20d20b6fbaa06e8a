"""Statements on the hashes by which addresses are found, and on whose each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

import msgspec

from ais.kit.ids import PersonId
from ais.platform.database import Connection, UnitOfWork
from ais.platform.vault import Lookup

# Whose hashes these are. Both tables have the columns that are named below.
Holder = Literal["users", "registrations"]


class ToRewrite(msgspec.Struct, frozen=True):
    """An account or a registration, with the address that its hash is made of."""

    id: UUID
    person_id: PersonId
    email_sealed: bytes


async def to_rewrite(uow: UnitOfWork, holder: Holder, key_id: str, after: UUID | None, limit: int) -> list[ToRewrite]:
    """The next accounts or registrations whose hash another lookup key made, locked in order of id."""
    rows = await uow.connection.fetch(
        f"""
        SELECT id, person_id, email_sealed FROM {holder}
        WHERE ($1::uuid IS NULL OR id > $1) AND email_lookup IS NOT NULL AND lookup_key IS DISTINCT FROM $2
        ORDER BY id LIMIT $3 FOR UPDATE
        """,  # noqa: S608  # one of two names
        after,
        key_id,
        limit,
    )
    return [ToRewrite(**row) for row in rows]


async def rewrite(
    uow: UnitOfWork, holder: Holder, key_id: str, holder_ids: Sequence[UUID], lookups: Sequence[Lookup]
) -> None:
    """Put the hash under this key in the place of another one; a trigger claims an account's. Claims stay."""
    await uow.connection.execute(
        f"""
        UPDATE {holder} SET email_lookup = anew.lookup, lookup_key = $1
        FROM unnest($2::uuid[], $3::bytea[]) AS anew (id, lookup) WHERE {holder}.id = anew.id
        """,  # noqa: S608  # one of two names
        key_id,
        holder_ids,
        [each.stored for each in lookups],
    )


async def count_lookups(connection: Connection) -> Mapping[str | None, int]:
    """How many accounts and registrations have the hash of which lookup key; None is a key that nobody named."""
    rows = await connection.fetch(
        """
        SELECT lookup_key, count(*) AS addresses FROM (
            SELECT lookup_key FROM users WHERE email_lookup IS NOT NULL
            UNION ALL SELECT lookup_key FROM registrations) AS hashed
        GROUP BY lookup_key
        """
    )
    return {row["lookup_key"]: row["addresses"] for row in rows}


async def forget_claims(uow: UnitOfWork, kept: Sequence[str]) -> None:
    """Forget what is claimed under no key that is kept, beside what finds the account."""
    await uow.connection.execute(
        """
        DELETE FROM address_claims AS claim USING users
        WHERE users.id = claim.user_id AND users.email_lookup <> claim.lookup
          AND (claim.lookup_key IS NULL OR claim.lookup_key <> ALL($1))
        """,
        kept,
    )
