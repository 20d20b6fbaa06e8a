"""Statements on registrations, one-time links, and tries to sign in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from ais.accounts.domain import LOCKED_FOR, TRIES, TRIES_WITHIN, Link, LinkPurpose, Registration
from ais.kit.ids import PersonId
from ais.platform.database import Connection, UnitOfWork
from ais.platform.vault import Lookup

_LINK = """id, purpose, array_prepend(email_lookup, email_lookups_also) AS email_lookups, registration_id, language,
    expires_at,
    used_at IS NOT NULL OR expires_at <= ais_now() AS is_over"""


async def insert_registration(
    uow: UnitOfWork,
    *,
    person_id: PersonId,
    email_lookup: Lookup,
    email_sealed: bytes,
    name_sealed: bytes | None,
    language: str,
    password_hash: str,
    lifetime: timedelta,
) -> UUID:
    registration_id: UUID = await uow.connection.fetchval(
        """
        INSERT INTO registrations (person_id, email_lookup, lookup_key, email_sealed, name_sealed, language,
                                   password_hash, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, ais_now() + $8::interval) RETURNING id
        """,
        person_id,
        email_lookup.stored,
        email_lookup.key_id,
        email_sealed,
        name_sealed,
        language,
        password_hash,
        lifetime,
    )
    return registration_id


async def find_registration(connection: Connection, registration_id: UUID) -> Registration | None:
    row = await connection.fetchrow(
        """
        SELECT id, person_id, email_sealed, name_sealed, language, password_hash
        FROM registrations WHERE id = $1
        """,
        registration_id,
    )
    return msgspec.convert(dict(row), Registration) if row is not None else None


async def insert_link(
    uow: UnitOfWork,
    purpose: LinkPurpose,
    email_lookup: Lookup,
    language: str,
    lifetime: timedelta,
    registration_id: UUID | None = None,
) -> UUID:
    link_id: UUID = await uow.connection.fetchval(
        """
        INSERT INTO one_time_links (purpose, email_lookup, email_lookups_also, language, registration_id, expires_at)
        VALUES ($1, $2, $3, $4, $5, ais_now() + $6::interval) RETURNING id
        """,
        purpose,
        email_lookup.stored,
        email_lookup.hashes[1:],
        language,
        registration_id,
        lifetime,
    )
    return link_id


async def find_link(connection: Connection, link_id: UUID) -> Link | None:
    row = await connection.fetchrow(f"SELECT {_LINK} FROM one_time_links WHERE id = $1", link_id)  # noqa: S608  # a constant
    return msgspec.convert(dict(row), Link) if row is not None else None


async def count_before(connection: Connection, link: Link, within: timedelta) -> int:
    """How many links of the same purpose were asked for this address in the time before this one."""
    count: int = await connection.fetchval(
        """
        SELECT count(*) FROM one_time_links AS earlier JOIN one_time_links AS this ON this.id = $1
        WHERE earlier.email_lookup = ANY(array_prepend(this.email_lookup, this.email_lookups_also))
          AND earlier.purpose = this.purpose AND earlier.id < this.id
          AND earlier.created_at > this.created_at - $2::interval
        """,
        link.id,
        within,
    )
    return count


async def lock_link(uow: UnitOfWork, link_id: UUID) -> Link | None:
    """The link, nobody else's to use until the end of the unit of work."""
    row = await uow.connection.fetchrow(
        f"SELECT {_LINK} FROM one_time_links WHERE id = $1 FOR NO KEY UPDATE",  # noqa: S608  # a constant
        link_id,
    )
    return msgspec.convert(dict(row), Link) if row is not None else None


async def use_links(uow: UnitOfWork, purpose: LinkPurpose, hashes: Sequence[bytes]) -> None:
    """All open links of that purpose for this address are used up: what one of them did the others need not do."""
    await uow.connection.execute(
        """
        UPDATE one_time_links SET used_at = ais_now()
        WHERE purpose = $1 AND email_lookup = ANY($2) AND used_at IS NULL
        """,
        purpose,
        hashes,
    )


async def forget_address(uow: UnitOfWork, hashes: Sequence[bytes]) -> list[PersonId]:
    """Forget all links and registrations for an address; the persons of those registrations."""
    await uow.connection.execute("DELETE FROM one_time_links WHERE email_lookup = ANY($1)", hashes)
    rows = await uow.connection.fetch(
        "DELETE FROM registrations WHERE email_lookup = ANY($1) RETURNING person_id", hashes
    )
    return [row["person_id"] for row in rows]


async def remove_past_links(uow: UnitOfWork, *, before: datetime, limit: int) -> list[PersonId]:
    """Forget links and registrations that ended before that; the persons of those that made no account."""
    await uow.connection.execute(
        """
        DELETE FROM one_time_links WHERE id IN (
            SELECT id FROM one_time_links WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        """,
        before,
        limit,
    )
    rows = await uow.connection.fetch(
        """
        DELETE FROM registrations WHERE id IN (
            SELECT id FROM registrations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING person_id, EXISTS (SELECT FROM users WHERE users.person_id = registrations.person_id) AS has_account
        """,
        before,
        limit,
    )
    return [row["person_id"] for row in rows if not row["has_account"]]


# Tries to sign in


class Try(msgspec.Struct, frozen=True):
    """A try, counted before anything is looked at: which one it is in its window; 0 while the pair is locked."""

    number: int
    locked_seconds: int


async def take_try(uow: UnitOfWork, pair: bytes) -> Try:
    """Count a try of this pair, whose row is locked until the end of the unit of work.

    The one after the last that is allowed locks the pair, from that moment.
    """
    row = await uow.connection.fetchrow(
        """
        INSERT INTO sign_in_tries AS known (pair, tries, began_at) VALUES ($1, 1, ais_now())
        ON CONFLICT (pair) DO UPDATE SET
            tries = CASE WHEN known.locked_until > ais_now() THEN known.tries
                         WHEN known.locked_until IS NOT NULL OR known.began_at <= ais_now() - $2::interval THEN 1
                         ELSE known.tries + 1 END,
            began_at = CASE WHEN known.locked_until > ais_now() THEN known.began_at
                            WHEN known.locked_until IS NOT NULL OR known.began_at <= ais_now() - $2::interval
                                THEN ais_now()
                            ELSE known.began_at END,
            locked_until = CASE WHEN known.locked_until > ais_now() THEN known.locked_until
                                WHEN known.locked_until IS NULL AND known.began_at > ais_now() - $2::interval
                                     AND known.tries >= $3 THEN ais_now() + $4::interval END
        RETURNING tries, ceil(extract(epoch FROM locked_until - ais_now()))::integer AS locked_seconds
        """,
        pair,
        TRIES_WITHIN,
        TRIES,
        LOCKED_FOR,
    )
    locked_seconds = row["locked_seconds"] or 0
    return Try(0 if locked_seconds else row["tries"], locked_seconds)


async def give_back_try(uow: UnitOfWork, pair: bytes) -> None:
    """The try was no wrong one, and says nothing about those before it."""
    await uow.connection.execute(
        "DELETE FROM sign_in_tries WHERE pair = $1 AND tries = 1 AND locked_until IS NULL", pair
    )
    await uow.connection.execute("UPDATE sign_in_tries SET tries = tries - 1 WHERE pair = $1 AND tries > 1", pair)


async def forget_tries(uow: UnitOfWork, pair: bytes) -> None:
    """Whoever signs in begins anew."""
    await uow.connection.execute("DELETE FROM sign_in_tries WHERE pair = $1 AND locked_until IS NULL", pair)


async def remove_past_tries(uow: UnitOfWork, *, limit: int) -> int:
    """Forget tries whose window and lock are over. How many."""
    rows = await uow.connection.fetch(
        """
        DELETE FROM sign_in_tries WHERE pair IN (
            SELECT pair FROM sign_in_tries WHERE began_at < (SELECT ais_now() - $1::interval)
            LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING 1
        """,
        TRIES_WITHIN + LOCKED_FOR,
        limit,
    )
    return len(rows)
