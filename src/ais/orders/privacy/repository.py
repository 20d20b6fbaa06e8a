"""Statements on the persons of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from ais.kit import encode_id, ids
from ais.kit.ids import OrderId, PassengerId, PersonId
from ais.orders.domain import Order
from ais.platform.database import Connection, UnitOfWork

_SEALING = "orders"


class ToRewrite(msgspec.Struct, frozen=True):
    """A person of an order, the buyer where ``passenger_id`` is None, and what the hash is made of."""

    order_id: OrderId
    passenger_id: PassengerId | None
    record_locator: str
    person_id: PersonId
    sealed: bytes


async def orders_owned_by(connection: Connection, user_id: UUID) -> list[OrderId]:
    """The orders of a traveller's account, oldest first."""
    rows = await connection.fetch("SELECT id FROM orders WHERE owner_user_id = $1 ORDER BY id", user_id)
    return [OrderId(row["id"]) for row in rows]


async def orders_with_address(connection: Connection, hashes: Sequence[bytes]) -> list[OrderId]:
    """The orders whose buyer gave this address, oldest first."""
    rows = await connection.fetch("SELECT id FROM orders WHERE contact_lookup = ANY($1) ORDER BY id", hashes)
    return [OrderId(row["id"]) for row in rows]


async def written_about(connection: Connection, order_id: OrderId) -> list[str]:
    """What staff wrote about the order by hand, as it rests: reasons in its history, and for waivers."""
    rows = await connection.fetch(
        """
        SELECT reason FROM order_history WHERE order_id = $1 AND reason LIKE 'sealed:%'
        UNION SELECT waiver_reason FROM cancellation_quotes WHERE order_id = $1 AND waiver_reason LIKE 'sealed:%'
        """,
        order_id,
    )
    return [row["reason"] for row in rows]


async def share_orders(uow: UnitOfWork, order_ids: Sequence[OrderId]) -> None:
    """Keep others from changing these orders until the end of the unit of work, beside others who only keep them."""
    await uow.connection.execute("SELECT FROM orders WHERE id = ANY($1) ORDER BY id FOR SHARE", order_ids)


async def forget_hashes(uow: UnitOfWork, order_id: OrderId, reason: str) -> None:
    """Remove what the order's persons are found by, and note in its history that they were erased."""
    await uow.connection.execute(
        """
        WITH buyer AS (
            UPDATE orders SET contact_lookup = NULL, updated_at = ais_now(), version = version + 1
            WHERE id = $1 RETURNING id
        ), party AS (
            UPDATE order_passengers SET name_lookup = NULL WHERE order_id = $1
        )
        INSERT INTO order_history (order_id, axis, from_state, to_state, reason, actor, channel, correlation_id)
        SELECT id, 'personal_data', NULL, 'erased', $2, $3, $4, $5 FROM buyer
        """,
        order_id,
        reason,
        uow.actor.name,
        uow.actor.channel,
        uow.correlation_id,
    )


async def forget_passengers(
    uow: UnitOfWork, order_id: OrderId, passenger_ids: Sequence[PassengerId], reason: str, *, with_contact: bool
) -> None:
    """Remove what these passengers, and the buyer ``with_contact``, are found by, and note in the order's history who
    was erased.
    """
    await uow.connection.execute(
        """
        WITH party AS (
            UPDATE order_passengers SET name_lookup = NULL WHERE order_id = $1 AND id = ANY($2)
        ), changed AS (
            UPDATE orders SET updated_at = ais_now(), version = version + 1,
                              contact_lookup = CASE WHEN NOT $8 THEN contact_lookup END
            WHERE id = $1 RETURNING id
        )
        INSERT INTO order_history (order_id, axis, from_state, to_state, reason, details, actor, channel,
                                   correlation_id)
        SELECT id, 'personal_data', NULL, 'partly_erased', $3, $4, $5, $6, $7 FROM changed
        """,
        order_id,
        list(passenger_ids),
        reason,
        {"passengers": [encode_id(ids.PASSENGER, each) for each in passenger_ids], "buyer": with_contact},
        uow.actor.name,
        uow.actor.channel,
        uow.correlation_id,
        with_contact,
    )


async def orders_past_use(
    connection: Connection, *, unpaid: timedelta, travelled: timedelta, after: OrderId | None, limit: int
) -> list[OrderId]:
    """The next orders whose persons nobody needs any more and that are not erased yet, in order of id.

    Of one that ended without a document that is so ``unpaid`` after its last change, of all others ``travelled`` after
    the last arrival.
    """
    rows = await connection.fetch(
        """
        SELECT orders.id FROM orders
        WHERE (contact_lookup IS NOT NULL
               OR EXISTS (SELECT FROM order_passengers WHERE order_id = orders.id AND name_lookup IS NOT NULL))
          AND ($3::uuid IS NULL OR id > $3) AND CASE
            WHEN status IN ('expired', 'cancelled') AND ticketing_status = 'none'
                THEN updated_at < ais_now() - $1::interval
            ELSE status IN ('completed', 'cancelled', 'confirmed') AND last_arrival_at < ais_now() - $2::interval END
        ORDER BY id LIMIT $4
        """,
        unpaid,
        travelled,
        after,
        limit,
    )
    return [OrderId(row["id"]) for row in rows]


async def sealing_begins_after(uow: UnitOfWork) -> UUID | None:
    """After which order the sealing of old rows goes on; nobody else seals until the unit of work ends."""
    await uow.connection.execute(
        "INSERT INTO sealing_progress (subject) VALUES ($1) ON CONFLICT (subject) DO NOTHING", _SEALING
    )
    after: UUID | None = await uow.connection.fetchval(
        "SELECT after_id FROM sealing_progress WHERE subject = $1 FOR UPDATE", _SEALING
    )
    return after


async def orders_in_the_clear(uow: UnitOfWork, after: UUID | None, limit: int) -> Sequence[tuple[OrderId, bool]]:
    """The next orders, each with whether it rests in the clear.

    Those of the last ten minutes are left for later: an earlier id may still be on its way to its commit.
    """
    rows = await uow.connection.fetch(
        """
        SELECT id, contact_sealed IS NULL AS clear FROM orders
        WHERE ($1::uuid IS NULL OR id > $1) AND created_at < ais_now() - interval '10 minutes'
        ORDER BY id LIMIT $2
        """,
        after,
        limit,
    )
    return [(OrderId(row["id"]), row["clear"]) for row in rows]


async def count_in_the_clear(connection: Connection) -> int:
    """How many orders still rest in the clear."""
    count: int = await connection.fetchval("SELECT count(*) FROM orders WHERE contact_sealed IS NULL")
    return count


async def note_sealing(uow: UnitOfWork, after: UUID, moved: int) -> None:
    """How far the sealing of old rows has come."""
    await uow.connection.execute(
        "UPDATE sealing_progress SET after_id = $2, moved = moved + $3, updated_at = ais_now() WHERE subject = $1",
        _SEALING,
        after,
        moved,
    )


async def write_sealed(uow: UnitOfWork, order: Order) -> None:
    """Put the sealed persons of an order in the place of the clear ones; their keys are stored already."""
    await uow.connection.execute(
        """
        WITH buyer AS (
            UPDATE orders SET contact = NULL, language = $2, contact_person_id = $3, contact_sealed = $4,
                              contact_lookup = $5, lookup_key = $7
            WHERE id = $1
        )
        UPDATE order_passengers AS passenger
        SET person_id = sealed.person_id, personal_sealed = sealed.personal_sealed, name_lookup = sealed.name_lookup,
            title = NULL, gender = NULL, given_name = NULL, family_name = NULL, search_name = NULL, name_local = NULL,
            born_on = NULL, nationality = NULL, documents = '[]'
        FROM jsonb_to_recordset($6) AS sealed (id uuid, person_id uuid, personal_sealed bytea, name_lookup bytea)
        WHERE passenger.id = sealed.id
        """,
        order.id,
        order.language,
        order.contact_person_id,
        order.contact_sealed,
        order.contact_lookup,
        [
            {
                "id": str(each.id),
                "person_id": str(each.person_id),
                "personal_sealed": each.personal_sealed,
                "name_lookup": each.name_lookup,
            }
            for each in order.passengers
        ],
        order.lookup_key,
    )


async def lock_to_rewrite(uow: UnitOfWork, key_id: str, after: UUID | None, limit: int) -> list[OrderId]:
    """The next sealed orders whose hashes another lookup key made, locked in order of id."""
    rows = await uow.connection.fetch(
        """
        SELECT id FROM orders
        WHERE ($1::uuid IS NULL OR id > $1) AND contact_sealed IS NOT NULL AND lookup_key IS DISTINCT FROM $2
        ORDER BY id LIMIT $3 FOR UPDATE
        """,
        after,
        key_id,
        limit,
    )
    return [OrderId(row["id"]) for row in rows]


async def read_to_rewrite(connection: Connection, order_ids: Sequence[OrderId]) -> Sequence[ToRewrite]:
    """What these orders' hashes are made of, for the persons that still have any."""
    rows = await connection.fetch(
        """
        SELECT id AS order_id, NULL::uuid AS passenger_id, record_locator, contact_person_id AS person_id,
               contact_sealed AS sealed
        FROM orders WHERE id = ANY($1) AND contact_lookup IS NOT NULL
        UNION ALL
        SELECT order_id, passenger.id, record_locator, person_id, personal_sealed
        FROM order_passengers AS passenger JOIN orders ON orders.id = order_id
        WHERE order_id = ANY($1) AND name_lookup IS NOT NULL
        """,
        order_ids,
    )
    return [ToRewrite(**row) for row in rows]


async def write_lookups(
    uow: UnitOfWork,
    key_id: str,
    order_ids: Sequence[OrderId],
    contacts: Mapping[OrderId, bytes],
    names: Mapping[PassengerId, bytes],
) -> None:
    """Put hashes under this lookup key in the place of others; nothing else of the orders changes."""
    await uow.connection.execute(
        """
        WITH anew AS (
            SELECT each.id, contact.lookup
            FROM unnest($2::uuid[]) AS each (id) LEFT JOIN unnest($3::uuid[], $4::bytea[]) AS contact (id, lookup)
            USING (id)
        ), buyers AS (
            UPDATE orders SET lookup_key = $1, contact_lookup = anew.lookup FROM anew WHERE orders.id = anew.id
        )
        UPDATE order_passengers SET name_lookup = anew.lookup
        FROM unnest($5::uuid[], $6::bytea[]) AS anew (id, lookup) WHERE order_passengers.id = anew.id
        """,
        key_id,
        order_ids,
        list(contacts),
        list(contacts.values()),
        list(names),
        list(names.values()),
    )


async def count_lookups(connection: Connection) -> Mapping[str | None, int]:
    """How many sealed orders have hashes of which lookup key; None is a key that nobody named."""
    rows = await connection.fetch(
        "SELECT lookup_key, count(*) AS orders FROM orders WHERE contact_sealed IS NOT NULL GROUP BY lookup_key"
    )
    return {row["lookup_key"]: row["orders"] for row in rows}


def persons_of(order: Order) -> list[PersonId]:
    """The persons of an order, the buyer first."""
    buyer = [order.contact_person_id] if order.contact_person_id is not None else []
    return [*buyer, *(each.person_id for each in order.passengers if each.person_id is not None)]
