"""Statements on the hashes by which addresses are found, and on whose each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from ais.kit.ids import PersonId
from ais.platform.database import Connection, UnitOfWork
from ais.platform.vault import Lookup


class ToRewrite(msgspec.Struct, frozen=True):
    """An account or a registration, with the address that its hash is made of."""

    id: UUID
    person_id: PersonId
    email_sealed: bytes


async def accounts_to_rewrite(uow: UnitOfWork, key_id: str, after: UUID | None, limit: int) -> list[ToRewrite]:
    """The next accounts whose hash another lookup key made, locked in order of id."""
    rows = await uow.connection.fetch(
        """
        SELECT id, person_id, email_sealed FROM users
        WHERE ($1::uuid IS NULL OR id > $1) AND email_lookup IS NOT NULL AND lookup_key IS DISTINCT FROM $2
        ORDER BY id LIMIT $3 FOR UPDATE
        """,
        after,
        key_id,
        limit,
    )
    return [ToRewrite(**row) for row in rows]


async def rewrite_accounts(uow: UnitOfWork, key_id: str, user_ids: Sequence[UUID], lookups: Sequence[Lookup]) -> None:
    """Put the hash under this key in the place of another one; the trigger claims it. What was claimed stays so."""
    await uow.connection.execute(
        """
        UPDATE users SET email_lookup = anew.lookup, lookup_key = $1
        FROM unnest($2::uuid[], $3::bytea[]) AS anew (id, lookup) WHERE users.id = anew.id
        """,
        key_id,
        user_ids,
        [each.stored for each in lookups],
    )


async def registrations_to_rewrite(uow: UnitOfWork, key_id: str, after: UUID | None, limit: int) -> list[ToRewrite]:
    """The next registrations whose hash another lookup key made, locked in order of id."""
    rows = await uow.connection.fetch(
        """
        SELECT id, person_id, email_sealed FROM registrations
        WHERE ($1::uuid IS NULL OR id > $1) AND lookup_key IS DISTINCT FROM $2 ORDER BY id LIMIT $3 FOR UPDATE
        """,
        after,
        key_id,
        limit,
    )
    return [ToRewrite(**row) for row in rows]


async def rewrite_registrations(
    uow: UnitOfWork, key_id: str, registration_ids: Sequence[UUID], lookups: Sequence[Lookup]
) -> None:
    """Put the hash under this key in the place of another one."""
    await uow.connection.execute(
        """
        UPDATE registrations SET email_lookup = anew.lookup, lookup_key = $1
        FROM unnest($2::uuid[], $3::bytea[]) AS anew (id, lookup) WHERE registrations.id = anew.id
        """,
        key_id,
        registration_ids,
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
