"""What is always true of stored inventory, one statement each: ``ais verify`` runs them."""

from __future__ import annotations

from ais.platform.invariants import Invariant

_COUNTED = """
WITH counted AS (
    SELECT leg_id, cabin, rbd,
        coalesce(sum(seats) FILTER (WHERE state = 'held'), 0) AS held,
        coalesce(sum(seats) FILTER (WHERE state = 'sold'), 0) AS sold
    FROM hold_items GROUP BY leg_id, cabin, rbd
),
written AS (
    SELECT lc.leg_id, lc.cabin, substr(lc.classes, rank, 1) AS rbd,
        lc.held_by_class[rank] AS held, lc.sold_by_class[rank] AS sold
    FROM leg_cabins AS lc CROSS JOIN LATERAL generate_series(1, length(lc.classes)) AS rank
    WHERE lc.held <> 0 OR lc.sold <> 0 OR EXISTS (
        SELECT FROM counted WHERE counted.leg_id = lc.leg_id AND counted.cabin = lc.cabin
    )
)
"""

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "inventory.counters_equal_holds",
        "The held and sold counters of every leg cabin and class are the sums of its hold items.",
        f"""{_COUNTED}
        SELECT leg_id, cabin, rbd, written.held AS held_written, counted.held AS held_counted,
            written.sold AS sold_written, counted.sold AS sold_counted
        FROM written FULL JOIN counted USING (leg_id, cabin, rbd)
        WHERE coalesce(written.held, 0) <> coalesce(counted.held, 0)
            OR coalesce(written.sold, 0) <> coalesce(counted.sold, 0)""",  # noqa: S608  # made of constants
    ),
    Invariant(
        "inventory.totals_equal_classes",
        "The totals of a leg cabin are the sums over its classes, and every array has one entry per class.",
        """SELECT leg_id, cabin, held, sold, classes FROM leg_cabins
        WHERE ((held <> 0 OR 0 <> ANY (held_by_class))
                AND held <> (SELECT sum(count) FROM unnest(held_by_class) AS count))
            OR ((sold <> 0 OR 0 <> ANY (sold_by_class))
                AND sold <> (SELECT sum(count) FROM unnest(sold_by_class) AS count))
            OR cardinality(held_by_class) <> length(classes) OR cardinality(sold_by_class) <> length(classes)
            OR cardinality(limits) <> length(classes)""",
    ),
    Invariant(
        "inventory.within_authorisation",
        "Nobody is sold or held a seat above the authorisation of a leg cabin but what a recorded adjustment left.",
        """SELECT lc.leg_id, lc.cabin, lc.sold, lc.held, lc.blocked, lc.authorised, lc.excess FROM leg_cabins AS lc
        WHERE lc.sold + lc.held + lc.blocked > lc.authorised + lc.excess
            OR lc.excess > coalesce((
                SELECT max(excess_after) FROM inventory_adjustments AS adjusted
                WHERE adjusted.leg_id = lc.leg_id AND adjusted.cabin = lc.cabin
            ), 0)
            OR lc.excess > greatest(0, lc.sold + lc.held + lc.blocked - lc.authorised)""",
    ),
    Invariant(
        "inventory.limits_descend",
        "The booking limits of a leg cabin begin with its authorisation and never rise with the rank.",
        """SELECT leg_id, cabin, authorised, limits FROM leg_cabins
        WHERE limits[1] <> authorised OR limits IN (
            SELECT seen FROM (SELECT DISTINCT limits AS seen FROM leg_cabins) AS different
            WHERE EXISTS (
                SELECT FROM unnest(seen[1:cardinality(seen) - 1], seen[2:]) AS pair (higher, lower)
                WHERE lower > higher
            )
        )""",
    ),
    Invariant(
        "inventory.holds_resolved_once",
        "A hold resolves exactly once, and its items are in the state that its own state allows.",
        """SELECT hold.id, hold.status, hold.resolved_at, array_agg(DISTINCT item.state) AS item_states
        FROM holds AS hold LEFT JOIN hold_items AS item ON item.hold_id = hold.id
        GROUP BY hold.id
        HAVING (hold.status = 'active') <> (hold.resolved_at IS NULL)
            OR count(item.hold_id) = 0
            OR NOT bool_and(item.state = ANY (CASE hold.status
                WHEN 'active' THEN ARRAY['held', 'expired']
                WHEN 'confirmed' THEN ARRAY['sold', 'released']
                WHEN 'released' THEN ARRAY['released']
                ELSE ARRAY['expired'] END))""",
    ),
    Invariant(
        "inventory.no_early_expiry",
        "No seats of a hold have expired before its end, and every item ends with its hold while it is held.",
        """SELECT hold.id, hold.status, hold.expires_at, item.position, item.state, item.expires_at AS item_expires_at
        FROM holds AS hold JOIN hold_items AS item ON item.hold_id = hold.id
        WHERE (item.state = 'expired' AND item.expires_at > ais_now())
            OR (hold.status = 'active' AND item.expires_at <> hold.expires_at)
            OR (hold.status = 'expired' AND hold.expires_at > hold.resolved_at)""",
    ),
    Invariant(
        "inventory.expired_holds_swept",
        "No hold is still active ten minutes after its end.",
        """SELECT id, owner, expires_at FROM holds
        WHERE status = 'active' AND expires_at < (SELECT ais_now()) - interval '10 minutes'""",
    ),
    Invariant(
        "inventory.next_expiry_not_late",
        "Every leg cabin knows of the first end among its held seats, so that they stop counting at that instant.",
        """SELECT lc.leg_id, lc.cabin, lc.next_expiry_at, first_end.expires_at
        FROM leg_cabins AS lc JOIN (
            SELECT leg_id, cabin, min(expires_at) AS expires_at FROM hold_items
            WHERE state = 'held' GROUP BY leg_id, cabin
        ) AS first_end ON first_end.leg_id = lc.leg_id AND first_end.cabin = lc.cabin
        WHERE lc.next_expiry_at IS NULL OR lc.next_expiry_at > first_end.expires_at""",
    ),
    Invariant(
        "inventory.successor_of_expired",
        "Only a hold that expired has a successor, with the same owner and the same seats.",
        """SELECT successor.id, successor.replaces
        FROM holds AS successor JOIN holds AS ended ON ended.id = successor.replaces
        WHERE ended.status <> 'expired' OR successor.owner <> ended.owner
            OR (SELECT sum(seats) FROM hold_items WHERE hold_id = successor.id)
                <> (SELECT sum(seats) FROM hold_items WHERE hold_id = ended.id)""",
    ),
    Invariant(
        "inventory.infants_counted",
        "Infants on laps per leg are the sums of its hold items and never above the leg's limit but by a new aircraft.",
        """SELECT leg_id, carried.held, carried.sold, counted.held AS held_counted, counted.sold AS sold_counted,
            carried.infants_max, carried.excess
        FROM leg_infants AS carried FULL JOIN (
            SELECT leg_id, coalesce(sum(infants) FILTER (WHERE state = 'held'), 0) AS held,
                coalesce(sum(infants) FILTER (WHERE state = 'sold'), 0) AS sold
            FROM hold_items GROUP BY leg_id
        ) AS counted USING (leg_id)
        WHERE coalesce(carried.held, 0) <> coalesce(counted.held, 0)
            OR coalesce(carried.sold, 0) <> coalesce(counted.sold, 0)
            OR carried.held + carried.sold > carried.infants_max + carried.excess""",
    ),
)
"""Every promise has a test that breaks it and sees it named."""
