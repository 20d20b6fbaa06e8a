-- Every function that changes counters first locks all cabins of its legs, sorted, in one statement, and reads the
-- clock only then. A statement of a VOLATILE function sees what was committed before it began, so that what is read
-- after the lock is the newest. Plans are made once per connection and go by key, whatever the tables' size was then:
-- planning costs several times what these statements do.

CREATE FUNCTION lock_leg_cabins(p_legs bigint[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM FROM leg_cabins WHERE leg_id = ANY (p_legs) ORDER BY leg_id, cabin FOR NO KEY UPDATE;
END $$;

-- Adds the given differences to the counters of leg cabins that the caller has locked.
CREATE FUNCTION move_seats(
    p_legs bigint[], p_cabins text[], p_rbds text[],
    p_held integer[], p_sold integer[], p_infants_held integer[], p_infants_sold integer[], p_now timestamptz
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
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
        WHERE (counter.leg_id, counter.cabin) IN (SELECT * FROM unnest(p_legs, p_cabins))
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

-- Takes what has ended by p_now off the counters of locked legs. The holds themselves are resolved by the sweeper.
CREATE FUNCTION fold_expired_holds(p_legs bigint[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_legs bigint[]; v_cabins text[]; v_rbds text[]; v_seats integer[]; v_infants integer[];
BEGIN
    WITH ended AS (
        UPDATE hold_items SET state = 'expired'
        WHERE leg_id = ANY (p_legs) AND state = 'held' AND expires_at <= p_now
        RETURNING leg_id, cabin, rbd, seats, infants
    )
    SELECT array_agg(leg_id), array_agg(cabin), array_agg(rbd), array_agg(-seats), array_agg(-infants)
    INTO v_legs, v_cabins, v_rbds, v_seats, v_infants FROM ended;
    IF v_legs IS NOT NULL THEN
        PERFORM move_seats(v_legs, v_cabins, v_rbds, v_seats, array_fill(0, ARRAY[cardinality(v_legs)]),
            v_infants, array_fill(0, ARRAY[cardinality(v_legs)]), p_now);
    END IF;
END $$;

-- The hold that stands for p_hold today: itself, or the one that claimed its seats again.
CREATE FUNCTION standing_hold(p_hold uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT id FROM holds WHERE replaces = p_hold), p_hold)
$$;

-- Locks the legs of the hold that stands for p_hold, folds what has ended on them, and gives the hold as it then is.
CREATE FUNCTION lock_hold(p_hold uuid, OUT hold holds, OUT locked_at timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    v_legs bigint[] := ARRAY(SELECT DISTINCT leg_id FROM hold_items WHERE hold_id = p_hold);
BEGIN
    PERFORM lock_leg_cabins(v_legs);
    locked_at := ais_now();
    PERFORM fold_expired_holds(v_legs, locked_at);
    SELECT * INTO hold FROM holds WHERE id = standing_hold(p_hold) FOR UPDATE;
END $$;

-- Moves every item of a hold that is in p_from to p_to, and the counters with it. The caller has the legs locked.
CREATE FUNCTION move_hold_items(p_hold uuid, p_from text, p_to text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_legs bigint[]; v_cabins text[]; v_rbds text[];
    v_held integer[]; v_sold integer[]; v_infants_held integer[]; v_infants_sold integer[];
    v_held_change integer := (p_to = 'held')::integer - (p_from = 'held')::integer;
    v_sold_change integer := (p_to = 'sold')::integer - (p_from = 'sold')::integer;
BEGIN
    WITH moved AS (
        UPDATE hold_items SET state = p_to WHERE hold_id = p_hold AND state = p_from
        RETURNING leg_id, cabin, rbd, seats, infants
    )
    SELECT array_agg(leg_id), array_agg(cabin), array_agg(rbd),
        array_agg(seats * v_held_change), array_agg(seats * v_sold_change),
        array_agg(infants * v_held_change), array_agg(infants * v_sold_change)
    INTO v_legs, v_cabins, v_rbds, v_held, v_sold, v_infants_held, v_infants_sold FROM moved;
    IF v_legs IS NOT NULL THEN
        PERFORM move_seats(v_legs, v_cabins, v_rbds, v_held, v_sold, v_infants_held, v_infants_sold, p_now);
    END IF;
END $$;

-- Claims the seats of an ended hold once more, all its legs or none, by the same decision as any other claim.
CREATE FUNCTION claim_again(p_hold holds, p_now timestamptz, OUT successor uuid, OUT outcome text, OUT opened integer)
LANGUAGE plpgsql AS $$
DECLARE
    v_legs bigint[]; v_cabins text[]; v_claims integer[]; v_rows integer[]; v_rbds text[]; v_seats integer[];
    v_infants integer[]; v_infant_rows integer[];
BEGIN
    successor := uuidv7();
    SELECT array_agg(leg_id), array_agg(cabin), array_agg(1), array_agg(place), array_agg(rbd), array_agg(seats),
        array_agg(infants), array_agg(leg_place)
    INTO v_legs, v_cabins, v_claims, v_rows, v_rbds, v_seats, v_infants, v_infant_rows
    FROM (
        SELECT leg_id, cabin, rbd, seats, infants,
            rank() OVER (ORDER BY leg_id, cabin) AS place,
            rank() OVER (ORDER BY leg_id) AS leg_place
        FROM hold_items WHERE hold_id = p_hold.id ORDER BY leg_id, cabin, position
    ) AS item;
    SELECT claimed.outcomes[1], claimed.opened[1] INTO outcome, opened FROM claim_seats(
        v_legs, v_cabins,
        ARRAY[successor], ARRAY[p_hold.owner], ARRAY[p_hold.channel], ARRAY[p_hold.point_of_sale],
        ARRAY[60.0::double precision], ARRAY[p_hold.journey::text], ARRAY[1, cardinality(v_legs) + 1],
        v_claims, v_rows, v_rbds, v_seats, v_infants, v_infant_rows, v_legs
    ) AS claimed;
    IF outcome = 'accepted' THEN
        UPDATE holds SET replaces = p_hold.id WHERE id = successor;
    END IF;
END $$;

-- Held seats become sold. Ended: claimed again and sold, or 'refused' with what is left.
CREATE FUNCTION confirm_hold(p_hold uuid, OUT outcome text, OUT hold holds, OUT asked integer, OUT opened integer)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_locked record;
    v_now timestamptz;
    v_again record;
BEGIN
    SELECT * INTO v_locked FROM lock_hold(p_hold);
    hold := v_locked.hold;
    v_now := v_locked.locked_at;
    IF hold.id IS NULL OR hold.status IN ('confirmed', 'released') THEN
        outcome := coalesce(hold.status, 'unknown');
        RETURN;
    END IF;
    IF hold.status = 'expired' OR hold.expires_at <= v_now THEN
        v_again := claim_again(hold, v_now);
        IF v_again.outcome <> 'accepted' THEN
            outcome := v_again.outcome;
            opened := v_again.opened;
            SELECT max(total) INTO asked FROM (
                SELECT sum(CASE WHEN outcome = 'refused' THEN seats ELSE infants END) AS total
                FROM hold_items WHERE hold_id = hold.id GROUP BY leg_id
            ) AS by_leg;
            RETURN;
        END IF;
        UPDATE holds SET status = 'expired', resolved_at = v_now WHERE id = hold.id AND status = 'active';
        SELECT * INTO hold FROM holds WHERE id = v_again.successor;
    END IF;
    PERFORM move_hold_items(hold.id, 'held', 'sold', v_now);
    UPDATE holds SET status = 'confirmed', resolved_at = v_now WHERE id = hold.id RETURNING * INTO hold;
    outcome := 'confirmed';
END $$;

-- Moves the end of an active hold, never to an earlier instant.
CREATE FUNCTION extend_hold(p_hold uuid, p_expires_at timestamptz, OUT outcome text, OUT hold holds)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_locked record;
    v_now timestamptz;
BEGIN
    SELECT * INTO v_locked FROM lock_hold(p_hold);
    hold := v_locked.hold;
    v_now := v_locked.locked_at;
    IF hold.id IS NULL OR hold.status <> 'active' THEN
        outcome := coalesce(hold.status, 'unknown');
    ELSIF hold.expires_at <= v_now THEN
        outcome := 'expired';
    ELSE
        outcome := 'active';
        UPDATE hold_items SET expires_at = p_expires_at
        WHERE hold_id = hold.id AND state = 'held' AND expires_at < p_expires_at;
        UPDATE holds SET expires_at = greatest(expires_at, p_expires_at) WHERE id = hold.id RETURNING * INTO hold;
    END IF;
END $$;

-- Gives held seats back. A hold that had ended by itself resolves as expired, one that is resolved stays as it is.
CREATE FUNCTION release_hold(p_hold uuid, OUT outcome text, OUT hold holds)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_locked record;
    v_now timestamptz;
BEGIN
    SELECT * INTO v_locked FROM lock_hold(p_hold);
    hold := v_locked.hold;
    v_now := v_locked.locked_at;
    IF hold.status = 'active' THEN
        PERFORM move_hold_items(hold.id, 'held', 'released', v_now);
        UPDATE holds SET resolved_at = v_now,
            status = CASE WHEN expires_at <= v_now THEN 'expired' ELSE 'released' END
        WHERE id = hold.id RETURNING * INTO hold;
    END IF;
    outcome := coalesce(hold.status, 'unknown');
END $$;

-- Gives sold seats back: all of a confirmed hold's (p_legs null), or so many per leg cabin and class. What is given
-- back of an item becomes an item of its own, so that a hold's seats always sum to what was claimed.
CREATE FUNCTION release_sold(
    p_hold uuid, p_legs bigint[], p_cabins text[], p_rbds text[], p_seats integer[], p_infants integer[],
    OUT outcome text, OUT hold holds
)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_locked record;
    v_now timestamptz;
    v_given record;
    v_item hold_items;
BEGIN
    SELECT * INTO v_locked FROM lock_hold(p_hold);
    hold := v_locked.hold;
    v_now := v_locked.locked_at;
    outcome := coalesce(hold.status, 'unknown');
    IF outcome <> 'confirmed' THEN
        RETURN;
    END IF;
    IF p_legs IS NULL THEN
        PERFORM move_hold_items(hold.id, 'sold', 'released', v_now);
        RETURN;
    END IF;
    FOR v_given IN
        SELECT * FROM unnest(p_legs, p_cabins, p_rbds, p_seats, p_infants) AS given (leg_id, cabin, rbd, seats, infants)
    LOOP
        SELECT * INTO v_item FROM hold_items AS item
        WHERE item.hold_id = hold.id AND item.leg_id = v_given.leg_id AND item.cabin = v_given.cabin
            AND item.rbd = v_given.rbd AND item.state = 'sold'
            AND item.seats >= v_given.seats AND item.infants >= v_given.infants
            AND (item.seats > v_given.seats OR item.infants = v_given.infants)
        ORDER BY item.position LIMIT 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the hold % has no % seats sold in % of cabin % on leg %',
                hold.id, v_given.seats, v_given.rbd, v_given.cabin, v_given.leg_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_items_sold';
        END IF;
        IF v_item.seats = v_given.seats THEN
            UPDATE hold_items SET state = 'released' WHERE hold_id = hold.id AND position = v_item.position;
        ELSE
            UPDATE hold_items SET seats = seats - v_given.seats, infants = infants - v_given.infants
            WHERE hold_id = hold.id AND position = v_item.position;
            INSERT INTO hold_items (hold_id, position, leg_id, cabin, rbd, seats, infants, state, expires_at)
            SELECT hold.id, max(position) + 1, v_given.leg_id, v_given.cabin, v_given.rbd, v_given.seats,
                v_given.infants, 'released', v_item.expires_at
            FROM hold_items WHERE hold_id = hold.id;
        END IF;
        PERFORM move_seats(ARRAY[v_given.leg_id], ARRAY[v_given.cabin], ARRAY[v_given.rbd], ARRAY[0],
            ARRAY[-v_given.seats], ARRAY[0], ARRAY[-v_given.infants], v_now);
    END LOOP;
END $$;

-- Resolves up to p_limit holds that have ended, and says which.
CREATE FUNCTION sweep_expired_holds(p_limit integer) RETURNS TABLE (hold_id uuid, owner text)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := ais_now();
    v_holds uuid[];
    v_legs bigint[];
BEGIN
    v_holds := ARRAY(
        SELECT id FROM holds WHERE status = 'active' AND expires_at <= v_now ORDER BY expires_at LIMIT p_limit
    );
    IF cardinality(v_holds) = 0 THEN
        RETURN;
    END IF;
    v_legs := ARRAY(SELECT DISTINCT leg_id FROM hold_items WHERE hold_id = ANY (v_holds));
    PERFORM lock_leg_cabins(v_legs);
    v_now := ais_now();
    PERFORM fold_expired_holds(v_legs, v_now);
    RETURN QUERY
        UPDATE holds SET status = 'expired', resolved_at = v_now
        WHERE id = ANY (v_holds) AND status = 'active' AND expires_at <= v_now
        RETURNING holds.id, holds.owner;
END $$;
