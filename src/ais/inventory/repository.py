"""Every statement and every lock of inventory.

Counters change in the functions that the migration made (``claim_seats``, ``confirm_hold`` …): each is one round trip,
locks all cabins of its legs sorted in one statement, and reads the clock after that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from ais.inventory.domain import Claim, ClaimItem, Hold, HoldStatus, SeatsToGiveBack
from ais.platform.database import Connection

UNACCEPTABLE = (ValueError, TypeError, OverflowError)
"""A claim whose values cannot even be sent: a number out of range, a character that no text may hold."""

CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)
"""What a call meets when the database restarts under it: what was sent may or may not have been committed."""

TRY_AGAIN = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.QueryCanceledError,
    asyncpg.SerializationError,
    asyncpg.InsufficientResourcesError,
)
"""What the database answers when it could not get to the work in time: nothing was changed."""

REFUSED_BY_DATABASE = (asyncpg.PostgresError,)
"""A claim that the database cannot take at all: a counter's CHECK, an unknown leg."""

_CLAIM_SEATS = """
SELECT outcomes, created, ends, opened FROM claim_seats(
    $1::bigint[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::text[], $9::int[],
    $10::int[], $11::int[], $12::text[], $13::int[], $14::int[], $15::int[], $16::bigint[])
"""


class Refusal(msgspec.Struct, frozen=True):
    """A claim that took nothing: what it asked for and what it could have had, seats or infants."""

    asked: int
    open_seats: int
    of: str = "seats"


def _batch_arguments(claims: Sequence[Claim]) -> list[list[Any]]:
    """The parallel arrays that ``claim_seats`` takes."""
    wanted = sorted({(item.leg_id, item.cabin) for claim in claims for item in claim.items})
    rows = {leg_cabin: place for place, leg_cabin in enumerate(wanted, start=1)}
    infant_rows: dict[int, int] = {}
    first_items, item_claims, item_rows, item_infant_rows = [1], [], [], []
    items: list[ClaimItem] = []
    for number, claim in enumerate(claims, start=1):
        for item in claim.items:
            items.append(item)
            item_claims.append(number)
            item_rows.append(rows[item.leg_id, item.cabin])
            item_infant_rows.append(infant_rows.setdefault(item.leg_id, len(infant_rows) + 1) if item.infants else 0)
        first_items.append(len(items) + 1)
    return [
        [leg_id for leg_id, _ in wanted],
        [cabin for _, cabin in wanted],
        [claim.hold_id for claim in claims],
        [claim.owner for claim in claims],
        [claim.channel for claim in claims],
        [claim.point_of_sale for claim in claims],
        [claim.hold_seconds for claim in claims],
        [_journey(claim) for claim in claims],
        first_items,
        item_claims,
        item_rows,
        [item.rbd for item in items],
        [item.seats for item in items],
        [item.infants for item in items],
        item_infant_rows,
        list(infant_rows),
    ]


def _journey(claim: Claim) -> str:
    return msgspec.json.encode(claim.journey).decode() if claim.journey else "{}"


async def claim_seats(
    connection: Connection, claims: Sequence[Claim], *, timeout_seconds: float | None = None
) -> list[Hold | Refusal]:
    """Decide ``claims`` in the order given, in one round trip; the answers are in the same order."""
    record = await connection.fetchrow(_CLAIM_SEATS, *_batch_arguments(claims), timeout=timeout_seconds)
    answers: list[Hold | Refusal] = []
    for claim, outcome, created, ends, opened in zip(claims, *record, strict=True):
        if outcome == "accepted":
            answers.append(Hold(claim.hold_id, HoldStatus.ACTIVE, created, ends, is_new=True))
        elif outcome == "refused":
            answers.append(Refusal(claim.seats, opened))
        elif outcome == "no_place_for_infants":
            answers.append(Refusal(claim.infants, opened, "infants"))
        else:
            answers.append(Hold(claim.hold_id, HoldStatus(outcome), created, ends))
    return answers


_HOLD = "(hold).id, (hold).status, (hold).created_at, (hold).expires_at"


def _hold(record: Any) -> Hold | None:
    if record["id"] is None:
        return None
    return Hold(record["id"], HoldStatus(record["status"]), record["created_at"], record["expires_at"])


async def confirm_hold(connection: Connection, hold_id: UUID) -> tuple[str, Hold | None, Refusal | None]:
    """Outcome, the hold that stands for ``hold_id`` now, and for a refusal what was left."""
    record = await connection.fetchrow(f"SELECT outcome, asked, opened, {_HOLD} FROM confirm_hold($1)", hold_id)  # noqa: S608  # made of constants
    outcome = record["outcome"]
    refusal = None
    if outcome in ("refused", "no_place_for_infants"):
        of = "seats" if outcome == "refused" else "infants"
        refusal = Refusal(record["asked"], record["opened"], of)
    return outcome, _hold(record), refusal


async def extend_hold(connection: Connection, hold_id: UUID, expires_at: datetime) -> tuple[str, Hold | None]:
    record = await connection.fetchrow(f"SELECT outcome, {_HOLD} FROM extend_hold($1, $2)", hold_id, expires_at)  # noqa: S608  # made of constants
    return record["outcome"], _hold(record)


async def release_hold(connection: Connection, hold_id: UUID) -> tuple[str, Hold | None]:
    record = await connection.fetchrow(f"SELECT outcome, {_HOLD} FROM release_hold($1)", hold_id)  # noqa: S608  # made of constants
    return record["outcome"], _hold(record)


async def release_sold(
    connection: Connection, hold_id: UUID, items: Sequence[ClaimItem | SeatsToGiveBack] | None
) -> tuple[str, Hold | None]:
    """Outcome ``too_many`` if the hold has not so many seats sold: nothing was changed then."""
    columns: list[list[Any] | None] = [None] * 5
    if items is not None:
        columns = [
            [item.leg_id for item in items],
            [item.cabin for item in items],
            [item.rbd for item in items],
            [item.seats for item in items],
            [item.infants for item in items],
        ]
    statement = f"SELECT outcome, {_HOLD} FROM release_sold($1, $2, $3, $4, $5, $6)"  # noqa: S608  # made of constants
    try:
        async with connection.transaction():
            record = await connection.fetchrow(statement, hold_id, *columns)
    except asyncpg.CheckViolationError as error:
        if error.constraint_name != "hold_items_sold":
            raise
        return "too_many", None
    return record["outcome"], _hold(record)


async def sweep_expired_holds(connection: Connection, limit: int) -> list[tuple[UUID, str]]:
    """Resolve up to ``limit`` ended holds; their ids and owners."""
    return [tuple(record) for record in await connection.fetch("SELECT * FROM sweep_expired_holds($1)", limit)]


async def purge_changes(connection: Connection, older_than_seconds: float) -> int:
    """Forget what every process has long read; the number of rows."""
    status = await connection.execute(
        "DELETE FROM inventory_changes WHERE changed_at < ais_now() - $1 * interval '1 second'", older_than_seconds
    )
    return int(status.rsplit(" ", 1)[1])


# What the schedule says a leg's cabins are. The ladder of the carrier itself comes before the one of every carrier, and
# so does its overbooking. A cabin without a ladder is not sold. Each configuration is worked out once.
_PLANNED = """
wanted AS (
    SELECT leg.id AS leg_id, leg.flight_date_id, leg.configuration, leg.aircraft_type, flight.carrier,
        flight.on_sale AND flight.status = 'scheduled' AND leg.status = 'scheduled' AS on_sale
    FROM legs AS leg JOIN flight_dates AS flight ON flight.id = leg.flight_date_id
    WHERE $1::bigint[] IS NULL OR leg.id = ANY ($1)
),
ladder AS (
    SELECT known.carrier, known.cabin, string_agg(rung.rbd, '' ORDER BY rung.rank) AS classes,
        array_agg(rung.limit_percent ORDER BY rung.rank) AS percents,
        coalesce(
            (SELECT percent FROM overbooking_levels WHERE carrier = known.carrier AND cabin = known.cabin),
            (SELECT percent FROM overbooking_levels WHERE carrier = '*' AND cabin = known.cabin),
            0
        ) AS overbooking_percent
    FROM (
        SELECT flown.carrier, cabin.cabin,
            CASE WHEN EXISTS (
                SELECT FROM booking_class_ladders WHERE carrier = flown.carrier AND cabin = cabin.cabin
            ) THEN flown.carrier ELSE '*' END AS source
        FROM (SELECT DISTINCT carrier FROM wanted) AS flown
        CROSS JOIN (SELECT DISTINCT cabin FROM booking_class_ladders) AS cabin
    ) AS known
    JOIN booking_class_ladders AS rung ON rung.carrier = known.source AND rung.cabin = known.cabin
    GROUP BY known.carrier, known.cabin
),
equipped AS (
    SELECT aircraft.carrier, aircraft.configuration, ladder.cabin, ladder.classes, part.capacity,
        part.capacity + part.capacity * ladder.overbooking_percent / 100 AS authorised, ladder.percents
    FROM (SELECT DISTINCT carrier, configuration FROM wanted) AS aircraft
    CROSS JOIN LATERAL (
        SELECT piece[1] AS cabin, sum(piece[2]::integer)::integer AS capacity
        FROM regexp_matches(aircraft.configuration, '([A-Z])([0-9]{1,3})', 'g') AS piece GROUP BY piece[1]
    ) AS part
    JOIN ladder ON ladder.carrier = aircraft.carrier AND ladder.cabin = part.cabin
),
planned AS (
    SELECT wanted.leg_id, wanted.flight_date_id, wanted.on_sale, wanted.aircraft_type,
        cabin.cabin, cabin.classes, cabin.capacity, cabin.authorised, cabin.limits, cabin.none
    FROM wanted
    JOIN (
        SELECT carrier, configuration, cabin, classes, capacity, authorised,
            ARRAY(
                SELECT CASE WHEN rank = 1 THEN authorised ELSE (authorised * percent + 50) / 100 END
                FROM unnest(percents) WITH ORDINALITY AS rung (percent, rank) ORDER BY rank
            ) AS limits,
            array_fill(0, ARRAY[length(classes)]) AS none
        FROM equipped
    ) AS cabin ON cabin.carrier = wanted.carrier AND cabin.configuration = wanted.configuration
)
"""

# EXCEPT and not NOT EXISTS: planned while the table is empty, that would read the growing table once per new row.
_OPEN_LEG_CABINS = f"""
WITH {_PLANNED},
missing AS (
    SELECT leg_id, cabin FROM planned WHERE on_sale
    EXCEPT
    SELECT leg_id, cabin FROM leg_cabins WHERE $1::bigint[] IS NULL OR leg_id = ANY ($1)
),
opened AS (
    INSERT INTO leg_cabins (
        leg_id, cabin, flight_date_id, capacity, authorised, classes, limits, held_by_class, sold_by_class
    )
    SELECT leg_id, cabin, flight_date_id, capacity, authorised, classes, limits, none, none
    FROM planned JOIN missing USING (leg_id, cabin)
    ON CONFLICT DO NOTHING
    RETURNING leg_id
),
laps AS (
    INSERT INTO leg_infants AS carried (leg_id, infants_max)
    SELECT planned.leg_id, coalesce(max(lap.infants_max), sum(planned.capacity) / 10)
    FROM planned LEFT JOIN infant_limits AS lap ON lap.aircraft_type = planned.aircraft_type
    WHERE planned.leg_id IN (SELECT leg_id FROM opened)
    GROUP BY planned.leg_id
    ON CONFLICT (leg_id) DO UPDATE SET infants_max = EXCLUDED.infants_max,
        excess = greatest(0, carried.held + carried.sold - EXCLUDED.infants_max)
)
SELECT count(*) FROM opened
"""  # noqa: S608  # made of constants

_CHANGED_LEGS = f"""
WITH {_PLANNED}
SELECT DISTINCT lc.leg_id FROM leg_cabins AS lc
JOIN wanted ON wanted.leg_id = lc.leg_id
LEFT JOIN planned ON planned.leg_id = lc.leg_id AND planned.cabin = lc.cabin
WHERE lc.capacity <> coalesce(planned.capacity, 0) OR lc.on_sale <> wanted.on_sale
"""  # noqa: S608  # made of constants

# A cabin that the new aircraft does not have keeps its row with no seats, because seats may be sold in it. Where the
# capacity is the same only the sale is opened or closed, so that what staff set about the cabin stays.
_REFIT = f"""
WITH {_PLANNED},
before AS (
    SELECT lc.*, wanted.on_sale AS on_sale_after, coalesce(planned.capacity, 0) AS capacity_after,
        lc.capacity <> coalesce(planned.capacity, 0) AS refitted,
        coalesce(planned.authorised, 0) AS planned_authorised,
        CASE WHEN planned.classes = lc.classes THEN planned.limits
            ELSE ARRAY(
                SELECT CASE WHEN lc.limits[1] = 0 THEN 0
                    ELSE coalesce(planned.authorised, 0) * old_limit / lc.limits[1] END
                FROM unnest(lc.limits) WITH ORDINALITY AS old (old_limit, rank) ORDER BY rank
            ) END AS planned_limits
    FROM leg_cabins AS lc
    JOIN wanted ON wanted.leg_id = lc.leg_id
    LEFT JOIN planned ON planned.leg_id = lc.leg_id AND planned.cabin = lc.cabin
    WHERE lc.capacity <> coalesce(planned.capacity, 0) OR lc.on_sale <> wanted.on_sale
),
changed AS (
    UPDATE leg_cabins AS lc
    SET capacity = before.capacity_after,
        authorised = CASE WHEN before.refitted THEN before.planned_authorised ELSE lc.authorised END,
        limits = CASE WHEN before.refitted
            THEN before.planned_authorised || before.planned_limits[2:] ELSE lc.limits END,
        excess = CASE WHEN before.refitted
            THEN greatest(0, lc.held + lc.sold + lc.blocked - before.planned_authorised) ELSE lc.excess END,
        on_sale = before.on_sale_after,
        version = lc.version + 1
    FROM before WHERE before.leg_id = lc.leg_id AND before.cabin = lc.cabin
    RETURNING lc.*
)
INSERT INTO inventory_adjustments (
    leg_id, cabin, kind, capacity_before, capacity_after, authorised_before, authorised_after, blocked_before,
    blocked_after, excess_before, excess_after, limits_before, limits_after, on_sale_before, on_sale_after, actor,
    reason, changed_at
)
SELECT before.leg_id, before.cabin, CASE WHEN before.refitted THEN 'equipment' ELSE 'sale' END,
    before.capacity, changed.capacity, before.authorised, changed.authorised, before.blocked, changed.blocked,
    before.excess, changed.excess, before.limits, changed.limits, before.on_sale, changed.on_sale, $2, $3, ais_now()
FROM before JOIN changed ON changed.leg_id = before.leg_id AND changed.cabin = before.cabin
RETURNING leg_id, cabin, excess_before, excess_after,
    (SELECT flight_date_id FROM changed WHERE changed.leg_id = inventory_adjustments.leg_id LIMIT 1) AS flight_date_id
"""  # noqa: S608  # made of constants

_REFIT_INFANTS = """
UPDATE leg_infants AS carried
SET infants_max = fitted.infants_max, excess = greatest(0, carried.held + carried.sold - fitted.infants_max)
FROM (
    SELECT leg.id, coalesce(lap.infants_max, sum(cabin.capacity)::integer / 10) AS infants_max
    FROM legs AS leg JOIN leg_cabins AS cabin ON cabin.leg_id = leg.id
    LEFT JOIN infant_limits AS lap ON lap.aircraft_type = leg.aircraft_type
    WHERE leg.id = ANY ($1) GROUP BY leg.id, lap.infants_max
) AS fitted
WHERE carried.leg_id = fitted.id AND carried.infants_max <> fitted.infants_max
"""


_LONG_STATEMENT_SECONDS = 600.0
"""A year of a large airline is opened in one statement; see allow_long_statements."""


class AdjustedCabin(msgspec.Struct, frozen=True):
    """A leg cabin whose authorisation or sale changed, with how far it is oversold before and after."""

    leg_id: int
    cabin: str
    excess_before: int
    excess_after: int
    flight_date_id: UUID


async def open_leg_cabins(connection: Connection, leg_ids: Sequence[int] | None) -> int:
    """Make the counters that legs on sale do not have yet (all legs if None); the number of leg cabins made."""
    opened: int = await connection.fetchval(_OPEN_LEG_CABINS, leg_ids, timeout=_LONG_STATEMENT_SECONDS)
    return opened


async def refit_leg_cabins(
    connection: Connection, leg_ids: Sequence[int] | None, actor: str, reason: str
) -> list[AdjustedCabin]:
    """Bring counters to what the legs are now, locked and recorded; those that changed."""
    changed = [
        record["leg_id"] for record in await connection.fetch(_CHANGED_LEGS, leg_ids, timeout=_LONG_STATEMENT_SECONDS)
    ]
    if not changed:
        return []
    await lock_leg_cabins(connection, changed)
    await connection.execute("SELECT fold_expired_holds($1, ais_now())", changed, timeout=_LONG_STATEMENT_SECONDS)
    records = await connection.fetch(_REFIT, changed, actor, reason, timeout=_LONG_STATEMENT_SECONDS)
    await connection.execute(_REFIT_INFANTS, changed)
    return [AdjustedCabin(*record) for record in records]


async def lock_leg_cabins(connection: Connection, leg_ids: Iterable[int]) -> None:
    await connection.execute("SELECT lock_leg_cabins($1)", sorted(set(leg_ids)))


async def allow_long_statements(connection: Connection) -> None:
    """Lift the server's limit of a statement's time for the rest of the transaction."""
    await connection.execute(f"SET LOCAL statement_timeout = '{_LONG_STATEMENT_SECONDS:.0f}s'")


async def name_legs(connection: Connection, leg_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """What people call legs: flight, departure date of the flight, and route."""
    records = await connection.fetch(
        """
        SELECT leg.id, flight.carrier || flight.flight_number || flight.suffix AS flight,
            flight.departure_date::text, leg.origin || '-' || leg.destination AS route
        FROM legs AS leg JOIN flight_dates AS flight ON flight.id = leg.flight_date_id WHERE leg.id = ANY ($1)
        """,
        leg_ids,
    )
    return {record["id"]: dict(list(record.items())[1:]) for record in records}


async def note_change(connection: Connection, leg_ids: Sequence[int] | None) -> None:
    """Tell the processes that show open seats to look at these legs again; None means at all of them."""
    await connection.execute(
        "INSERT INTO inventory_changes (leg_ids, changed_at) VALUES ($1, ais_now())",
        None if leg_ids is None else list(leg_ids),
    )


class CabinNow(msgspec.Struct, frozen=True):
    """The counters of one leg cabin; arrays run by class rank."""

    leg_id: int
    cabin: str
    flight_date_id: UUID
    capacity: int
    authorised: int
    blocked: int
    excess: int
    held: int
    sold: int
    on_sale: bool
    classes: str
    limits: list[int]
    held_by_class: list[int]
    sold_by_class: list[int]
    version: int


_CABIN_COLUMNS = ", ".join(CabinNow.__struct_fields__)


async def leg_cabins(connection: Connection, leg_ids: Sequence[int], *, lock: bool = False) -> list[CabinNow]:
    """The counters of legs as they are written; with ``lock``, locked and with everything ended taken off first."""
    if lock:
        await lock_leg_cabins(connection, leg_ids)
        await connection.execute("SELECT fold_expired_holds($1, ais_now())", list(leg_ids))
    records = await connection.fetch(
        f"SELECT {_CABIN_COLUMNS} FROM leg_cabins WHERE leg_id = ANY ($1) ORDER BY leg_id, cabin",  # noqa: S608  # made of constants
        list(leg_ids),
    )
    return [CabinNow(*record) for record in records]


_ADJUST = """
WITH before AS (SELECT * FROM leg_cabins WHERE leg_id = $1 AND cabin = $2),
changed AS (
    UPDATE leg_cabins
    SET authorised = $3, limits = $4, blocked = $5, excess = greatest(0, held + sold + $5 - $3), version = version + 1
    WHERE leg_id = $1 AND cabin = $2 RETURNING *
)
INSERT INTO inventory_adjustments (
    leg_id, cabin, kind, capacity_before, capacity_after, authorised_before, authorised_after, blocked_before,
    blocked_after, excess_before, excess_after, limits_before, limits_after, on_sale_before, on_sale_after, actor,
    reason, changed_at
)
SELECT $1, $2, 'authorisation', before.capacity, changed.capacity, before.authorised, changed.authorised,
    before.blocked, changed.blocked, before.excess, changed.excess, before.limits, changed.limits,
    before.on_sale, changed.on_sale, $6, $7, ais_now()
FROM before, changed
RETURNING leg_id, cabin, excess_before, excess_after, (SELECT flight_date_id FROM changed) AS flight_date_id
"""


async def adjust_authorisation(
    connection: Connection,
    cabin: CabinNow,
    limits: Sequence[int],
    blocked: int,
    actor: str,
    reason: str,
) -> AdjustedCabin:
    """Write new limits (the first is the authorisation) and blocked seats of a locked leg cabin, and record it."""
    record = await connection.fetchrow(
        _ADJUST, cabin.leg_id, cabin.cabin, limits[0], list(limits), blocked, actor, reason
    )
    return AdjustedCabin(*record)


async def seats_sold(connection: Connection, leg_ids: Sequence[int]) -> dict[int, int]:
    """Seats sold per leg, all cabins together; a leg without counters has none."""
    records = await connection.fetch(
        "SELECT leg_id, sum(sold)::integer FROM leg_cabins WHERE leg_id = ANY ($1) GROUP BY leg_id", list(leg_ids)
    )
    counted = {record[0]: record[1] for record in records}
    return {leg_id: counted.get(leg_id, 0) for leg_id in leg_ids}


class CabinCounts(msgspec.Struct, frozen=True):
    """What open seats are worked out from; arrays run by class rank, ``taken`` is sold and held."""

    cabin: str
    classes: str
    on_sale: bool
    limits: list[int]
    blocked: int
    taken: list[int]


class CabinGroup(msgspec.Struct, frozen=True):
    """Leg cabins that are all alike."""

    counts: CabinCounts
    leg_ids: list[int]


class Changes(msgspec.Struct, frozen=True):
    """Legs whose counters changed (None: any may have), from when on to ask next time, and the database's time."""

    leg_ids: list[int] | None
    seen_from: str
    at: datetime


async def changes_since(connection: Connection, seen_from: str | None) -> Changes:
    """Legs changed by any transaction that was not finished at ``seen_from``, in one snapshot with the next mark."""
    record = await connection.fetchrow(
        """
        SELECT coalesce(bool_or(leg_ids IS NULL), false), array_agg(DISTINCT leg_id) FILTER (WHERE leg_id IS NOT NULL),
            (SELECT pg_snapshot_xmin(pg_current_snapshot()))::text, (SELECT ais_now())
        FROM inventory_changes LEFT JOIN LATERAL unnest(leg_ids) AS leg_id ON true
        WHERE xact_id >= $1::text::xid8
        """,
        seen_from,
    )
    everything, leg_ids, next_from, at = record
    return Changes(None if everything else leg_ids or [], next_from, at)


async def untouched_cabins(connection: Connection) -> AsyncIterator[CabinGroup]:
    """Every leg cabin of a leg that has not long departed and that nobody holds seats on, grouped by being alike."""
    async with connection.transaction(readonly=True):
        cursor = connection.cursor(
            """
            SELECT lc.cabin, lc.classes, lc.on_sale, lc.limits, lc.blocked, lc.sold_by_class, array_agg(lc.leg_id)
            FROM leg_cabins AS lc JOIN legs AS leg ON leg.id = lc.leg_id
            WHERE lc.next_expiry_at IS NULL AND leg.passenger_departure_at > (SELECT ais_now()) - interval '1 day'
            GROUP BY 1, 2, 3, 4, 5, 6
            """,
            prefetch=100,
        )
        async for *counts, leg_ids in cursor:
            yield CabinGroup(CabinCounts(*counts), leg_ids)


async def legs_with_holds(connection: Connection) -> list[int]:
    """Legs on which somebody holds seats."""
    records = await connection.fetch("SELECT DISTINCT leg_id FROM leg_cabins WHERE next_expiry_at IS NOT NULL")
    return [record[0] for record in records]


async def cabins_at(
    connection: Connection, leg_ids: Sequence[int], at: datetime
) -> list[tuple[int, CabinCounts, datetime | None]]:
    """Leg cabins as they count at ``at``: what has ended by then is off. With the next instant at which a hold ends."""
    records = await connection.fetch(
        """
        SELECT lc.leg_id, lc.cabin, lc.classes, lc.on_sale, lc.limits, lc.blocked, lc.held_by_class, lc.sold_by_class,
            CASE WHEN lc.next_expiry_at <= $2 THEN item.next_end ELSE lc.next_expiry_at END, item.rbds, item.seats
        FROM leg_cabins AS lc
        LEFT JOIN LATERAL (
            SELECT min(expires_at) FILTER (WHERE expires_at > $2) AS next_end,
                array_agg(rbd) FILTER (WHERE expires_at <= $2) AS rbds,
                array_agg(seats) FILTER (WHERE expires_at <= $2) AS seats
            FROM hold_items
            WHERE leg_id = lc.leg_id AND cabin = lc.cabin AND state = 'held'
        ) AS item ON lc.next_expiry_at <= $2
        WHERE lc.leg_id = ANY ($1)
        """,
        list(leg_ids),
        at,
    )
    found = []
    for leg_id, cabin, classes, on_sale, limits, blocked, held, sold, next_end, rbds, seats in records:
        taken = [held[rank] + sold[rank] for rank in range(len(classes))]
        for rbd, ended in zip(rbds or (), seats or (), strict=True):
            taken[classes.index(rbd)] -= ended
        found.append((leg_id, CabinCounts(cabin, classes, on_sale, limits, blocked, taken), next_end))
    return found


async def scarce_infants(connection: Connection, below: int) -> dict[int, int]:
    """Places for infants by leg, where fewer than ``below`` are left."""
    records = await connection.fetch(
        "SELECT leg_id, greatest(0, infants_max - held - sold) FROM leg_infants WHERE infants_max - held - sold < $1",
        below,
    )
    return {record[0]: record[1] for record in records}


async def infants_at(connection: Connection, leg_ids: Sequence[int], at: datetime) -> dict[int, int]:
    """Places for infants by leg, holds that have ended by ``at`` not counted."""
    records = await connection.fetch(
        """
        SELECT carried.leg_id, carried.infants_max - carried.held - carried.sold + coalesce((
            SELECT sum(infants) FROM hold_items AS item
            WHERE item.leg_id = carried.leg_id AND item.state = 'held' AND item.expires_at <= $2
        ), 0)::integer
        FROM leg_infants AS carried WHERE carried.leg_id = ANY ($1)
        """,
        list(leg_ids),
        at,
    )
    return {record[0]: record[1] for record in records}
