"""Moving seats looks up the cabins that it moves, and no others."""

from migrations.script import run_sql

revision = "0035"
down_revision = "0034"

UPGRADE = """
CREATE OR REPLACE FUNCTION move_seats(
    p_legs bigint[], p_cabins text[], p_rbds text[], p_held integer[], p_sold integer[], p_infants_held integer[],
    p_infants_sold integer[], p_now timestamptz
) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
    UPDATE leg_cabins AS lc
    SET held = class_total(counted.held), held_by_class = counted.held,
        sold = class_total(counted.sold), sold_by_class = counted.sold,
        excess = least(lc.excess, greatest(
            0, class_total(counted.held) + class_total(counted.sold) + lc.blocked - lc.authorised)),
        next_expiry_at = (
            SELECT min(item.expires_at) FROM hold_items AS item
            WHERE item.leg_id = lc.leg_id AND item.cabin = lc.cabin AND item.state = 'held'
        )
    FROM (
        SELECT counter.leg_id, counter.cabin,
            array_agg(counter.held_by_class[class.rank] + class.held ORDER BY class.rank) AS held,
            array_agg(counter.sold_by_class[class.rank] + class.sold ORDER BY class.rank) AS sold
        FROM leg_cabins AS counter
        JOIN LATERAL (
            SELECT ladder.rank,
                coalesce(sum(moved.held), 0)::integer AS held, coalesce(sum(moved.sold), 0)::integer AS sold
            FROM generate_series(1, length(counter.classes)) AS ladder (rank)
            LEFT JOIN unnest(p_legs, p_cabins, p_rbds, p_held, p_sold) AS moved (leg_id, cabin, rbd, held, sold)
                ON moved.leg_id = counter.leg_id AND moved.cabin = counter.cabin
                AND moved.rbd = substr(counter.classes, ladder.rank, 1)
            GROUP BY ladder.rank
        ) AS class ON true
        -- The first condition alone is one that an index serves: without it all cabins there are would be looked at.
        WHERE counter.leg_id = ANY (p_legs)
          AND (counter.leg_id, counter.cabin) IN (SELECT * FROM unnest(p_legs, p_cabins))
        GROUP BY counter.leg_id, counter.cabin
    ) AS counted
    WHERE lc.leg_id = counted.leg_id AND lc.cabin = counted.cabin;

    UPDATE leg_infants AS carried
    SET held = carried.held + moved.held, sold = carried.sold + moved.sold,
        excess = least(carried.excess, greatest(
            0, carried.held + moved.held + carried.sold + moved.sold - carried.infants_max))
    FROM (
        SELECT leg_id, sum(held) AS held, sum(sold) AS sold
        FROM unnest(p_legs, p_infants_held, p_infants_sold) AS moved (leg_id, held, sold)
        GROUP BY leg_id HAVING bool_or(held <> 0 OR sold <> 0)
    ) AS moved
    WHERE carried.leg_id = moved.leg_id;

    INSERT INTO inventory_changes (leg_ids, changed_at)
    SELECT array_agg(DISTINCT leg_id), p_now FROM unnest(p_legs) AS leg_id HAVING count(*) > 0;
END $$;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
