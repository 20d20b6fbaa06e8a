-- Decides a batch of claims in order of arrival. The arrays of one entry per leg cabin, claim and item are parallel;
-- items name their claim and leg cabin by position, p_first_items ends with one more entry. Leg cabins come sorted by
-- leg and cabin. v_slack and v_held hold one cabin's ranks after the other; a cabin's begin behind its offset.
-- A batch waits for a locked row only briefly, because all its members wait.
CREATE FUNCTION claim_seats(
    p_legs bigint[], p_cabins text[],
    p_holds uuid[], p_owners text[], p_channels text[], p_points_of_sale text[], p_seconds double precision[],
    p_journeys text[], p_first_items integer[],
    p_item_claims integer[], p_item_rows integer[], p_item_rbds text[], p_item_seats integer[],
    p_item_infants integer[], p_item_infant_rows integer[], p_infant_legs bigint[],
    OUT outcomes text[], OUT created timestamptz[], OUT ends timestamptz[], OUT opened integer[]
) LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '500ms' AS $$
DECLARE
    v_now timestamptz;
    v_hold record;
    v_leg bigint; v_cabin text; v_letters text; v_limits integer[]; v_row_held integer[]; v_row_sold integer[];
    v_blocked integer; v_on_sale boolean; v_next_expiry timestamptz; v_first_end timestamptz;
    v_classes text[] := array_fill(''::text, ARRAY[cardinality(p_legs)]);
    v_offsets integer[] := array_fill(0, ARRAY[cardinality(p_legs)]);
    v_slack integer[];
    v_held integer[];
    v_added integer[] := array_fill(0, ARRAY[cardinality(p_legs)]);
    v_row_ends timestamptz[] := array_fill(NULL::timestamptz, ARRAY[cardinality(p_legs)]);
    v_infants_open integer[];
    v_infants_added integer[];
    v_offset integer; v_rank integer; v_below integer; v_open integer; v_seats integer; v_infants integer;
    v_least integer; v_last integer; v_taken integer; v_first integer; v_place integer;
    v_refused text;
    v_accepted boolean := false;
BEGIN
    FOR v_pass IN 1..2 LOOP
        v_place := 1;
        v_slack := '{}';
        v_held := '{}';
        FOR v_leg, v_cabin, v_letters, v_limits, v_row_held, v_row_sold, v_blocked, v_on_sale, v_next_expiry IN
            SELECT leg_id, cabin, classes, limits, held_by_class, sold_by_class, blocked, on_sale, next_expiry_at
            FROM leg_cabins WHERE leg_id = ANY (p_legs) ORDER BY leg_id, cabin FOR NO KEY UPDATE
        LOOP
            v_first_end := least(v_first_end, v_next_expiry);
            -- Both sides are sorted: walk on to the place that was asked for, if this cabin of the leg was.
            WHILE p_legs[v_place] < v_leg OR (p_legs[v_place] = v_leg AND p_cabins[v_place] < v_cabin) LOOP
                v_place := v_place + 1;
            END LOOP;
            CONTINUE WHEN NOT v_on_sale OR p_legs[v_place] IS DISTINCT FROM v_leg OR p_cabins[v_place] <> v_cabin;
            v_classes[v_place] := v_letters;
            v_offset := cardinality(v_held);
            v_offsets[v_place] := v_offset;
            v_held := v_held || v_row_held;
            v_below := 0;
            FOR v_rank IN REVERSE length(v_letters)..1 LOOP
                v_below := v_below + v_row_held[v_rank] + v_row_sold[v_rank];
                v_slack[v_offset + v_rank] := v_limits[v_rank] - v_below;
            END LOOP;
            v_slack[v_offset + 1] := v_slack[v_offset + 1] - v_blocked;
        END LOOP;
        EXIT WHEN v_pass = 2;
        v_now := ais_now();
        EXIT WHEN v_first_end IS NULL OR v_first_end > v_now;
        PERFORM fold_expired_holds(p_legs, v_now);
    END LOOP;

    outcomes := array_fill(NULL::text, ARRAY[cardinality(p_holds)]);
    created := array_fill(v_now, ARRAY[cardinality(p_holds)]);
    ends := array_fill(NULL::timestamptz, ARRAY[cardinality(p_holds)]);
    opened := array_fill(0, ARRAY[cardinality(p_holds)]);
    FOR v_hold IN SELECT id, status, created_at, expires_at FROM holds WHERE id = ANY (p_holds) LOOP
        v_first := array_position(p_holds, v_hold.id);
        outcomes[v_first] := CASE
            WHEN v_hold.status = 'active' AND v_hold.expires_at <= v_now THEN 'expired' ELSE v_hold.status END;
        created[v_first] := v_hold.created_at;
        ends[v_first] := v_hold.expires_at;
    END LOOP;
    IF cardinality(p_infant_legs) > 0 THEN
        SELECT array_agg(coalesce(carried.infants_max - carried.held - carried.sold, 0) ORDER BY asked.place)
        INTO v_infants_open
        FROM unnest(p_infant_legs) WITH ORDINALITY AS asked (leg_id, place)
        LEFT JOIN leg_infants AS carried ON carried.leg_id = asked.leg_id;
        v_infants_added := array_fill(0, ARRAY[cardinality(p_infant_legs)]);
    END IF;

    FOR v_claim IN 1..cardinality(p_holds) LOOP
        v_first := array_position(p_holds, p_holds[v_claim]);
        IF v_first < v_claim THEN
            outcomes[v_claim] := CASE WHEN outcomes[v_first] = 'accepted' THEN 'active' ELSE outcomes[v_first] END;
            created[v_claim] := created[v_first];
            ends[v_claim] := ends[v_first];
            opened[v_claim] := opened[v_first];
            CONTINUE;
        END IF;
        CONTINUE WHEN outcomes[v_claim] IS NOT NULL;

        v_last := p_first_items[v_claim + 1] - 1;
        v_taken := p_first_items[v_claim] - 1;
        v_refused := NULL;
        FOR v_item IN p_first_items[v_claim]..v_last LOOP
            v_offset := v_offsets[p_item_rows[v_item]];
            v_rank := strpos(v_classes[p_item_rows[v_item]], p_item_rbds[v_item]);
            v_seats := p_item_seats[v_item];
            v_infants := p_item_infants[v_item];
            v_open := CASE WHEN v_rank = 0 THEN 0 ELSE v_slack[v_offset + 1] END;
            FOR v_above IN 2..v_rank LOOP
                v_open := least(v_open, v_slack[v_offset + v_above]);
            END LOOP;
            IF v_seats > v_open THEN -- the guard of the seats
                v_refused := 'refused';
                EXIT;
            END IF;
            IF v_infants > 0 AND v_infants > v_infants_open[p_item_infant_rows[v_item]] THEN
                v_refused := 'no_place_for_infants';
                EXIT;
            END IF;
            FOR v_above IN 1..v_rank LOOP
                v_slack[v_offset + v_above] := v_slack[v_offset + v_above] - v_seats;
            END LOOP;
            IF v_infants > 0 THEN
                v_infants_open[p_item_infant_rows[v_item]] := v_infants_open[p_item_infant_rows[v_item]] - v_infants;
            END IF;
            v_taken := v_item;
        END LOOP;

        IF v_refused IS NULL THEN
            v_accepted := true;
            outcomes[v_claim] := 'accepted';
            ends[v_claim] := v_now + p_seconds[v_claim] * interval '1 second';
            FOR v_item IN p_first_items[v_claim]..v_last LOOP
                v_place := p_item_rows[v_item];
                v_offset := v_offsets[v_place] + strpos(v_classes[v_place], p_item_rbds[v_item]);
                v_held[v_offset] := v_held[v_offset] + p_item_seats[v_item];
                v_added[v_place] := v_added[v_place] + p_item_seats[v_item];
                v_row_ends[v_place] := least(v_row_ends[v_place], ends[v_claim]);
                IF p_item_infants[v_item] > 0 THEN
                    v_infants_added[p_item_infant_rows[v_item]] :=
                        v_infants_added[p_item_infant_rows[v_item]] + p_item_infants[v_item];
                END IF;
            END LOOP;
            CONTINUE;
        END IF;

        -- What the refused claim took of its first legs goes back before the next one is looked at.
        FOR v_item IN p_first_items[v_claim]..v_taken LOOP
            v_offset := v_offsets[p_item_rows[v_item]];
            FOR v_above IN 1..strpos(v_classes[p_item_rows[v_item]], p_item_rbds[v_item]) LOOP
                v_slack[v_offset + v_above] := v_slack[v_offset + v_above] + p_item_seats[v_item];
            END LOOP;
            IF p_item_infants[v_item] > 0 THEN
                v_infants_open[p_item_infant_rows[v_item]] :=
                    v_infants_open[p_item_infant_rows[v_item]] + p_item_infants[v_item];
            END IF;
        END LOOP;
        outcomes[v_claim] := v_refused;
        v_least := NULL;
        FOR v_item IN p_first_items[v_claim]..v_last LOOP
            IF v_refused = 'refused' THEN
                v_offset := v_offsets[p_item_rows[v_item]];
                v_rank := strpos(v_classes[p_item_rows[v_item]], p_item_rbds[v_item]);
                v_least := least(v_least, CASE WHEN v_rank = 0 THEN 0 END);
                FOR v_above IN 1..v_rank LOOP
                    v_least := least(v_least, v_slack[v_offset + v_above]);
                END LOOP;
            ELSIF p_item_infants[v_item] > 0 THEN
                v_least := least(v_least, v_infants_open[p_item_infant_rows[v_item]]);
            END IF;
        END LOOP;
        opened[v_claim] := greatest(0, v_least);
    END LOOP;

    IF NOT v_accepted THEN
        RETURN;
    END IF;
    INSERT INTO holds (id, owner, channel, point_of_sale, created_at, expires_at, journey)
    SELECT claim.id, claim.owner, claim.channel, claim.point_of_sale, v_now, claim.ends, claim.journey::jsonb
    FROM unnest(p_holds, p_owners, p_channels, p_points_of_sale, p_journeys, outcomes, ends)
        AS claim (id, owner, channel, point_of_sale, journey, outcome, ends)
    WHERE claim.outcome = 'accepted';

    INSERT INTO hold_items (hold_id, position, leg_id, cabin, rbd, seats, infants, expires_at)
    SELECT p_holds[item.claim], item.place - p_first_items[item.claim] + 1, p_legs[item.cabin], p_cabins[item.cabin],
        item.rbd, item.seats, item.infants, ends[item.claim]
    FROM unnest(p_item_claims, p_item_rows, p_item_rbds, p_item_seats, p_item_infants) WITH ORDINALITY
        AS item (claim, cabin, rbd, seats, infants, place)
    WHERE outcomes[item.claim] = 'accepted';

    UPDATE leg_cabins AS lc
    SET held = lc.held + taken.seats,
        held_by_class = v_held[taken.begins + 1 : taken.begins + length(lc.classes)],
        next_expiry_at = least(lc.next_expiry_at, taken.ends)
    FROM unnest(p_legs, p_cabins, v_added, v_row_ends, v_offsets) AS taken (leg_id, cabin, seats, ends, begins)
    WHERE taken.seats > 0 AND lc.leg_id = taken.leg_id AND lc.cabin = taken.cabin;

    IF v_infants_added IS NOT NULL THEN
        UPDATE leg_infants AS carried SET held = carried.held + taken.infants
        FROM unnest(p_infant_legs, v_infants_added) AS taken (leg_id, infants)
        WHERE taken.infants > 0 AND carried.leg_id = taken.leg_id;
    END IF;

    INSERT INTO inventory_changes (leg_ids, changed_at)
    SELECT array_agg(taken.leg_id), v_now FROM unnest(p_legs, v_added) AS taken (leg_id, seats) WHERE taken.seats > 0;
END $$;
