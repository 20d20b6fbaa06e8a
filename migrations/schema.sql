CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';

CREATE TYPE public.job_status AS ENUM (
    'queued',
    'picked',
    'successful',
    'exception',
    'canceled',
    'deleted',
    'failed'
);

CREATE FUNCTION public.ais_now() RETURNS timestamp with time zone
    LANGUAGE sql PARALLEL SAFE
    RETURN (clock_timestamp() + COALESCE((NULLIF(current_setting('ais.clock_shift'::text, true), ''::text))::interval, '00:00:00'::interval));

CREATE FUNCTION public.audit_own_transaction() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.transaction_id := pg_current_xact_id();
    RETURN NEW;
END $$;

CREATE FUNCTION public.bump_data_version(changed text) RETURNS bigint
    LANGUAGE sql
    AS $$
    INSERT INTO data_versions (name) VALUES (changed)
    ON CONFLICT (name) DO UPDATE SET version = data_versions.version + 1, changed_at = ais_now()
    RETURNING version
$$;

CREATE FUNCTION public.charge_lost_attempt() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.attempts := OLD.attempts + 1;
    RETURN NEW;
END $$;

CREATE FUNCTION public.claim_address() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.email_lookup IS NULL THEN
        DELETE FROM address_claims WHERE user_id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO address_claims AS claim (lookup, lookup_key, user_id)
    VALUES (NEW.email_lookup, NEW.lookup_key, NEW.id)
    ON CONFLICT (lookup) DO UPDATE SET lookup_key = EXCLUDED.lookup_key WHERE claim.user_id = EXCLUDED.user_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this address has an account'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'address_claims_pkey';
    END IF;
    RETURN NULL;
END $$;

CREATE TABLE public.holds (
    id uuid NOT NULL,
    owner text NOT NULL,
    channel text NOT NULL,
    point_of_sale text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    replaces uuid,
    journey jsonb NOT NULL,
    CONSTRAINT holds_check CHECK (((status = 'active'::text) = (resolved_at IS NULL))),
    CONSTRAINT holds_check1 CHECK ((expires_at > created_at)),
    CONSTRAINT holds_check2 CHECK ((replaces <> id)),
    CONSTRAINT holds_status_check CHECK ((status = ANY (ARRAY['active'::text, 'confirmed'::text, 'released'::text, 'expired'::text])))
)
WITH (fillfactor='80');

CREATE FUNCTION public.claim_again(p_hold public.holds, p_now timestamp with time zone, OUT successor uuid, OUT outcome text, OUT opened integer) RETURNS record
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.claim_seats(p_legs bigint[], p_cabins text[], p_holds uuid[], p_owners text[], p_channels text[], p_points_of_sale text[], p_seconds double precision[], p_journeys text[], p_first_items integer[], p_item_claims integer[], p_item_rows integer[], p_item_rbds text[], p_item_seats integer[], p_item_infants integer[], p_item_infant_rows integer[], p_infant_legs bigint[], OUT outcomes text[], OUT created timestamp with time zone[], OUT ends timestamp with time zone[], OUT opened integer[]) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET lock_timeout TO '500ms'
    AS $$
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

CREATE FUNCTION public.class_total(counts integer[]) RETURNS integer
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
DECLARE
    v_count integer;
    v_total integer := 0;
BEGIN
    FOREACH v_count IN ARRAY counts LOOP
        v_total := v_total + v_count;
    END LOOP;
    RETURN v_total;
END $$;

CREATE FUNCTION public.confirm_hold(p_hold uuid, OUT outcome text, OUT hold public.holds, OUT asked integer, OUT opened integer) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.enforce_transition() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    before_state text := to_jsonb(OLD) ->> TG_ARGV[1];
    after_state  text := to_jsonb(NEW) ->> TG_ARGV[1];
BEGIN
    IF before_state IS DISTINCT FROM after_state AND NOT EXISTS (
        SELECT FROM transitions
        WHERE aggregate = TG_ARGV[0] AND from_state = before_state AND to_state = after_state
    ) THEN
        RAISE EXCEPTION '% may not move from % to %', TG_ARGV[0], before_state, after_state
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0] || '_transition';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.extend_hold(p_hold uuid, p_expires_at timestamp with time zone, OUT outcome text, OUT hold public.holds) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.fold_expired_holds(p_legs bigint[], p_now timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.keep_approval() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.id, NEW.kind, NEW.subject, NEW.payload, NEW.payload_hash, NEW.reason, NEW.requested_by,
                            NEW.requested_at, NEW.expires_at)
        IS DISTINCT FROM (OLD.id, OLD.kind, OLD.subject, OLD.payload, OLD.payload_hash, OLD.reason, OLD.requested_by,
                          OLD.requested_at, OLD.expires_at)
        OR OLD.status <> 'open' THEN
        RAISE EXCEPTION 'what an approval is about, and how it ended, never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.keep_destroyed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.destroyed_at IS NOT NULL OR NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'a person''s key is destroyed once and never comes back'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.keep_role_grant() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.revoked_at IS NOT NULL
        OR (NEW.id, NEW.user_id, NEW.role, NEW.stations, NEW.agencies, NEW.channels, NEW.granted_by, NEW.granted_at,
            NEW.approval_id)
        IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.role, OLD.stations, OLD.agencies, OLD.channels, OLD.granted_by,
                          OLD.granted_at, OLD.approval_id) THEN
        RAISE EXCEPTION 'a grant is only ever revoked, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.keep_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    movable text[] := ARRAY['sale_ends_at', 'superseded_at', 'withdrawn_at', 'withdrawn_by', 'withdrawal_reason'];
    before_row jsonb := to_jsonb(OLD);
    after_row jsonb := to_jsonb(NEW);
BEGIN
    IF before_row - movable IS DISTINCT FROM after_row - movable
        OR coalesce(NEW.sale_ends_at, 'infinity') > coalesce(OLD.sale_ends_at, 'infinity')
        OR (before_row ->> 'withdrawn_at' IS NOT NULL
            AND before_row - 'superseded_at' IS DISTINCT FROM after_row - 'superseded_at')
        OR (OLD.superseded_at IS NOT NULL AND NEW.superseded_at IS DISTINCT FROM OLD.superseded_at)
    THEN
        RAISE EXCEPTION '% %: a version is never changed, only its sale is ended', TG_TABLE_NAME, OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.ledger_require_balance() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    broken record;
BEGIN
    SELECT posting.id, posting.entry_count, found.entries, found.unbalanced INTO broken
    FROM (SELECT DISTINCT posting_id FROM added) AS touched
    JOIN ledger_postings AS posting ON posting.id = touched.posting_id
    CROSS JOIN LATERAL (
        SELECT sum(entries) AS entries, string_agg(currency, ', ') FILTER (WHERE balance <> 0) AS unbalanced
        FROM (SELECT currency, count(*) AS entries, sum(amount_minor) AS balance FROM ledger_entries
              WHERE posting_id = touched.posting_id GROUP BY currency) AS each_currency
    ) AS found
    WHERE found.unbalanced IS NOT NULL OR found.entries <> posting.entry_count
    LIMIT 1;
    IF broken.unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'posting % does not balance in %', broken.id, broken.unbalanced
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entries_balance';
    ELSIF broken.id IS NOT NULL THEN
        RAISE EXCEPTION 'posting % has % entries and says it has %', broken.id, broken.entries, broken.entry_count
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entries_count';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.ledger_require_entries() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM added WHERE added.transaction_id <> pg_current_xact_id()) THEN
        RAISE EXCEPTION 'a posting carries the transaction that writes it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_postings_transaction';
    END IF;
    IF EXISTS (
        SELECT FROM added WHERE NOT EXISTS (SELECT FROM ledger_entries WHERE posting_id = added.id)
    ) THEN
        RAISE EXCEPTION 'a posting is written by one statement with its entries'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_postings_entries';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION public.lock_hold(p_hold uuid, OUT hold public.holds, OUT locked_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql
    AS $$
DECLARE
    v_legs bigint[] := ARRAY(SELECT DISTINCT leg_id FROM hold_items WHERE hold_id = p_hold);
BEGIN
    PERFORM lock_leg_cabins(v_legs);
    locked_at := ais_now();
    PERFORM fold_expired_holds(v_legs, locked_at);
    SELECT * INTO hold FROM holds WHERE id = standing_hold(p_hold) FOR UPDATE;
END $$;

CREATE FUNCTION public.lock_leg_cabins(p_legs bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
    PERFORM FROM leg_cabins WHERE leg_id = ANY (p_legs) ORDER BY leg_id, cabin FOR NO KEY UPDATE;
END $$;

CREATE FUNCTION public.move_hold_items(p_hold uuid, p_from text, p_to text, p_now timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.move_seats(p_legs bigint[], p_cabins text[], p_rbds text[], p_held integer[], p_sold integer[], p_infants_held integer[], p_infants_sold integer[], p_now timestamp with time zone) RETURNS void
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

CREATE FUNCTION public.outdate_access() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE users SET access_version = access_version + 1 WHERE id = NEW.user_id;
    RETURN NULL;
END $$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is history: rows are added, never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION public.release_hold(p_hold uuid, OUT outcome text, OUT hold public.holds) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.release_sold(p_hold uuid, p_legs bigint[], p_cabins text[], p_rbds text[], p_seats integer[], p_infants integer[], OUT outcome text, OUT hold public.holds) RETURNS record
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.require_owner() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM FROM users WHERE id = NEW.owner_user_id AND status <> 'closed' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the account of this order is closed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_owner_lives';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION public.standing_hold(p_hold uuid) RETURNS uuid
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce((SELECT id FROM holds WHERE replaces = p_hold), p_hold)
$$;

CREATE FUNCTION public.sweep_expired_holds(p_limit integer) RETURNS TABLE(hold_id uuid, owner text)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE TABLE public.address_claims (
    lookup bytea NOT NULL,
    lookup_key text,
    user_id uuid NOT NULL,
    CONSTRAINT address_claims_lookup_check CHECK ((length(lookup) = 32))
);

CREATE TABLE public.agencies (
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    balance_minor bigint DEFAULT 0 NOT NULL,
    credit_limit_minor bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT agencies_code_check CHECK ((code ~ '^[A-Z0-9]{3,12}$'::text)),
    CONSTRAINT agencies_credit_limit_minor_check CHECK ((credit_limit_minor >= 0)),
    CONSTRAINT agencies_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT agencies_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT agencies_within_credit CHECK (((balance_minor + credit_limit_minor) >= 0))
);

CREATE TABLE public.agency_limit_changes (
    id bigint NOT NULL,
    agency_id uuid NOT NULL,
    from_minor bigint NOT NULL,
    to_minor bigint NOT NULL,
    actor text NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

ALTER TABLE public.agency_limit_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.agency_limit_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.agency_movements (
    id bigint NOT NULL,
    agency_id uuid NOT NULL,
    kind text NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    currency text NOT NULL,
    cause_id uuid NOT NULL,
    reference text,
    actor text NOT NULL,
    channel text NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT agency_movements_check CHECK ((((kind = 'paid'::text) = (amount_minor < 0)) AND (amount_minor <> 0))),
    CONSTRAINT agency_movements_kind_check CHECK ((kind = ANY (ARRAY['topped_up'::text, 'paid'::text, 'returned'::text])))
);

ALTER TABLE public.agency_movements ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.agency_movements_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.aircraft_types (
    iata text NOT NULL,
    icao text,
    name text NOT NULL,
    manufacturer text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT aircraft_types_iata_check CHECK ((iata ~ '^[A-Z0-9]{3}$'::text)),
    CONSTRAINT aircraft_types_icao_check CHECK ((icao ~ '^[A-Z0-9]{2,4}$'::text))
);

CREATE TABLE public.airports (
    iata text NOT NULL,
    icao text,
    name_en text NOT NULL,
    name_ar text,
    city_code text NOT NULL,
    country_code text NOT NULL,
    timezone text NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    prominence smallint DEFAULT 0 NOT NULL,
    aliases text DEFAULT ''::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT airports_iata_check CHECK ((iata ~ '^[A-Z0-9]{3}$'::text)),
    CONSTRAINT airports_icao_check CHECK ((icao ~ '^[A-Z0-9]{4}$'::text)),
    CONSTRAINT airports_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision))),
    CONSTRAINT airports_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision)))
);

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.api_keys (
    id uuid DEFAULT uuidv7() NOT NULL,
    hash bytea NOT NULL,
    name text NOT NULL,
    agency_id uuid,
    permissions text[] NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_by text,
    revoked_at timestamp with time zone,
    requests_per_minute integer,
    CONSTRAINT api_keys_check CHECK ((expires_at > created_at)),
    CONSTRAINT api_keys_check1 CHECK (((revoked_at IS NULL) = (revoked_by IS NULL))),
    CONSTRAINT api_keys_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT api_keys_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT api_keys_requests_per_minute_check CHECK (((requests_per_minute >= 1) AND (requests_per_minute <= 1000000)))
);

CREATE TABLE public.approvals (
    id uuid DEFAULT uuidv7() NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    payload jsonb NOT NULL,
    payload_hash bytea NOT NULL,
    reason text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    resolved_by text,
    resolved_at timestamp with time zone,
    CONSTRAINT approvals_check CHECK (((status = 'open'::text) = (resolved_at IS NULL))),
    CONSTRAINT approvals_check1 CHECK (((resolved_at IS NULL) = (resolved_by IS NULL))),
    CONSTRAINT approvals_check2 CHECK ((expires_at > requested_at)),
    CONSTRAINT approvals_kind_check CHECK ((kind = ANY (ARRAY['role_grant'::text, 'role_revocation'::text, 'refund'::text, 'waiver'::text]))),
    CONSTRAINT approvals_payload_hash_check CHECK ((length(payload_hash) = 32)),
    CONSTRAINT approvals_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 1200))),
    CONSTRAINT approvals_second_person CHECK (((status <> 'approved'::text) OR (resolved_by <> requested_by))),
    CONSTRAINT approvals_status_check CHECK ((status = ANY (ARRAY['open'::text, 'approved'::text, 'declined'::text, 'withdrawn'::text, 'expired'::text]))),
    CONSTRAINT approvals_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 100)))
);

CREATE TABLE public.audit_chain (
    "position" bigint NOT NULL,
    entry_id uuid NOT NULL,
    hash bytea NOT NULL,
    chained_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT audit_chain_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT audit_chain_position_check CHECK (("position" >= 1))
);

CREATE TABLE public.audit_chain_progress (
    only_one boolean DEFAULT true NOT NULL,
    next_transaction_id xid8 NOT NULL,
    begun_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT audit_chain_progress_only_one_check CHECK (only_one)
);

CREATE TABLE public.audit_entries (
    id uuid NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    order_id uuid,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    roles text[] NOT NULL,
    session_id text,
    channel text NOT NULL,
    origin text,
    correlation_id text NOT NULL,
    before json,
    after json,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    transaction_id xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT audit_entries_action_check CHECK ((action ~ '^[a-z][a-z_]*([.][a-z][a-z_]*)+$'::text)),
    CONSTRAINT audit_entries_actor_id_check CHECK ((actor_id <> ''::text)),
    CONSTRAINT audit_entries_actor_kind_check CHECK ((actor_kind <> ''::text)),
    CONSTRAINT audit_entries_after_check CHECK ((json_typeof(after) = 'object'::text)),
    CONSTRAINT audit_entries_before_check CHECK ((json_typeof(before) = 'object'::text)),
    CONSTRAINT audit_entries_channel_check CHECK ((channel <> ''::text)),
    CONSTRAINT audit_entries_correlation_id_check CHECK ((correlation_id <> ''::text)),
    CONSTRAINT audit_entries_origin_check CHECK ((origin <> ''::text)),
    CONSTRAINT audit_entries_session_id_check CHECK ((session_id <> ''::text)),
    CONSTRAINT audit_entries_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 200)))
);

CREATE TABLE public.audit_heads (
    "position" bigint NOT NULL,
    hash bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

CREATE TABLE public.booking_class_ladders (
    carrier text NOT NULL,
    cabin text NOT NULL,
    rbd text NOT NULL,
    rank smallint NOT NULL,
    limit_percent smallint NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT booking_class_ladders_cabin_check CHECK ((cabin ~ '^[A-Z]$'::text)),
    CONSTRAINT booking_class_ladders_check CHECK (((rank > 1) OR (limit_percent = 100))),
    CONSTRAINT booking_class_ladders_limit_percent_check CHECK (((limit_percent >= 0) AND (limit_percent <= 100))),
    CONSTRAINT booking_class_ladders_rank_check CHECK (((rank >= 1) AND (rank <= 26))),
    CONSTRAINT booking_class_ladders_rbd_check CHECK ((rbd ~ '^[A-Z]$'::text))
);

CREATE TABLE public.cabin_layouts (
    id bigint NOT NULL,
    carrier text NOT NULL,
    aircraft_type text NOT NULL,
    configuration text NOT NULL,
    name text NOT NULL,
    rows jsonb NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT cabin_layouts_rows_check CHECK ((jsonb_typeof(rows) = 'array'::text))
);

ALTER TABLE public.cabin_layouts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.cabin_layouts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.cancellation_quote_lines (
    quote_id uuid NOT NULL,
    "position" smallint NOT NULL,
    order_id uuid NOT NULL,
    price_line_position smallint NOT NULL,
    passenger_id uuid NOT NULL,
    order_segment_id uuid NOT NULL,
    kind text NOT NULL,
    code text NOT NULL,
    paid_minor bigint NOT NULL,
    kept_minor bigint NOT NULL,
    penalty_minor bigint NOT NULL,
    shortfall_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    rule text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    taken_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT cancellation_quote_lines_check CHECK (((penalty_minor >= 0) AND (penalty_minor <= kept_minor))),
    CONSTRAINT cancellation_quote_lines_check1 CHECK (((shortfall_minor >= 0) AND (shortfall_minor <= (kept_minor - penalty_minor)))),
    CONSTRAINT cancellation_quote_lines_check2 CHECK ((paid_minor = (kept_minor + refunded_minor))),
    CONSTRAINT cancellation_quote_lines_kept_minor_check CHECK ((kept_minor >= 0)),
    CONSTRAINT cancellation_quote_lines_refunded_minor_check CHECK ((refunded_minor >= 0)),
    CONSTRAINT cancellation_quote_lines_taken CHECK (((taken_minor >= 0) AND (taken_minor <= ((kept_minor - penalty_minor) - shortfall_minor))))
);

CREATE TABLE public.cancellation_quotes (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    kind text NOT NULL,
    refund_to text NOT NULL,
    currency text NOT NULL,
    penalty_minor bigint NOT NULL,
    non_refundable_minor bigint NOT NULL,
    refund_minor bigint NOT NULL,
    basis text NOT NULL,
    made_by text NOT NULL,
    channel text NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    resolved_by text,
    waived_minor bigint DEFAULT 0 NOT NULL,
    waiver_reason text,
    approval_id uuid,
    CONSTRAINT cancellation_quotes_check CHECK (((status = 'open'::text) = (resolved_at IS NULL))),
    CONSTRAINT cancellation_quotes_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT cancellation_quotes_kind_check CHECK ((kind = ANY (ARRAY['voluntary'::text, 'involuntary'::text, 'unticketed'::text]))),
    CONSTRAINT cancellation_quotes_non_refundable_minor_check CHECK ((non_refundable_minor >= 0)),
    CONSTRAINT cancellation_quotes_penalty_minor_check CHECK ((penalty_minor >= 0)),
    CONSTRAINT cancellation_quotes_refund_minor_check CHECK ((refund_minor >= 0)),
    CONSTRAINT cancellation_quotes_refund_to_check CHECK ((refund_to = ANY (ARRAY['original_payment'::text, 'travel_credit'::text]))),
    CONSTRAINT cancellation_quotes_status_check CHECK ((status = ANY (ARRAY['open'::text, 'confirmed'::text, 'superseded'::text, 'expired'::text]))),
    CONSTRAINT cancellation_quotes_waived_minor_check CHECK ((waived_minor >= 0)),
    CONSTRAINT cancellation_quotes_waiver CHECK (((waived_minor = 0) OR (waiver_reason IS NOT NULL))),
    CONSTRAINT cancellation_quotes_waiver_reason_check CHECK (((length(waiver_reason) >= 1) AND (length(waiver_reason) <= 1200)))
);

CREATE TABLE public.carriers (
    code text NOT NULL,
    accounting_code text,
    name_en text NOT NULL,
    name_ar text,
    country_code text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT carriers_accounting_code_check CHECK ((accounting_code ~ '^[0-9]{3}$'::text)),
    CONSTRAINT carriers_code_check CHECK (((code ~ '^[A-Z0-9]{2}[A-Z]?$'::text) AND (code !~ '^[0-9]+$'::text)))
);

CREATE TABLE public.cash_offices (
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    next_receipt bigint DEFAULT 1 NOT NULL,
    CONSTRAINT cash_offices_code_check CHECK ((code ~ '^[A-Z0-9]{3,12}$'::text)),
    CONSTRAINT cash_offices_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT cash_offices_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT cash_offices_next_receipt_check CHECK ((next_receipt >= 1))
);

CREATE TABLE public.cash_receipts (
    office_id uuid NOT NULL,
    receipt_number bigint NOT NULL,
    shift_id uuid NOT NULL,
    kind text NOT NULL,
    amount_minor bigint NOT NULL,
    cause_id uuid NOT NULL,
    actor text NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT cash_receipts_check CHECK ((((kind = 'paid'::text) = (amount_minor > 0)) AND (amount_minor <> 0))),
    CONSTRAINT cash_receipts_kind_check CHECK ((kind = ANY (ARRAY['paid'::text, 'paid_out'::text])))
);

CREATE TABLE public.cash_shifts (
    id uuid NOT NULL,
    office_id uuid NOT NULL,
    clerk text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    float_minor bigint NOT NULL,
    taken_minor bigint DEFAULT 0 NOT NULL,
    paid_out_minor bigint DEFAULT 0 NOT NULL,
    counted_minor bigint,
    opened_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    closed_at timestamp with time zone,
    written_off_at timestamp with time zone,
    CONSTRAINT cash_shifts_check CHECK ((((status = 'closed'::text) = (counted_minor IS NOT NULL)) AND ((status = 'closed'::text) = (closed_at IS NOT NULL)))),
    CONSTRAINT cash_shifts_clerk_check CHECK (((length(clerk) >= 1) AND (length(clerk) <= 60))),
    CONSTRAINT cash_shifts_counted_minor_check CHECK ((counted_minor >= 0)),
    CONSTRAINT cash_shifts_drawer CHECK ((((float_minor + taken_minor) - paid_out_minor) >= 0)),
    CONSTRAINT cash_shifts_float_minor_check CHECK ((float_minor >= 0)),
    CONSTRAINT cash_shifts_paid_out_minor_check CHECK ((paid_out_minor >= 0)),
    CONSTRAINT cash_shifts_status_check CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text]))),
    CONSTRAINT cash_shifts_taken_minor_check CHECK ((taken_minor >= 0)),
    CONSTRAINT cash_shifts_written_off CHECK (((written_off_at IS NULL) OR (status = 'closed'::text)))
);

CREATE TABLE public.cities (
    code text NOT NULL,
    name_en text NOT NULL,
    name_ar text,
    country_code text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT cities_code_check CHECK ((code ~ '^[A-Z0-9]{3}$'::text))
);

CREATE TABLE public.countries (
    code text NOT NULL,
    name_en text NOT NULL,
    name_ar text,
    currency text,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT countries_code_check CHECK ((code ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT countries_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
);

CREATE TABLE public.coupon_moves (
    id bigint NOT NULL,
    document_id uuid NOT NULL,
    coupon_number smallint NOT NULL,
    from_status text,
    to_status text NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    source_id text,
    happened_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

ALTER TABLE public.coupon_moves ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.coupon_moves_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.coupons (
    document_id uuid NOT NULL,
    number smallint NOT NULL,
    passenger_id uuid NOT NULL,
    segment_id uuid NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    carrier text NOT NULL,
    flight_number text NOT NULL,
    origin text NOT NULL,
    destination text NOT NULL,
    departure_date date NOT NULL,
    booking_class text NOT NULL,
    fare_basis text NOT NULL,
    value_minor bigint NOT NULL,
    currency text NOT NULL,
    carrier_charges_minor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT coupons_booking_class_check CHECK ((booking_class ~ '^[A-Z]$'::text)),
    CONSTRAINT coupons_carrier_charges_minor_check CHECK ((carrier_charges_minor >= 0)),
    CONSTRAINT coupons_number_check CHECK (((number >= 1) AND (number <= 4))),
    CONSTRAINT coupons_status_check CHECK ((status = ANY (ARRAY['open'::text, 'airport_control'::text, 'checked_in'::text, 'lifted'::text, 'flown'::text, 'exchanged'::text, 'refunded'::text, 'void'::text, 'suspended'::text, 'no_show'::text]))),
    CONSTRAINT coupons_value_minor_check CHECK ((value_minor >= 0))
);

CREATE TABLE public.data_versions (
    name text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    changed_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

CREATE TABLE public.discount_versions (
    id bigint NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    carrier text NOT NULL,
    passenger_type text NOT NULL,
    brand text NOT NULL,
    basis_points integer NOT NULL,
    sale_starts_at timestamp with time zone NOT NULL,
    sale_ends_at timestamp with time zone,
    imported_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    imported_by text NOT NULL,
    superseded_at timestamp with time zone,
    CONSTRAINT discount_versions_basis_points_check CHECK (((basis_points >= 0) AND (basis_points <= 10000))),
    CONSTRAINT discount_versions_check CHECK ((sale_ends_at >= sale_starts_at)),
    CONSTRAINT discount_versions_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT discount_versions_passenger_type_check CHECK ((passenger_type = ANY (ARRAY['child'::text, 'infant'::text, 'infant_seat'::text])))
);

ALTER TABLE public.discount_versions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.discount_versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.dispute_events (
    id bigint NOT NULL,
    dispute_id uuid NOT NULL,
    from_status text,
    to_status text NOT NULL,
    actor text NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

ALTER TABLE public.dispute_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dispute_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.disputes (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    order_id uuid NOT NULL,
    provider text NOT NULL,
    provider_dispute_id text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    answer_by timestamp with time zone,
    opened_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT disputes_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT disputes_check CHECK (((status = ANY (ARRAY['inquiry'::text, 'open'::text])) = (closed_at IS NULL))),
    CONSTRAINT disputes_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT disputes_status_check CHECK ((status = ANY (ARRAY['inquiry'::text, 'withdrawn'::text, 'open'::text, 'won'::text, 'lost'::text])))
);

CREATE TABLE public.documents (
    id uuid NOT NULL,
    number text NOT NULL,
    type text NOT NULL,
    status text DEFAULT 'issued'::text NOT NULL,
    order_id uuid NOT NULL,
    passenger_id uuid NOT NULL,
    passenger_name text NOT NULL,
    validating_carrier text NOT NULL,
    conjunction_of uuid,
    conjunction_sequence smallint DEFAULT 1 NOT NULL,
    total_minor bigint NOT NULL,
    currency text NOT NULL,
    issued_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    issued_by text NOT NULL,
    channel text NOT NULL,
    seller_id text,
    agent_id text,
    point_of_sale text,
    source_system text,
    source_reference text,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT documents_check CHECK (((conjunction_of IS NULL) = (conjunction_sequence = 1))),
    CONSTRAINT documents_conjunction_sequence_check CHECK ((conjunction_sequence >= 1)),
    CONSTRAINT documents_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT documents_number_check CHECK ((number ~ '^[0-9]{13}$'::text)),
    CONSTRAINT documents_passenger_name_check CHECK ((passenger_name <> ''::text)),
    CONSTRAINT documents_status_check CHECK ((status = ANY (ARRAY['issued'::text, 'void'::text]))),
    CONSTRAINT documents_total_minor_check CHECK ((total_minor >= 0)),
    CONSTRAINT documents_type_check CHECK ((type = ANY (ARRAY['ticket'::text, 'emd_a'::text, 'emd_s'::text])))
);

CREATE TABLE public.exchange_rates (
    base text NOT NULL,
    quote text NOT NULL,
    rate numeric NOT NULL,
    valid daterange NOT NULL,
    CONSTRAINT exchange_rates_base_check CHECK ((base ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT exchange_rates_check CHECK ((base <> quote)),
    CONSTRAINT exchange_rates_quote_check CHECK ((quote ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT exchange_rates_rate_check CHECK ((rate > (0)::numeric)),
    CONSTRAINT exchange_rates_valid_check CHECK ((NOT isempty(valid)))
);

CREATE TABLE public.fare_brands (
    carrier text NOT NULL,
    code text NOT NULL,
    rank smallint NOT NULL,
    name_en text NOT NULL,
    name_ar text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT fare_brands_code_check CHECK ((code ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
    CONSTRAINT fare_brands_rank_check CHECK (((rank >= 1) AND (rank <= 99)))
);

CREATE TABLE public.fare_versions (
    id bigint NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    carrier text NOT NULL,
    market_level text NOT NULL,
    origin text NOT NULL,
    destination text NOT NULL,
    both_directions boolean NOT NULL,
    trip_type text NOT NULL,
    fare_basis text NOT NULL,
    rbd text NOT NULL,
    brand text NOT NULL,
    cabin text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    rule jsonb NOT NULL,
    travel_from date,
    travel_until date,
    points_of_sale text[] NOT NULL,
    sale_starts_at timestamp with time zone NOT NULL,
    sale_ends_at timestamp with time zone,
    imported_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    imported_by text NOT NULL,
    superseded_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    withdrawn_by text,
    withdrawal_reason text,
    CONSTRAINT fare_versions_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT fare_versions_cabin_check CHECK ((cabin ~ '^[A-Z]$'::text)),
    CONSTRAINT fare_versions_check CHECK ((origin <> destination)),
    CONSTRAINT fare_versions_check1 CHECK ((travel_until >= travel_from)),
    CONSTRAINT fare_versions_check2 CHECK ((sale_ends_at >= sale_starts_at)),
    CONSTRAINT fare_versions_check3 CHECK (((withdrawn_at IS NULL) = (withdrawn_by IS NULL))),
    CONSTRAINT fare_versions_check4 CHECK (((withdrawn_at IS NULL) = (withdrawal_reason IS NULL))),
    CONSTRAINT fare_versions_check5 CHECK (((withdrawn_at IS NULL) OR (sale_ends_at IS NOT NULL))),
    CONSTRAINT fare_versions_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT fare_versions_destination_check CHECK ((destination ~ '^[A-Z0-9]{3}$'::text)),
    CONSTRAINT fare_versions_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT fare_versions_fare_basis_check CHECK ((fare_basis ~ '^[A-Z][A-Z0-9]{1,7}$'::text)),
    CONSTRAINT fare_versions_market_level_check CHECK ((market_level = ANY (ARRAY['airport'::text, 'city'::text]))),
    CONSTRAINT fare_versions_origin_check CHECK ((origin ~ '^[A-Z0-9]{3}$'::text)),
    CONSTRAINT fare_versions_rbd_check CHECK ((rbd ~ '^[A-Z]$'::text)),
    CONSTRAINT fare_versions_trip_type_check CHECK ((trip_type = ANY (ARRAY['one_way'::text, 'half_return'::text])))
);

ALTER TABLE public.fare_versions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.fare_versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.flight_date_changes (
    id bigint NOT NULL,
    flight_date_id uuid NOT NULL,
    import_id uuid,
    kinds text[] NOT NULL,
    legs jsonb NOT NULL,
    seats_sold integer NOT NULL,
    passengers integer NOT NULL,
    changed_by text NOT NULL,
    reason text NOT NULL,
    changed_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT flight_date_changes_kinds_check CHECK (((cardinality(kinds) > 0) AND (kinds <@ ARRAY['cancelled'::text, 'reinstated'::text, 'rerouted'::text, 'retimed'::text, 'equipment'::text, 'details'::text]))),
    CONSTRAINT flight_date_changes_passengers_check CHECK ((passengers >= 0)),
    CONSTRAINT flight_date_changes_seats_sold_check CHECK ((seats_sold >= 0))
);

ALTER TABLE public.flight_date_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.flight_date_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.flight_dates (
    id uuid NOT NULL,
    carrier text NOT NULL,
    flight_number smallint NOT NULL,
    suffix text DEFAULT ''::text NOT NULL,
    departure_date date NOT NULL,
    schedule_date date NOT NULL,
    source text NOT NULL,
    service_type text NOT NULL,
    on_sale boolean NOT NULL,
    status text DEFAULT 'scheduled'::text NOT NULL,
    cancelled_by text,
    first_departure_at timestamp with time zone NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    changed_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT flight_dates_cancelled_by_check CHECK ((cancelled_by = ANY (ARRAY['schedule'::text, 'operations'::text]))),
    CONSTRAINT flight_dates_check CHECK (((status = 'cancelled'::text) = (cancelled_by IS NOT NULL))),
    CONSTRAINT flight_dates_flight_number_check CHECK (((flight_number >= 1) AND (flight_number <= 9999))),
    CONSTRAINT flight_dates_service_type_check CHECK ((service_type ~ '^[A-Z]$'::text)),
    CONSTRAINT flight_dates_source_check CHECK ((source = ANY (ARRAY['ssim'::text, 'nycflights'::text]))),
    CONSTRAINT flight_dates_status_check CHECK ((status = ANY (ARRAY['scheduled'::text, 'cancelled'::text, 'departed'::text]))),
    CONSTRAINT flight_dates_suffix_check CHECK ((suffix ~ '^[A-Z]?$'::text))
);

CREATE TABLE public.handled_events (
    event_id uuid NOT NULL,
    handler text NOT NULL,
    handled_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

CREATE TABLE public.hold_items (
    hold_id uuid NOT NULL,
    "position" smallint NOT NULL,
    leg_id bigint NOT NULL,
    cabin text NOT NULL,
    rbd text NOT NULL,
    seats smallint NOT NULL,
    infants smallint NOT NULL,
    state text DEFAULT 'held'::text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT hold_items_infants_check CHECK ((infants >= 0)),
    CONSTRAINT hold_items_rbd_check CHECK ((length(rbd) = 1)),
    CONSTRAINT hold_items_seats_check CHECK (((seats >= 0) AND ((seats + infants) > 0))),
    CONSTRAINT hold_items_state_check CHECK ((state = ANY (ARRAY['held'::text, 'sold'::text, 'released'::text, 'expired'::text])))
)
WITH (fillfactor='80');

CREATE TABLE public.idempotency_records (
    scope text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    operation_id uuid NOT NULL,
    status smallint,
    answer bytea,
    lease_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    expires_at timestamp with time zone DEFAULT (public.ais_now() + '24:00:00'::interval) NOT NULL,
    person_id uuid,
    CONSTRAINT idempotency_records_check CHECK (((status IS NULL) = (answer IS NULL))),
    CONSTRAINT idempotency_records_check1 CHECK (((status IS NOT NULL) OR (lease_until IS NOT NULL))),
    CONSTRAINT idempotency_records_fingerprint_check CHECK ((length(fingerprint) = 32)),
    CONSTRAINT idempotency_records_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255))),
    CONSTRAINT idempotency_records_status_check CHECK (((status >= 200) AND (status <= 299)))
);

CREATE TABLE public.infant_limits (
    aircraft_type text NOT NULL,
    infants_max smallint NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT infant_limits_infants_max_check CHECK ((infants_max >= 0))
);

CREATE TABLE public.inventory_adjustments (
    id bigint NOT NULL,
    leg_id bigint NOT NULL,
    cabin text NOT NULL,
    kind text NOT NULL,
    capacity_before integer NOT NULL,
    capacity_after integer NOT NULL,
    authorised_before integer NOT NULL,
    authorised_after integer NOT NULL,
    blocked_before integer NOT NULL,
    blocked_after integer NOT NULL,
    excess_before integer NOT NULL,
    excess_after integer NOT NULL,
    limits_before integer[] NOT NULL,
    limits_after integer[] NOT NULL,
    on_sale_before boolean NOT NULL,
    on_sale_after boolean NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT inventory_adjustments_kind_check CHECK ((kind = ANY (ARRAY['equipment'::text, 'authorisation'::text, 'sale'::text]))),
    CONSTRAINT inventory_adjustments_reason_check CHECK ((reason <> ''::text))
);

ALTER TABLE public.inventory_adjustments ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.inventory_adjustments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.inventory_changes (
    xact_id xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leg_ids bigint[],
    changed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.job_log (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    job_id bigint NOT NULL,
    status public.job_status NOT NULL,
    priority integer NOT NULL,
    entrypoint text NOT NULL,
    traceback jsonb,
    aggregated boolean DEFAULT false
);

ALTER TABLE public.job_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.job_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.job_schedules (
    name text NOT NULL,
    every_seconds integer,
    cron text,
    next_run_at timestamp with time zone NOT NULL,
    last_run_at timestamp with time zone,
    last_finished_at timestamp with time zone,
    last_outcome text,
    last_error text,
    failures_in_row integer DEFAULT 0 NOT NULL,
    CONSTRAINT job_schedules_check CHECK (((every_seconds IS NULL) <> (cron IS NULL))),
    CONSTRAINT job_schedules_check1 CHECK (((last_outcome IS NULL) = (last_finished_at IS NULL))),
    CONSTRAINT job_schedules_every_seconds_check CHECK ((every_seconds > 0)),
    CONSTRAINT job_schedules_failures_in_row_check CHECK ((failures_in_row >= 0)),
    CONSTRAINT job_schedules_last_outcome_check CHECK ((last_outcome = ANY (ARRAY['succeeded'::text, 'failed'::text]))),
    CONSTRAINT job_schedules_name_check CHECK ((name <> ''::text))
);

CREATE TABLE public.job_statistics (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT date_trunc('sec'::text, now()) NOT NULL,
    count bigint NOT NULL,
    priority integer NOT NULL,
    status public.job_status NOT NULL,
    entrypoint text NOT NULL
);

ALTER TABLE public.job_statistics ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.job_statistics_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.jobs (
    id bigint NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    queue_manager_id uuid,
    created timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    execute_after timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    status public.job_status DEFAULT 'queued'::public.job_status NOT NULL,
    entrypoint text NOT NULL,
    dedupe_key text,
    payload bytea NOT NULL,
    headers jsonb NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    slot bigint,
    CONSTRAINT jobs_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT jobs_check CHECK (((status = 'picked'::public.job_status) = (queue_manager_id IS NOT NULL))),
    CONSTRAINT jobs_dedupe_key_check CHECK ((dedupe_key <> ''::text)),
    CONSTRAINT jobs_entrypoint_check CHECK ((entrypoint <> ''::text)),
    CONSTRAINT jobs_status_check CHECK ((status = ANY (ARRAY['queued'::public.job_status, 'picked'::public.job_status, 'failed'::public.job_status])))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

ALTER TABLE public.jobs ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ledger_chain (
    "position" bigint NOT NULL,
    posting_id uuid NOT NULL,
    hash bytea NOT NULL,
    chained_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT ledger_chain_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT ledger_chain_position_check CHECK (("position" >= 1))
);

CREATE TABLE public.ledger_chain_progress (
    only_one boolean DEFAULT true NOT NULL,
    next_transaction_id xid8 NOT NULL,
    CONSTRAINT ledger_chain_progress_only_one_check CHECK (only_one)
);

CREATE TABLE public.ledger_entries (
    posting_id uuid NOT NULL,
    number smallint NOT NULL,
    account text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    authority text,
    code text,
    document_id uuid,
    coupon_number smallint,
    provider text,
    agency_id text,
    office text,
    shift text,
    credit_id uuid,
    due_at timestamp with time zone,
    CONSTRAINT ledger_entries_account CHECK ((account = ANY (ARRAY['provider_clearing'::text, 'customer_deposits'::text, 'unflown_fare'::text, 'unflown_carrier_charges'::text, 'unflown_ancillaries'::text, 'tax_payable'::text, 'flown_revenue'::text, 'penalty_revenue'::text, 'breakage'::text, 'deferred_penalties'::text, 'deferred_breakage'::text, 'refunds_payable'::text, 'travel_credit'::text, 'agency_deposit'::text, 'agency_receivable'::text, 'cash'::text, 'cash_difference'::text, 'bank'::text, 'provider_fees'::text, 'chargebacks'::text, 'compensation'::text, 'exchange_difference'::text, 'rounding'::text]))),
    CONSTRAINT ledger_entries_agency_id_check CHECK ((agency_id <> ''::text)),
    CONSTRAINT ledger_entries_amount_minor_check CHECK ((amount_minor <> 0)),
    CONSTRAINT ledger_entries_authority_check CHECK ((authority <> ''::text)),
    CONSTRAINT ledger_entries_check CHECK (((coupon_number IS NULL) OR (document_id IS NOT NULL))),
    CONSTRAINT ledger_entries_code_check CHECK ((code <> ''::text)),
    CONSTRAINT ledger_entries_coupon_number_check CHECK (((coupon_number >= 1) AND (coupon_number <= 4))),
    CONSTRAINT ledger_entries_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT ledger_entries_dimensions CHECK (
CASE
    WHEN (account = ANY (ARRAY['unflown_fare'::text, 'unflown_carrier_charges'::text, 'unflown_ancillaries'::text])) THEN (coupon_number IS NOT NULL)
    WHEN (account = 'tax_payable'::text) THEN ((authority IS NOT NULL) AND (code IS NOT NULL))
    WHEN (account = ANY (ARRAY['deferred_penalties'::text, 'deferred_breakage'::text])) THEN ((coupon_number IS NOT NULL) AND (due_at IS NOT NULL))
    WHEN (account = 'provider_clearing'::text) THEN (provider IS NOT NULL)
    WHEN (account = ANY (ARRAY['agency_deposit'::text, 'agency_receivable'::text])) THEN (agency_id IS NOT NULL)
    WHEN (account = ANY (ARRAY['cash'::text, 'cash_difference'::text])) THEN ((office IS NOT NULL) AND (shift IS NOT NULL))
    WHEN (account = 'travel_credit'::text) THEN (credit_id IS NOT NULL)
    ELSE true
END),
    CONSTRAINT ledger_entries_number_check CHECK ((number >= 1)),
    CONSTRAINT ledger_entries_office_check CHECK ((office <> ''::text)),
    CONSTRAINT ledger_entries_provider_check CHECK ((provider <> ''::text)),
    CONSTRAINT ledger_entries_shift_check CHECK ((shift <> ''::text))
);

CREATE TABLE public.ledger_heads (
    "position" bigint NOT NULL,
    hash bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

CREATE TABLE public.ledger_postings (
    id uuid NOT NULL,
    kind text NOT NULL,
    cause_type text NOT NULL,
    cause_id text NOT NULL,
    order_id uuid,
    form_of_payment text,
    actor text NOT NULL,
    channel text NOT NULL,
    seller_id text,
    happened_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    entry_count smallint NOT NULL,
    transaction_id xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT ledger_postings_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT ledger_postings_cause_id_check CHECK ((cause_id <> ''::text)),
    CONSTRAINT ledger_postings_cause_type_check CHECK ((cause_type ~ '^[a-z_]+$'::text)),
    CONSTRAINT ledger_postings_channel_check CHECK ((channel <> ''::text)),
    CONSTRAINT ledger_postings_entry_count_check CHECK ((entry_count >= 2)),
    CONSTRAINT ledger_postings_form_of_payment_check CHECK ((form_of_payment <> ''::text)),
    CONSTRAINT ledger_postings_kind_check CHECK ((kind ~ '^[a-z_]+$'::text)),
    CONSTRAINT ledger_postings_seller_id_check CHECK ((seller_id <> ''::text))
);

CREATE TABLE public.leg_cabins (
    leg_id bigint NOT NULL,
    cabin text NOT NULL,
    flight_date_id uuid NOT NULL,
    capacity integer NOT NULL,
    authorised integer NOT NULL,
    blocked integer DEFAULT 0 NOT NULL,
    excess integer DEFAULT 0 NOT NULL,
    held integer DEFAULT 0 NOT NULL,
    sold integer DEFAULT 0 NOT NULL,
    on_sale boolean DEFAULT true NOT NULL,
    next_expiry_at timestamp with time zone,
    classes text NOT NULL,
    limits integer[] NOT NULL,
    held_by_class integer[] NOT NULL,
    sold_by_class integer[] NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT leg_cabins_authorised_check CHECK ((authorised >= 0)),
    CONSTRAINT leg_cabins_blocked_check CHECK ((blocked >= 0)),
    CONSTRAINT leg_cabins_cabin_check CHECK ((length(cabin) = 1)),
    CONSTRAINT leg_cabins_capacity_check CHECK ((capacity >= 0)),
    CONSTRAINT leg_cabins_classes CHECK ((((length(classes) >= 1) AND (length(classes) <= 26)) AND (cardinality(limits) = length(classes)) AND (cardinality(held_by_class) = length(classes)) AND (cardinality(sold_by_class) = length(classes)) AND (limits[1] = authorised))),
    CONSTRAINT leg_cabins_counts CHECK (((0 <= ALL (held_by_class)) AND (0 <= ALL (sold_by_class)) AND (0 <= ALL (limits)))),
    CONSTRAINT leg_cabins_excess_check CHECK ((excess >= 0)),
    CONSTRAINT leg_cabins_totals CHECK (((held = public.class_total(held_by_class)) AND (sold = public.class_total(sold_by_class)))),
    CONSTRAINT leg_cabins_within_authorisation CHECK ((((sold + held) + blocked) <= (authorised + excess)))
)
WITH (fillfactor='60');

CREATE TABLE public.leg_infants (
    leg_id bigint NOT NULL,
    infants_max integer NOT NULL,
    excess integer DEFAULT 0 NOT NULL,
    held integer DEFAULT 0 NOT NULL,
    sold integer DEFAULT 0 NOT NULL,
    CONSTRAINT leg_infants_excess_check CHECK ((excess >= 0)),
    CONSTRAINT leg_infants_held_check CHECK ((held >= 0)),
    CONSTRAINT leg_infants_infants_max_check CHECK ((infants_max >= 0)),
    CONSTRAINT leg_infants_sold_check CHECK ((sold >= 0)),
    CONSTRAINT leg_infants_within_limit CHECK (((sold + held) <= (infants_max + excess)))
)
WITH (fillfactor='60');

CREATE TABLE public.legs (
    id bigint NOT NULL,
    flight_date_id uuid NOT NULL,
    sequence smallint NOT NULL,
    origin text NOT NULL,
    destination text NOT NULL,
    scheduled_departure_at timestamp with time zone NOT NULL,
    scheduled_arrival_at timestamp with time zone NOT NULL,
    passenger_departure_at timestamp with time zone NOT NULL,
    passenger_arrival_at timestamp with time zone NOT NULL,
    departure_terminal text DEFAULT ''::text NOT NULL,
    arrival_terminal text DEFAULT ''::text NOT NULL,
    aircraft_type text NOT NULL,
    configuration text NOT NULL,
    booking_classes text DEFAULT ''::text NOT NULL,
    equipment_set_by text DEFAULT 'schedule'::text NOT NULL,
    cabin_layout_id bigint,
    aircraft_registration text,
    status text DEFAULT 'scheduled'::text NOT NULL,
    CONSTRAINT legs_check CHECK ((scheduled_arrival_at > scheduled_departure_at)),
    CONSTRAINT legs_check1 CHECK ((passenger_arrival_at > passenger_departure_at)),
    CONSTRAINT legs_configuration_check CHECK ((configuration ~ '^([A-Z][0-9]{1,3})*$'::text)),
    CONSTRAINT legs_equipment_set_by_check CHECK ((equipment_set_by = ANY (ARRAY['schedule'::text, 'operations'::text]))),
    CONSTRAINT legs_sequence_check CHECK ((sequence > 0)),
    CONSTRAINT legs_status_check CHECK ((status = ANY (ARRAY['scheduled'::text, 'cancelled'::text, 'departed'::text])))
);

ALTER TABLE public.legs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.legs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.lookup_keys (
    id text NOT NULL,
    proof bytea NOT NULL,
    first_set_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    dropped_at timestamp with time zone,
    CONSTRAINT lookup_keys_id_check CHECK ((id <> ''::text)),
    CONSTRAINT lookup_keys_proof_check CHECK ((length(proof) = 32))
);

CREATE TABLE public.minimum_connecting_times (
    id bigint NOT NULL,
    airport text,
    kind text,
    arrival_terminal text,
    departure_terminal text,
    arrival_carrier text,
    departure_carrier text,
    minutes smallint NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT minimum_connecting_times_check CHECK (((airport IS NOT NULL) OR ((arrival_terminal IS NULL) AND (departure_terminal IS NULL)))),
    CONSTRAINT minimum_connecting_times_kind_check CHECK ((kind = ANY (ARRAY['DD'::text, 'DI'::text, 'ID'::text, 'II'::text]))),
    CONSTRAINT minimum_connecting_times_minutes_check CHECK (((minutes >= 0) AND (minutes <= 1440)))
);

ALTER TABLE public.minimum_connecting_times ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.minimum_connecting_times_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.notices (
    id uuid DEFAULT uuidv7() NOT NULL,
    kind text NOT NULL,
    order_id uuid,
    cause text NOT NULL,
    language text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    status text DEFAULT 'waiting'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    server_down boolean DEFAULT false NOT NULL,
    last_error text,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    next_try_at timestamp with time zone NOT NULL,
    give_up_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT notices_about CHECK (((order_id IS NULL) = (kind = ANY (ARRAY['verify_address'::text, 'account_exists'::text, 'reset_password'::text, 'password_changed'::text, 'second_factor_added'::text, 'second_factor_removed'::text, 'new_device'::text, 'refresh_reused'::text, 'approval_waiting'::text])))),
    CONSTRAINT notices_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT notices_check CHECK (((status = 'sent'::text) = (sent_at IS NOT NULL))),
    CONSTRAINT notices_check1 CHECK (((status = 'waiting'::text) = (ended_at IS NULL))),
    CONSTRAINT notices_kind_check CHECK ((kind ~ '^[a-z_]+$'::text)),
    CONSTRAINT notices_language_check CHECK ((language = ANY (ARRAY['ar'::text, 'en'::text]))),
    CONSTRAINT notices_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'sent'::text, 'failed'::text, 'withdrawn'::text])))
);

CREATE TABLE public.one_time_links (
    id uuid DEFAULT uuidv7() NOT NULL,
    purpose text NOT NULL,
    email_lookup bytea NOT NULL,
    registration_id uuid,
    language text NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    email_lookups_also bytea[] DEFAULT '{}'::bytea[] NOT NULL,
    CONSTRAINT one_time_links_check CHECK (((purpose = 'verify'::text) = (registration_id IS NOT NULL))),
    CONSTRAINT one_time_links_email_lookup_check CHECK ((length(email_lookup) = 32)),
    CONSTRAINT one_time_links_language_check CHECK ((language = ANY (ARRAY['ar'::text, 'en'::text]))),
    CONSTRAINT one_time_links_purpose_check CHECK ((purpose = ANY (ARRAY['verify'::text, 'reset'::text])))
);

CREATE TABLE public.order_history (
    id bigint NOT NULL,
    order_id uuid NOT NULL,
    axis text NOT NULL,
    from_state text,
    to_state text NOT NULL,
    reason text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    actor text NOT NULL,
    channel text NOT NULL,
    correlation_id text NOT NULL,
    happened_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

ALTER TABLE public.order_history ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.order_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.order_items (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    passenger_id uuid NOT NULL,
    kind text NOT NULL,
    total_minor bigint NOT NULL,
    currency text NOT NULL,
    CONSTRAINT order_items_kind_check CHECK ((kind = 'flight'::text)),
    CONSTRAINT order_items_total_minor_check CHECK ((total_minor >= 0))
);

CREATE TABLE public.order_passengers (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    "position" smallint NOT NULL,
    offer_reference text NOT NULL,
    type text NOT NULL,
    title text,
    gender text,
    given_name text,
    family_name text,
    search_name text,
    name_local jsonb,
    born_on date,
    nationality text,
    documents jsonb DEFAULT '[]'::jsonb NOT NULL,
    accompanying_id uuid,
    person_id uuid,
    personal_sealed bytea,
    name_lookup bytea,
    CONSTRAINT order_passengers_check CHECK (((type = 'infant'::text) = (accompanying_id IS NOT NULL))),
    CONSTRAINT order_passengers_family_name_check CHECK ((family_name <> ''::text)),
    CONSTRAINT order_passengers_gender_check CHECK ((gender = ANY (ARRAY['M'::text, 'F'::text, 'X'::text, 'U'::text]))),
    CONSTRAINT order_passengers_name_lookup_check CHECK ((length(name_lookup) = 32)),
    CONSTRAINT order_passengers_nationality_check CHECK ((nationality ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT order_passengers_position_check CHECK (("position" >= 1)),
    CONSTRAINT order_passengers_rest CHECK (
CASE
    WHEN (personal_sealed IS NULL) THEN ((given_name IS NOT NULL) AND (family_name IS NOT NULL) AND (search_name IS NOT NULL) AND ((type = 'adult'::text) OR (born_on IS NOT NULL)) AND (person_id IS NULL))
    ELSE ((person_id IS NOT NULL) AND (documents = '[]'::jsonb) AND (num_nonnulls(title, gender, given_name, family_name, search_name, name_local, born_on, nationality) = 0))
END),
    CONSTRAINT order_passengers_search_name_check CHECK ((search_name <> ''::text)),
    CONSTRAINT order_passengers_type_check CHECK ((type = ANY (ARRAY['adult'::text, 'child'::text, 'infant'::text, 'infant_seat'::text])))
);

CREATE TABLE public.order_segments (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    slice_position smallint NOT NULL,
    "position" smallint NOT NULL,
    segment_id bigint NOT NULL,
    flight_date_id uuid NOT NULL,
    marketing_carrier text NOT NULL,
    flight_number text NOT NULL,
    operating_carrier text NOT NULL,
    operating_flight_number text NOT NULL,
    origin text NOT NULL,
    destination text NOT NULL,
    departs_at timestamp with time zone NOT NULL,
    departure_timezone text NOT NULL,
    arrives_at timestamp with time zone NOT NULL,
    arrival_timezone text NOT NULL,
    departure_date date NOT NULL,
    cabin text NOT NULL,
    booking_class text NOT NULL,
    fare_basis text NOT NULL,
    aircraft text NOT NULL,
    status text DEFAULT 'confirmed'::text NOT NULL,
    status_code text DEFAULT 'HK'::text NOT NULL,
    CONSTRAINT order_segments_booking_class_check CHECK ((booking_class ~ '^[A-Z]$'::text)),
    CONSTRAINT order_segments_check CHECK ((arrives_at > departs_at)),
    CONSTRAINT order_segments_check1 CHECK (
CASE status
    WHEN 'confirmed'::text THEN (status_code = 'HK'::text)
    WHEN 'schedule_changed'::text THEN (status_code = 'TK'::text)
    ELSE (status_code = ANY (ARRAY['UN'::text, 'HX'::text, 'XX'::text]))
END),
    CONSTRAINT order_segments_position_check CHECK (("position" >= 1)),
    CONSTRAINT order_segments_status_check CHECK ((status = ANY (ARRAY['confirmed'::text, 'cancelled'::text, 'schedule_changed'::text]))),
    CONSTRAINT order_segments_status_code_check CHECK ((status_code = ANY (ARRAY['HK'::text, 'TK'::text, 'UN'::text, 'HX'::text, 'XX'::text])))
);

CREATE TABLE public.order_slices (
    order_id uuid NOT NULL,
    "position" smallint NOT NULL,
    origin text NOT NULL,
    destination text NOT NULL,
    duration_minutes integer NOT NULL,
    conditions jsonb NOT NULL,
    CONSTRAINT order_slices_position_check CHECK (("position" >= 1))
);

CREATE TABLE public.order_text_keys (
    person_id uuid NOT NULL,
    order_id uuid NOT NULL
);

CREATE TABLE public.orders (
    id uuid NOT NULL,
    record_locator text NOT NULL,
    status text NOT NULL,
    payment_status text DEFAULT 'unpaid'::text NOT NULL,
    ticketing_status text DEFAULT 'none'::text NOT NULL,
    hold_id uuid NOT NULL,
    validating_carrier text NOT NULL,
    fare_brand text NOT NULL,
    cabin text NOT NULL,
    currency text NOT NULL,
    total_minor bigint NOT NULL,
    paid_minor bigint DEFAULT 0 NOT NULL,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    payment_required_by timestamp with time zone NOT NULL,
    hold_extended_at timestamp with time zone,
    first_departure_at timestamp with time zone NOT NULL,
    last_arrival_at timestamp with time zone NOT NULL,
    contact jsonb,
    owner text NOT NULL,
    channel text NOT NULL,
    seller_id text,
    agent_id text,
    point_of_sale text NOT NULL,
    source_system text,
    source_reference text,
    split_from uuid,
    group_id uuid,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    owner_user_id uuid,
    language text,
    contact_person_id uuid,
    contact_sealed bytea,
    contact_lookup bytea,
    lookup_key text,
    CONSTRAINT orders_check CHECK (((refunded_minor >= 0) AND (refunded_minor <= paid_minor))),
    CONSTRAINT orders_check1 CHECK (((status <> 'confirmed'::text) OR (ticketing_status = ANY (ARRAY['issued'::text, 'partly_void'::text, 'void'::text])))),
    CONSTRAINT orders_check2 CHECK (((status <> 'confirmed'::text) OR (payment_status = ANY (ARRAY['paid'::text, 'partially_refunded'::text, 'refunded'::text, 'disputed'::text])))),
    CONSTRAINT orders_contact_lookup_check CHECK ((length(contact_lookup) = 32)),
    CONSTRAINT orders_contact_rests CHECK (
CASE
    WHEN (contact_sealed IS NULL) THEN ((contact IS NOT NULL) AND (contact_person_id IS NULL))
    ELSE ((contact IS NULL) AND (contact_person_id IS NOT NULL) AND (language IS NOT NULL))
END),
    CONSTRAINT orders_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT orders_language_check CHECK ((language = ANY (ARRAY['ar'::text, 'en'::text]))),
    CONSTRAINT orders_paid_minor_check CHECK ((paid_minor >= 0)),
    CONSTRAINT orders_payment_status_check CHECK ((payment_status = ANY (ARRAY['unpaid'::text, 'processing'::text, 'failed'::text, 'paid'::text, 'partially_refunded'::text, 'refunded'::text, 'disputed'::text]))),
    CONSTRAINT orders_record_locator_check CHECK ((record_locator ~ '^[A-HJKMNP-Z2-9]{6}$'::text)),
    CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'reserved'::text, 'confirmed'::text, 'expired'::text, 'completed'::text, 'cancelled'::text]))),
    CONSTRAINT orders_ticketing_status_check CHECK ((ticketing_status = ANY (ARRAY['none'::text, 'issuing'::text, 'issued'::text, 'partly_void'::text, 'void'::text]))),
    CONSTRAINT orders_total_minor_check CHECK ((total_minor >= 0))
);

CREATE TABLE public.overbooking_levels (
    carrier text NOT NULL,
    cabin text NOT NULL,
    percent smallint NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT overbooking_levels_cabin_check CHECK ((cabin ~ '^[A-Z]$'::text)),
    CONSTRAINT overbooking_levels_percent_check CHECK (((percent >= 0) AND (percent <= 50)))
);

CREATE TABLE public.payment_events (
    id bigint NOT NULL,
    payment_id uuid NOT NULL,
    kind text NOT NULL,
    from_status text,
    to_status text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    actor text NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

ALTER TABLE public.payment_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.payment_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.payments (
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    method text NOT NULL,
    provider text NOT NULL,
    provider_payment_id text,
    status text DEFAULT 'requires_payment'::text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    received_minor bigint DEFAULT 0 NOT NULL,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    failure_code text,
    channel text NOT NULL,
    seller_id text,
    agent_id text,
    point_of_sale text,
    source_system text,
    source_reference text,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    provider_capture_id text,
    return_url text,
    cancel_url text,
    description text DEFAULT ''::text NOT NULL,
    funding_id uuid,
    received_currency text,
    CONSTRAINT payments_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payments_check CHECK ((refunded_minor <= received_minor)),
    CONSTRAINT payments_check1 CHECK (((status = 'succeeded'::text) = (received_minor > 0))),
    CONSTRAINT payments_check2 CHECK (((status <> 'succeeded'::text) OR (provider_payment_id IS NOT NULL))),
    CONSTRAINT payments_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT payments_funding CHECK (((provider = ANY (ARRAY['agency'::text, 'cash'::text, 'credit'::text])) = (funding_id IS NOT NULL))),
    CONSTRAINT payments_method_check CHECK ((method = ANY (ARRAY['card'::text, 'checkout'::text, 'pay_link'::text, 'agency_deposit'::text, 'cash'::text, 'travel_credit'::text]))),
    CONSTRAINT payments_received_currency CHECK (((received_currency IS NULL) OR ((received_currency ~ '^[A-Z]{3}$'::text) AND (received_currency <> currency) AND (status = 'succeeded'::text)))),
    CONSTRAINT payments_received_minor_check CHECK ((received_minor >= 0)),
    CONSTRAINT payments_refunded_minor_check CHECK ((refunded_minor >= 0)),
    CONSTRAINT payments_status_check CHECK ((status = ANY (ARRAY['requires_payment'::text, 'requires_action'::text, 'processing'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text])))
);

CREATE TABLE public.payouts (
    provider text NOT NULL,
    payout_id text NOT NULL,
    amount_minor bigint NOT NULL,
    fees_minor bigint NOT NULL,
    currency text NOT NULL,
    posted_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    returned_at timestamp with time zone,
    CONSTRAINT payouts_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payouts_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text))
);

CREATE TABLE public.person_keys (
    id uuid NOT NULL,
    kek_id text,
    wrapped_key bytea,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    destroyed_at timestamp with time zone,
    CONSTRAINT person_keys_check CHECK (((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))),
    CONSTRAINT person_keys_check1 CHECK (((wrapped_key IS NULL) = (kek_id IS NULL)))
);

CREATE TABLE public.points_of_sale (
    code text NOT NULL,
    currency text NOT NULL,
    fare_unit_minor integer NOT NULL,
    fare_rounding text NOT NULL,
    tax_unit_minor integer NOT NULL,
    tax_rounding text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT points_of_sale_code_check CHECK ((code ~ '^([*]|[A-Z0-9]{2,12})$'::text)),
    CONSTRAINT points_of_sale_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT points_of_sale_fare_rounding_check CHECK ((fare_rounding = ANY (ARRAY['up'::text, 'down'::text, 'nearest'::text]))),
    CONSTRAINT points_of_sale_fare_unit_minor_check CHECK ((fare_unit_minor > 0)),
    CONSTRAINT points_of_sale_tax_rounding_check CHECK ((tax_rounding = ANY (ARRAY['up'::text, 'down'::text, 'nearest'::text]))),
    CONSTRAINT points_of_sale_tax_unit_minor_check CHECK ((tax_unit_minor > 0))
);

CREATE TABLE public.price_lines (
    order_id uuid NOT NULL,
    "position" smallint NOT NULL,
    item_id uuid NOT NULL,
    passenger_id uuid NOT NULL,
    order_segment_id uuid NOT NULL,
    kind text NOT NULL,
    code text NOT NULL,
    name_en text NOT NULL,
    name_ar text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    refundable boolean NOT NULL,
    version_id bigint,
    authority text,
    CONSTRAINT price_lines_authority_check CHECK ((authority <> ''::text)),
    CONSTRAINT price_lines_kind_check CHECK ((kind = ANY (ARRAY['fare'::text, 'tax'::text, 'carrier_charge'::text, 'rounding'::text])))
);

CREATE TABLE public.provider_event_attempts (
    id bigint NOT NULL,
    provider text NOT NULL,
    event_id text NOT NULL,
    outcome text NOT NULL,
    detail text,
    actor text NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

ALTER TABLE public.provider_event_attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.provider_event_attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.provider_events (
    provider text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    object_id text NOT NULL,
    provider_payment_id text,
    body bytea NOT NULL,
    deliveries integer DEFAULT 1 NOT NULL,
    state text DEFAULT 'stored'::text NOT NULL,
    received_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    handled_at timestamp with time zone,
    occurred_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone,
    last_error text,
    payment_id uuid,
    CONSTRAINT provider_events_state_check CHECK ((state = ANY (ARRAY['stored'::text, 'handled'::text, 'unmatched'::text, 'ignored'::text, 'dead'::text])))
);

CREATE TABLE public.recognition_rules (
    item text NOT NULL,
    moment text NOT NULL,
    valid_from date NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT recognition_rules_check CHECK ((((((item = 'penalty'::text) AND (moment = 'cancellation'::text)) OR ((item = 'penalty'::text) AND (moment = 'departure'::text))) OR ((item = 'breakage'::text) AND (moment = 'no_show'::text))) OR ((item = 'breakage'::text) AND (moment = 'expiry'::text))))
);

CREATE TABLE public.reconciliation_rows (
    reconciliation_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    object_id text NOT NULL,
    outcome text NOT NULL,
    reason text NOT NULL,
    own_id text,
    amount_minor bigint,
    currency text,
    CONSTRAINT reconciliation_rows_check CHECK (((amount_minor IS NULL) = (currency IS NULL))),
    CONSTRAINT reconciliation_rows_kind_check CHECK ((kind = ANY (ARRAY['payment'::text, 'refund'::text, 'dispute'::text, 'payout'::text, 'payout_line'::text]))),
    CONSTRAINT reconciliation_rows_number_check CHECK ((number >= 1)),
    CONSTRAINT reconciliation_rows_outcome_check CHECK ((outcome = ANY (ARRAY['fixed'::text, 'failed'::text, 'skipped'::text])))
);

CREATE TABLE public.reconciliations (
    id uuid NOT NULL,
    provider text NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    dry_run boolean NOT NULL,
    actor text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    scanned integer DEFAULT 0 NOT NULL,
    fixed integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    CONSTRAINT reconciliations_check CHECK ((until > since)),
    CONSTRAINT reconciliations_check1 CHECK (((fixed >= 0) AND (failed >= 0) AND (skipped >= 0) AND (((fixed + failed) + skipped) <= scanned)))
);

CREATE TABLE public.recorded_operations (
    leg_id bigint NOT NULL,
    cancelled boolean NOT NULL,
    departure_delay_minutes smallint,
    arrival_delay_minutes smallint,
    airborne_minutes smallint,
    recorded_departure_date date NOT NULL,
    CONSTRAINT recorded_operations_check CHECK ((NOT (cancelled AND (departure_delay_minutes IS NOT NULL))))
);

CREATE TABLE public.recovery_codes (
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT recovery_codes_hash_check CHECK ((length(hash) = 32))
);

CREATE TABLE public.refresh_tokens (
    hash bytea NOT NULL,
    session_id uuid NOT NULL,
    generation integer NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    retried_at timestamp with time zone,
    CONSTRAINT refresh_tokens_check CHECK (((retried_at IS NULL) OR (used_at IS NOT NULL))),
    CONSTRAINT refresh_tokens_generation_check CHECK ((generation >= 0)),
    CONSTRAINT refresh_tokens_hash_check CHECK ((length(hash) = 32))
);

CREATE TABLE public.refunds (
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    order_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    reason text NOT NULL,
    provider_refund_id text,
    failure_code text,
    actor text NOT NULL,
    channel text NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    destination text DEFAULT 'original_payment'::text NOT NULL,
    CONSTRAINT refunds_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT refunds_check CHECK (((status <> 'succeeded'::text) OR (provider_refund_id IS NOT NULL))),
    CONSTRAINT refunds_destination_check CHECK ((destination = ANY (ARRAY['original_payment'::text, 'travel_credit'::text]))),
    CONSTRAINT refunds_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'succeeded'::text, 'failed'::text])))
);

CREATE TABLE public.registrations (
    id uuid DEFAULT uuidv7() NOT NULL,
    person_id uuid NOT NULL,
    email_lookup bytea NOT NULL,
    email_sealed bytea NOT NULL,
    name_sealed bytea,
    language text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    lookup_key text,
    CONSTRAINT registrations_email_lookup_check CHECK ((length(email_lookup) = 32)),
    CONSTRAINT registrations_language_check CHECK ((language = ANY (ARRAY['ar'::text, 'en'::text]))),
    CONSTRAINT registrations_password_hash_check CHECK ((password_hash ~~ '$argon2id$%'::text))
);

CREATE TABLE public.role_grants (
    id uuid DEFAULT uuidv7() NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    stations text[],
    agencies uuid[],
    channels text[],
    granted_by text NOT NULL,
    granted_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    revoked_by text,
    revoked_at timestamp with time zone,
    approval_id uuid,
    CONSTRAINT role_grants_agencies_check CHECK ((cardinality(agencies) > 0)),
    CONSTRAINT role_grants_channels_check CHECK ((cardinality(channels) > 0)),
    CONSTRAINT role_grants_check CHECK (((revoked_at IS NULL) = (revoked_by IS NULL))),
    CONSTRAINT role_grants_role_check CHECK ((role ~ '^[a-z_]+$'::text)),
    CONSTRAINT role_grants_stations_check CHECK ((cardinality(stations) > 0))
);

CREATE TABLE public.schedule_data_sets (
    id bigint NOT NULL,
    import_id uuid NOT NULL,
    carrier text NOT NULL,
    season text NOT NULL,
    time_mode text NOT NULL,
    validity daterange NOT NULL,
    digest bytea NOT NULL,
    header_record text NOT NULL,
    carrier_record text NOT NULL,
    trailer_record text NOT NULL,
    materialised_until date NOT NULL,
    CONSTRAINT schedule_data_sets_carrier_record_check CHECK ((length(carrier_record) = 200)),
    CONSTRAINT schedule_data_sets_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT schedule_data_sets_header_record_check CHECK ((length(header_record) = 200)),
    CONSTRAINT schedule_data_sets_time_mode_check CHECK ((time_mode = ANY (ARRAY['L'::text, 'U'::text]))),
    CONSTRAINT schedule_data_sets_trailer_record_check CHECK ((length(trailer_record) = 200)),
    CONSTRAINT schedule_data_sets_validity_check CHECK (((NOT isempty(validity)) AND (NOT lower_inf(validity))))
);

ALTER TABLE public.schedule_data_sets ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.schedule_data_sets_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.schedule_imports (
    id uuid NOT NULL,
    source text NOT NULL,
    carriers text[] NOT NULL,
    imported_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    imported_by text NOT NULL,
    report jsonb NOT NULL,
    CONSTRAINT schedule_imports_source_check CHECK ((source = ANY (ARRAY['ssim'::text, 'nycflights'::text])))
);

CREATE TABLE public.schedule_periods (
    data_set_id bigint NOT NULL,
    "position" integer NOT NULL,
    flight_number smallint NOT NULL,
    suffix text NOT NULL,
    variation smallint NOT NULL,
    leg_sequence smallint NOT NULL,
    service_type text NOT NULL,
    period daterange NOT NULL,
    days text NOT NULL,
    every_weeks smallint NOT NULL,
    origin text NOT NULL,
    destination text NOT NULL,
    aircraft_type text NOT NULL,
    configuration text NOT NULL,
    record text NOT NULL,
    CONSTRAINT schedule_periods_days_check CHECK (((days ~ '^1?2?3?4?5?6?7?$'::text) AND (days <> ''::text))),
    CONSTRAINT schedule_periods_every_weeks_check CHECK ((every_weeks = ANY (ARRAY[1, 2]))),
    CONSTRAINT schedule_periods_flight_number_check CHECK (((flight_number >= 1) AND (flight_number <= 9999))),
    CONSTRAINT schedule_periods_leg_sequence_check CHECK ((leg_sequence > 0)),
    CONSTRAINT schedule_periods_period_check CHECK (((NOT isempty(period)) AND (NOT lower_inf(period)))),
    CONSTRAINT schedule_periods_record_check CHECK ((length(record) = 200)),
    CONSTRAINT schedule_periods_suffix_check CHECK ((suffix ~ '^[A-Z]?$'::text)),
    CONSTRAINT schedule_periods_variation_check CHECK ((variation > 0))
);

CREATE TABLE public.schedule_segment_data (
    data_set_id bigint NOT NULL,
    "position" integer NOT NULL,
    period_position integer NOT NULL,
    element text NOT NULL,
    board_point text NOT NULL,
    off_point text NOT NULL,
    data text NOT NULL,
    record text NOT NULL,
    CONSTRAINT schedule_segment_data_element_check CHECK ((element ~ '^[0-9]{3}$'::text)),
    CONSTRAINT schedule_segment_data_record_check CHECK ((length(record) = 200))
);

CREATE TABLE public.sealing_progress (
    subject text NOT NULL,
    after_id uuid,
    moved bigint DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT public.ais_now() NOT NULL
);

CREATE TABLE public.segments (
    id bigint NOT NULL,
    flight_date_id uuid NOT NULL,
    board_sequence smallint NOT NULL,
    off_sequence smallint NOT NULL,
    origin text NOT NULL,
    destination text NOT NULL,
    departs_at timestamp with time zone NOT NULL,
    arrives_at timestamp with time zone NOT NULL,
    departure_date date NOT NULL,
    marketing_carrier text NOT NULL,
    marketing_flight_number text NOT NULL,
    operating_carrier text NOT NULL,
    operating_flight_number text NOT NULL,
    codeshares text DEFAULT ''::text NOT NULL,
    traffic_restriction text DEFAULT ''::text NOT NULL,
    on_sale boolean NOT NULL,
    status text DEFAULT 'scheduled'::text NOT NULL,
    CONSTRAINT segments_check CHECK ((off_sequence >= board_sequence)),
    CONSTRAINT segments_check1 CHECK ((arrives_at > departs_at)),
    CONSTRAINT segments_status_check CHECK ((status = ANY (ARRAY['scheduled'::text, 'cancelled'::text, 'departed'::text])))
);

ALTER TABLE public.segments ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.segments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.sessions (
    id uuid DEFAULT uuidv7() NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    origin_sealed bytea,
    second_factor_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    idle_ends_at timestamp with time zone,
    ends_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    CONSTRAINT sessions_check1 CHECK (((kind = 'page'::text) = (idle_ends_at IS NOT NULL))),
    CONSTRAINT sessions_check2 CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT sessions_check3 CHECK ((ends_at > created_at)),
    CONSTRAINT sessions_end_reason_check CHECK ((end_reason = ANY (ARRAY['logout'::text, 'revoked'::text, 'all_revoked'::text, 'replaced'::text, 'refresh_reused'::text, 'password_changed'::text, 'locked'::text, 'closed'::text]))),
    CONSTRAINT sessions_kind_check CHECK ((kind = ANY (ARRAY['token'::text, 'page'::text])))
);

CREATE TABLE public.sign_in_tries (
    pair bytea NOT NULL,
    tries integer NOT NULL,
    began_at timestamp with time zone NOT NULL,
    locked_until timestamp with time zone,
    CONSTRAINT sign_in_tries_pair_check CHECK ((length(pair) = 32)),
    CONSTRAINT sign_in_tries_tries_check CHECK ((tries > 0))
);

CREATE TABLE public.staff_queue (
    id uuid DEFAULT uuidv7() NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    raised_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    resolved_at timestamp with time zone,
    resolved_by text
);

CREATE TABLE public.tax_versions (
    id bigint NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    code text NOT NULL,
    kind text NOT NULL,
    name_en text NOT NULL,
    name_ar text NOT NULL,
    country text,
    airports text[] NOT NULL,
    carrier text,
    point text NOT NULL,
    scope text NOT NULL,
    cabins text[] NOT NULL,
    brands text[] NOT NULL,
    amount_minor bigint,
    currency text,
    basis_points integer,
    percent_of text[] NOT NULL,
    rounding_unit_minor integer,
    rounding_currency text,
    rounding_direction text NOT NULL,
    exempt_passengers text[] NOT NULL,
    exempt_transit_hours smallint,
    refundable boolean NOT NULL,
    travel_from date,
    travel_until date,
    example boolean NOT NULL,
    sale_starts_at timestamp with time zone NOT NULL,
    sale_ends_at timestamp with time zone,
    imported_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    imported_by text NOT NULL,
    superseded_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    withdrawn_by text,
    withdrawal_reason text,
    CONSTRAINT tax_versions_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT tax_versions_basis_points_check CHECK (((basis_points >= 0) AND (basis_points <= 100000))),
    CONSTRAINT tax_versions_check CHECK (((amount_minor IS NULL) <> (basis_points IS NULL))),
    CONSTRAINT tax_versions_check1 CHECK (((amount_minor IS NULL) = (currency IS NULL))),
    CONSTRAINT tax_versions_check2 CHECK (((basis_points IS NULL) = (cardinality(percent_of) = 0))),
    CONSTRAINT tax_versions_check3 CHECK (((rounding_unit_minor IS NULL) = (rounding_currency IS NULL))),
    CONSTRAINT tax_versions_check4 CHECK ((travel_until >= travel_from)),
    CONSTRAINT tax_versions_check5 CHECK ((sale_ends_at >= sale_starts_at)),
    CONSTRAINT tax_versions_check6 CHECK (((withdrawn_at IS NULL) = (withdrawn_by IS NULL))),
    CONSTRAINT tax_versions_check7 CHECK (((withdrawn_at IS NULL) = (withdrawal_reason IS NULL))),
    CONSTRAINT tax_versions_check8 CHECK (((withdrawn_at IS NULL) OR (sale_ends_at IS NOT NULL))),
    CONSTRAINT tax_versions_code_check CHECK ((code ~ '^[A-Z0-9]{2,3}$'::text)),
    CONSTRAINT tax_versions_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT tax_versions_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT tax_versions_exempt_passengers_check CHECK ((exempt_passengers <@ ARRAY['adult'::text, 'child'::text, 'infant'::text, 'infant_seat'::text])),
    CONSTRAINT tax_versions_exempt_transit_hours_check CHECK ((exempt_transit_hours > 0)),
    CONSTRAINT tax_versions_kind_check CHECK ((kind = ANY (ARRAY['tax'::text, 'fee'::text, 'carrier_charge'::text]))),
    CONSTRAINT tax_versions_point_check CHECK ((point = ANY (ARRAY['departure'::text, 'arrival'::text, 'sale'::text]))),
    CONSTRAINT tax_versions_rounding_currency_check CHECK ((rounding_currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT tax_versions_rounding_direction_check CHECK ((rounding_direction = ANY (ARRAY['up'::text, 'down'::text, 'nearest'::text]))),
    CONSTRAINT tax_versions_rounding_unit_minor_check CHECK ((rounding_unit_minor > 0)),
    CONSTRAINT tax_versions_scope_check CHECK ((scope = ANY (ARRAY['any'::text, 'domestic'::text, 'international'::text, 'domestic_journey'::text, 'international_journey'::text])))
);

ALTER TABLE public.tax_versions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.tax_versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ticket_number_ranges (
    id bigint NOT NULL,
    carrier text NOT NULL,
    accounting_code text NOT NULL,
    first_serial bigint NOT NULL,
    last_serial bigint NOT NULL,
    next_serial bigint NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT ticket_number_ranges_accounting_code_check CHECK ((accounting_code ~ '^[0-9]{3}$'::text)),
    CONSTRAINT ticket_number_ranges_check CHECK (((first_serial <= next_serial) AND (next_serial <= (last_serial + 1)))),
    CONSTRAINT ticket_number_ranges_first_serial_check CHECK ((first_serial >= 0)),
    CONSTRAINT ticket_number_ranges_last_serial_check CHECK ((last_serial < '10000000000'::bigint))
)
WITH (fillfactor='20');

ALTER TABLE public.ticket_number_ranges ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.ticket_number_ranges_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.transitions (
    aggregate text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL
);

CREATE TABLE public.travel_credit_movements (
    id bigint NOT NULL,
    credit_id uuid NOT NULL,
    kind text NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    cause_id uuid NOT NULL,
    actor text NOT NULL,
    channel text NOT NULL,
    recorded_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT travel_credit_movements_amount_minor_check CHECK ((amount_minor <> 0)),
    CONSTRAINT travel_credit_movements_balance_minor_check CHECK ((balance_minor >= 0)),
    CONSTRAINT travel_credit_movements_check CHECK (((kind = ANY (ARRAY['issued'::text, 'returned'::text])) = (amount_minor > 0))),
    CONSTRAINT travel_credit_movements_kind_check CHECK ((kind = ANY (ARRAY['issued'::text, 'spent'::text, 'returned'::text, 'expired'::text])))
);

ALTER TABLE public.travel_credit_movements ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.travel_credit_movements_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.travel_credits (
    id uuid NOT NULL,
    code text NOT NULL,
    order_id uuid NOT NULL,
    refund_id uuid NOT NULL,
    currency text NOT NULL,
    issued_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    CONSTRAINT travel_credits_check CHECK (((balance_minor >= 0) AND (balance_minor <= issued_minor))),
    CONSTRAINT travel_credits_code_check CHECK ((code ~ '^[0-9A-HJKMNP-TV-Z]{20}$'::text)),
    CONSTRAINT travel_credits_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT travel_credits_issued_minor_check CHECK ((issued_minor > 0))
);

CREATE TABLE public.users (
    id uuid DEFAULT uuidv7() NOT NULL,
    kind text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    person_id uuid NOT NULL,
    email_lookup bytea,
    email_sealed bytea,
    name_sealed bytea,
    language text DEFAULT 'en'::text NOT NULL,
    agency_id uuid,
    password_hash text,
    password_changed_at timestamp with time zone,
    verified_at timestamp with time zone,
    totp_sealed bytea,
    totp_confirmed_at timestamp with time zone,
    totp_last_step bigint,
    access_version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    updated_at timestamp with time zone DEFAULT public.ais_now() NOT NULL,
    lookup_key text,
    CONSTRAINT users_access_version_check CHECK ((access_version > 0)),
    CONSTRAINT users_check CHECK (((kind = 'agent'::text) = (agency_id IS NOT NULL))),
    CONSTRAINT users_check1 CHECK (((email_lookup IS NULL) = (email_sealed IS NULL))),
    CONSTRAINT users_check2 CHECK (((status = 'closed'::text) OR (email_lookup IS NOT NULL))),
    CONSTRAINT users_check3 CHECK (((password_hash IS NULL) = (password_changed_at IS NULL))),
    CONSTRAINT users_check4 CHECK (((totp_confirmed_at IS NULL) OR (totp_sealed IS NOT NULL))),
    CONSTRAINT users_check5 CHECK (((totp_last_step IS NULL) OR (totp_sealed IS NOT NULL))),
    CONSTRAINT users_email_lookup_check CHECK ((length(email_lookup) = 32)),
    CONSTRAINT users_kind_check CHECK ((kind = ANY (ARRAY['traveller'::text, 'agent'::text, 'staff'::text]))),
    CONSTRAINT users_language_check CHECK ((language = ANY (ARRAY['ar'::text, 'en'::text]))),
    CONSTRAINT users_password_hash_check CHECK ((password_hash ~~ '$argon2id$%'::text)),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['active'::text, 'locked'::text, 'closed'::text])))
);

ALTER TABLE ONLY public.address_claims
    ADD CONSTRAINT address_claims_pkey PRIMARY KEY (lookup);

ALTER TABLE ONLY public.agencies
    ADD CONSTRAINT agencies_code_key UNIQUE (code);

ALTER TABLE ONLY public.agencies
    ADD CONSTRAINT agencies_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.agency_limit_changes
    ADD CONSTRAINT agency_limit_changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.agency_movements
    ADD CONSTRAINT agency_movements_kind_cause_id_key UNIQUE (kind, cause_id);

ALTER TABLE ONLY public.agency_movements
    ADD CONSTRAINT agency_movements_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.aircraft_types
    ADD CONSTRAINT aircraft_types_pkey PRIMARY KEY (iata);

ALTER TABLE ONLY public.airports
    ADD CONSTRAINT airports_pkey PRIMARY KEY (iata);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_chain
    ADD CONSTRAINT audit_chain_entry_id_key UNIQUE (entry_id);

ALTER TABLE ONLY public.audit_chain
    ADD CONSTRAINT audit_chain_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY public.audit_chain_progress
    ADD CONSTRAINT audit_chain_progress_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY public.audit_entries
    ADD CONSTRAINT audit_entries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY public.booking_class_ladders
    ADD CONSTRAINT booking_class_ladders_carrier_cabin_rank_key UNIQUE (carrier, cabin, rank);

ALTER TABLE ONLY public.booking_class_ladders
    ADD CONSTRAINT booking_class_ladders_pkey PRIMARY KEY (carrier, cabin, rbd);

ALTER TABLE ONLY public.cabin_layouts
    ADD CONSTRAINT cabin_layouts_carrier_aircraft_type_configuration_key UNIQUE (carrier, aircraft_type, configuration);

ALTER TABLE ONLY public.cabin_layouts
    ADD CONSTRAINT cabin_layouts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cancellation_quote_lines
    ADD CONSTRAINT cancellation_quote_lines_pkey PRIMARY KEY (quote_id, "position");

ALTER TABLE ONLY public.cancellation_quote_lines
    ADD CONSTRAINT cancellation_quote_lines_quote_id_price_line_position_key UNIQUE (quote_id, price_line_position);

ALTER TABLE ONLY public.cancellation_quotes
    ADD CONSTRAINT cancellation_quotes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.carriers
    ADD CONSTRAINT carriers_accounting_code_key UNIQUE (accounting_code);

ALTER TABLE ONLY public.carriers
    ADD CONSTRAINT carriers_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.cash_offices
    ADD CONSTRAINT cash_offices_code_key UNIQUE (code);

ALTER TABLE ONLY public.cash_offices
    ADD CONSTRAINT cash_offices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_kind_cause_id_key UNIQUE (kind, cause_id);

ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_pkey PRIMARY KEY (office_id, receipt_number);

ALTER TABLE ONLY public.cash_shifts
    ADD CONSTRAINT cash_shifts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.cities
    ADD CONSTRAINT cities_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.countries
    ADD CONSTRAINT countries_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.coupon_moves
    ADD CONSTRAINT coupon_moves_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.coupon_moves
    ADD CONSTRAINT coupon_moves_source_id_key UNIQUE (source_id);

ALTER TABLE ONLY public.coupons
    ADD CONSTRAINT coupons_pkey PRIMARY KEY (document_id, number);

ALTER TABLE ONLY public.data_versions
    ADD CONSTRAINT data_versions_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.discount_versions
    ADD CONSTRAINT discount_versions_key_tstzrange_excl EXCLUDE USING gist (key WITH =, tstzrange(sale_starts_at, sale_ends_at) WITH &&);

ALTER TABLE ONLY public.discount_versions
    ADD CONSTRAINT discount_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dispute_events
    ADD CONSTRAINT dispute_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_provider_provider_dispute_id_key UNIQUE (provider, provider_dispute_id);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_conjunction_of_conjunction_sequence_key UNIQUE (conjunction_of, conjunction_sequence);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_number_key UNIQUE (number);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_source_system_source_reference_key UNIQUE (source_system, source_reference);

ALTER TABLE ONLY public.exchange_rates
    ADD CONSTRAINT exchange_rates_base_quote_valid_excl EXCLUDE USING gist (base WITH =, quote WITH =, valid WITH &&);

ALTER TABLE ONLY public.fare_brands
    ADD CONSTRAINT fare_brands_pkey PRIMARY KEY (carrier, code);

ALTER TABLE ONLY public.fare_versions
    ADD CONSTRAINT fare_versions_key_tstzrange_excl EXCLUDE USING gist (key WITH =, tstzrange(sale_starts_at, sale_ends_at) WITH &&);

ALTER TABLE ONLY public.fare_versions
    ADD CONSTRAINT fare_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.flight_date_changes
    ADD CONSTRAINT flight_date_changes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.flight_dates
    ADD CONSTRAINT flight_dates_carrier_flight_number_suffix_departure_date_key UNIQUE (carrier, flight_number, suffix, departure_date);

ALTER TABLE ONLY public.flight_dates
    ADD CONSTRAINT flight_dates_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.handled_events
    ADD CONSTRAINT handled_events_pkey PRIMARY KEY (event_id, handler);

ALTER TABLE ONLY public.hold_items
    ADD CONSTRAINT hold_items_pkey PRIMARY KEY (hold_id, "position");

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_records
    ADD CONSTRAINT idempotency_records_pkey PRIMARY KEY (scope, key);

ALTER TABLE ONLY public.infant_limits
    ADD CONSTRAINT infant_limits_pkey PRIMARY KEY (aircraft_type);

ALTER TABLE ONLY public.inventory_adjustments
    ADD CONSTRAINT inventory_adjustments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.job_log
    ADD CONSTRAINT job_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.job_schedules
    ADD CONSTRAINT job_schedules_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.job_statistics
    ADD CONSTRAINT job_statistics_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ledger_chain
    ADD CONSTRAINT ledger_chain_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY public.ledger_chain
    ADD CONSTRAINT ledger_chain_posting_id_key UNIQUE (posting_id);

ALTER TABLE ONLY public.ledger_chain_progress
    ADD CONSTRAINT ledger_chain_progress_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT ledger_entries_pkey PRIMARY KEY (posting_id, number);

ALTER TABLE ONLY public.ledger_heads
    ADD CONSTRAINT ledger_heads_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY public.ledger_postings
    ADD CONSTRAINT ledger_postings_one_per_cause UNIQUE (kind, cause_type, cause_id);

ALTER TABLE ONLY public.ledger_postings
    ADD CONSTRAINT ledger_postings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.leg_cabins
    ADD CONSTRAINT leg_cabins_pkey PRIMARY KEY (leg_id, cabin);

ALTER TABLE ONLY public.leg_infants
    ADD CONSTRAINT leg_infants_pkey PRIMARY KEY (leg_id);

ALTER TABLE ONLY public.legs
    ADD CONSTRAINT legs_flight_date_id_sequence_origin_destination_key UNIQUE (flight_date_id, sequence, origin, destination);

ALTER TABLE ONLY public.legs
    ADD CONSTRAINT legs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.lookup_keys
    ADD CONSTRAINT lookup_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.minimum_connecting_times
    ADD CONSTRAINT minimum_connecting_times_airport_kind_arrival_terminal_depa_key UNIQUE NULLS NOT DISTINCT (airport, kind, arrival_terminal, departure_terminal, arrival_carrier, departure_carrier);

ALTER TABLE ONLY public.minimum_connecting_times
    ADD CONSTRAINT minimum_connecting_times_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_kind_cause_key UNIQUE (kind, cause);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.one_time_links
    ADD CONSTRAINT one_time_links_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.order_history
    ADD CONSTRAINT order_history_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_of_whom UNIQUE (order_id, id, passenger_id);

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.order_passengers
    ADD CONSTRAINT order_passengers_order_id_position_key UNIQUE (order_id, "position");

ALTER TABLE ONLY public.order_passengers
    ADD CONSTRAINT order_passengers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.order_segments
    ADD CONSTRAINT order_segments_order_id_position_key UNIQUE (order_id, "position");

ALTER TABLE ONLY public.order_segments
    ADD CONSTRAINT order_segments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.order_slices
    ADD CONSTRAINT order_slices_pkey PRIMARY KEY (order_id, "position");

ALTER TABLE ONLY public.order_text_keys
    ADD CONSTRAINT order_text_keys_pkey PRIMARY KEY (person_id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_hold_id_key UNIQUE (hold_id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_record_locator_key UNIQUE (record_locator);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_source_system_source_reference_key UNIQUE (source_system, source_reference);

ALTER TABLE ONLY public.overbooking_levels
    ADD CONSTRAINT overbooking_levels_pkey PRIMARY KEY (carrier, cabin);

ALTER TABLE ONLY public.payment_events
    ADD CONSTRAINT payment_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_provider_provider_payment_id_key UNIQUE (provider, provider_payment_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_source_system_source_reference_key UNIQUE (source_system, source_reference);

ALTER TABLE ONLY public.payouts
    ADD CONSTRAINT payouts_pkey PRIMARY KEY (provider, payout_id);

ALTER TABLE ONLY public.person_keys
    ADD CONSTRAINT person_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.points_of_sale
    ADD CONSTRAINT points_of_sale_pkey PRIMARY KEY (code);

ALTER TABLE ONLY public.price_lines
    ADD CONSTRAINT price_lines_pkey PRIMARY KEY (order_id, "position");

ALTER TABLE ONLY public.provider_event_attempts
    ADD CONSTRAINT provider_event_attempts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.provider_events
    ADD CONSTRAINT provider_events_pkey PRIMARY KEY (provider, event_id);

ALTER TABLE ONLY public.recognition_rules
    ADD CONSTRAINT recognition_rules_pkey PRIMARY KEY (item, valid_from);

ALTER TABLE ONLY public.reconciliation_rows
    ADD CONSTRAINT reconciliation_rows_pkey PRIMARY KEY (reconciliation_id, number);

ALTER TABLE ONLY public.reconciliations
    ADD CONSTRAINT reconciliations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.recorded_operations
    ADD CONSTRAINT recorded_operations_pkey PRIMARY KEY (leg_id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, hash);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_session_id_generation_key UNIQUE (session_id, generation);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_provider_refund_id_key UNIQUE (provider_refund_id);

ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_person_id_key UNIQUE (person_id);

ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.role_grants
    ADD CONSTRAINT role_grants_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schedule_data_sets
    ADD CONSTRAINT schedule_data_sets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schedule_imports
    ADD CONSTRAINT schedule_imports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schedule_periods
    ADD CONSTRAINT schedule_periods_data_set_id_flight_number_suffix_variation_key UNIQUE (data_set_id, flight_number, suffix, variation, leg_sequence);

ALTER TABLE ONLY public.schedule_periods
    ADD CONSTRAINT schedule_periods_pkey PRIMARY KEY (data_set_id, "position");

ALTER TABLE ONLY public.schedule_segment_data
    ADD CONSTRAINT schedule_segment_data_pkey PRIMARY KEY (data_set_id, "position");

ALTER TABLE ONLY public.sealing_progress
    ADD CONSTRAINT sealing_progress_pkey PRIMARY KEY (subject);

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_flight_date_id_board_sequence_off_sequence_origin__key UNIQUE (flight_date_id, board_sequence, off_sequence, origin, destination);

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sign_in_tries
    ADD CONSTRAINT sign_in_tries_pkey PRIMARY KEY (pair);

ALTER TABLE ONLY public.staff_queue
    ADD CONSTRAINT staff_queue_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tax_versions
    ADD CONSTRAINT tax_versions_key_tstzrange_excl EXCLUDE USING gist (key WITH =, tstzrange(sale_starts_at, sale_ends_at) WITH &&);

ALTER TABLE ONLY public.tax_versions
    ADD CONSTRAINT tax_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ticket_number_ranges
    ADD CONSTRAINT ticket_number_ranges_accounting_code_first_serial_key UNIQUE (accounting_code, first_serial);

ALTER TABLE ONLY public.ticket_number_ranges
    ADD CONSTRAINT ticket_number_ranges_accounting_code_int8range_excl EXCLUDE USING gist (accounting_code WITH =, int8range(first_serial, last_serial, '[]'::text) WITH &&);

ALTER TABLE ONLY public.ticket_number_ranges
    ADD CONSTRAINT ticket_number_ranges_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.transitions
    ADD CONSTRAINT transitions_pkey PRIMARY KEY (aggregate, from_state, to_state);

ALTER TABLE ONLY public.travel_credit_movements
    ADD CONSTRAINT travel_credit_movements_credit_id_kind_cause_id_key UNIQUE (credit_id, kind, cause_id);

ALTER TABLE ONLY public.travel_credit_movements
    ADD CONSTRAINT travel_credit_movements_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.travel_credits
    ADD CONSTRAINT travel_credits_code_key UNIQUE (code);

ALTER TABLE ONLY public.travel_credits
    ADD CONSTRAINT travel_credits_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.travel_credits
    ADD CONSTRAINT travel_credits_refund_id_key UNIQUE (refund_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_lookup_key UNIQUE (email_lookup);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_person_id_key UNIQUE (person_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX address_claims_user_id ON public.address_claims USING btree (user_id);

CREATE INDEX agency_movements_statement ON public.agency_movements USING btree (agency_id, id);

CREATE INDEX airports_city_code ON public.airports USING btree (city_code);

CREATE INDEX api_keys_agency_id ON public.api_keys USING btree (agency_id) WHERE (agency_id IS NOT NULL);

CREATE INDEX approvals_ends ON public.approvals USING btree (expires_at) WHERE (status = 'open'::text);

CREATE UNIQUE INDEX approvals_one_open ON public.approvals USING btree (kind, subject) WHERE (status = 'open'::text);

CREATE INDEX approvals_requested_by ON public.approvals USING btree (requested_by, id);

CREATE INDEX audit_entries_actor_id ON public.audit_entries USING btree (actor_id, occurred_at);

CREATE INDEX audit_entries_occurred_at ON public.audit_entries USING btree (occurred_at, id);

CREATE INDEX audit_entries_order_id ON public.audit_entries USING btree (order_id, occurred_at) WHERE (order_id IS NOT NULL);

CREATE INDEX audit_entries_subject ON public.audit_entries USING btree (subject, occurred_at);

CREATE INDEX audit_entries_transaction_id ON public.audit_entries USING btree (transaction_id, id);

CREATE INDEX cancellation_quote_lines_order ON public.cancellation_quote_lines USING btree (order_id);

CREATE INDEX cancellation_quotes_ends ON public.cancellation_quotes USING btree (expires_at) WHERE (status = 'open'::text);

CREATE UNIQUE INDEX cancellation_quotes_one_open ON public.cancellation_quotes USING btree (order_id) WHERE (status = 'open'::text);

CREATE INDEX cancellation_quotes_order_id ON public.cancellation_quotes USING btree (order_id);

CREATE INDEX cash_receipts_shift ON public.cash_receipts USING btree (shift_id);

CREATE UNIQUE INDEX cash_shifts_one_open ON public.cash_shifts USING btree (office_id, clerk) WHERE (status = 'open'::text);

CREATE INDEX coupon_moves_coupon ON public.coupon_moves USING btree (document_id, coupon_number);

CREATE UNIQUE INDEX coupons_one_live ON public.coupons USING btree (segment_id, passenger_id) WHERE (status <> ALL (ARRAY['void'::text, 'exchanged'::text, 'refunded'::text]));

CREATE INDEX dispute_events_dispute_id ON public.dispute_events USING btree (dispute_id);

CREATE INDEX disputes_newest ON public.disputes USING btree (opened_at DESC, id DESC);

CREATE INDEX disputes_newest_of_status ON public.disputes USING btree (status, opened_at DESC, id DESC);

CREATE INDEX disputes_order_id ON public.disputes USING btree (order_id);

CREATE INDEX disputes_payment_id ON public.disputes USING btree (payment_id);

CREATE INDEX documents_order_id ON public.documents USING btree (order_id);

CREATE INDEX fare_versions_market ON public.fare_versions USING btree (carrier, origin, destination);

CREATE INDEX fare_versions_sale_ends_at ON public.fare_versions USING btree (sale_ends_at);

CREATE INDEX flight_date_changes_flight_date ON public.flight_date_changes USING btree (flight_date_id);

CREATE INDEX flight_date_changes_import ON public.flight_date_changes USING btree (import_id) WHERE (import_id IS NOT NULL);

CREATE INDEX flight_dates_departure_date ON public.flight_dates USING btree (departure_date, carrier);

CREATE INDEX handled_events_handled_at ON public.handled_events USING btree (handled_at);

CREATE INDEX hold_items_held_by_end ON public.hold_items USING btree (leg_id, cabin, expires_at) WHERE (state = 'held'::text);

CREATE INDEX holds_active_by_end ON public.holds USING btree (expires_at) WHERE (status = 'active'::text);

CREATE UNIQUE INDEX holds_replaces ON public.holds USING btree (replaces) WHERE (replaces IS NOT NULL);

CREATE INDEX idempotency_records_expires_at ON public.idempotency_records USING btree (expires_at);

CREATE INDEX inventory_adjustments_leg_cabin ON public.inventory_adjustments USING btree (leg_id, cabin);

CREATE INDEX inventory_changes_xact_id ON public.inventory_changes USING btree (xact_id);

CREATE INDEX job_log_created ON public.job_log USING btree (created);

CREATE INDEX job_log_job_id_status ON public.job_log USING btree (job_id, created DESC);

CREATE INDEX jobs_due_idx ON public.jobs USING btree (entrypoint, execute_after, id) WHERE (status = 'queued'::public.job_status);

CREATE INDEX jobs_failed_idx ON public.jobs USING btree (id) WHERE (status = 'failed'::public.job_status);

CREATE INDEX jobs_picked_heartbeat_idx ON public.jobs USING btree (heartbeat) WHERE (status = 'picked'::public.job_status);

CREATE UNIQUE INDEX jobs_picked_slot_idx ON public.jobs USING btree (entrypoint, slot) WHERE ((status = 'picked'::public.job_status) AND (slot IS NOT NULL));

CREATE INDEX jobs_queue_manager_id_idx ON public.jobs USING btree (queue_manager_id) WHERE (queue_manager_id IS NOT NULL);

CREATE UNIQUE INDEX jobs_unique_dedupe_key ON public.jobs USING btree (dedupe_key) WHERE ((status = 'queued'::public.job_status) AND (dedupe_key IS NOT NULL));

CREATE INDEX ledger_entries_agency ON public.ledger_entries USING btree (agency_id) WHERE (agency_id IS NOT NULL);

CREATE INDEX ledger_entries_credit ON public.ledger_entries USING btree (credit_id) WHERE (credit_id IS NOT NULL);

CREATE INDEX ledger_entries_document ON public.ledger_entries USING btree (document_id, coupon_number) WHERE (document_id IS NOT NULL);

CREATE INDEX ledger_entries_due ON public.ledger_entries USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX ledger_postings_happened_at ON public.ledger_postings USING btree (happened_at, id);

CREATE INDEX ledger_postings_order_id ON public.ledger_postings USING btree (order_id);

CREATE INDEX ledger_postings_transaction_id ON public.ledger_postings USING btree (transaction_id, id);

CREATE INDEX leg_cabins_flight_date ON public.leg_cabins USING btree (flight_date_id);

CREATE UNIQUE INDEX legs_in_sequence ON public.legs USING btree (flight_date_id, sequence) WHERE (status <> 'cancelled'::text);

CREATE INDEX notices_due ON public.notices USING btree (next_try_at, id) WHERE (status = 'waiting'::text);

CREATE INDEX notices_failed ON public.notices USING btree (id) WHERE (status = 'failed'::text);

CREATE INDEX notices_order_id ON public.notices USING btree (order_id);

CREATE INDEX one_time_links_email_lookup ON public.one_time_links USING btree (email_lookup);

CREATE INDEX one_time_links_expires_at ON public.one_time_links USING btree (expires_at);

CREATE INDEX one_time_links_registration_id ON public.one_time_links USING btree (registration_id);

CREATE INDEX order_history_order_id ON public.order_history USING btree (order_id);

CREATE UNIQUE INDEX order_passengers_lap ON public.order_passengers USING btree (accompanying_id) WHERE (accompanying_id IS NOT NULL);

CREATE INDEX order_segments_affected ON public.order_segments USING btree (departs_at) WHERE (status_code = ANY (ARRAY['TK'::text, 'UN'::text]));

CREATE INDEX order_segments_flight_date ON public.order_segments USING btree (flight_date_id);

CREATE INDEX order_segments_segment_id ON public.order_segments USING btree (segment_id);

CREATE INDEX order_text_keys_order_id ON public.order_text_keys USING btree (order_id);

CREATE INDEX orders_contact_lookup ON public.orders USING btree (contact_lookup) WHERE (contact_lookup IS NOT NULL);

CREATE INDEX orders_newest ON public.orders USING btree (created_at DESC, id DESC);

CREATE INDEX orders_of_owner ON public.orders USING btree (owner_user_id, created_at DESC, id DESC) WHERE (owner_user_id IS NOT NULL);

CREATE INDEX orders_of_seller ON public.orders USING btree (seller_id, created_at DESC, id DESC) WHERE (seller_id IS NOT NULL);

CREATE INDEX orders_time_limit ON public.orders USING btree (payment_required_by) WHERE (status = 'reserved'::text);

CREATE INDEX orders_updated_at ON public.orders USING btree (updated_at);

CREATE INDEX payment_events_payment_id ON public.payment_events USING btree (payment_id);

CREATE UNIQUE INDEX payments_one_open_attempt ON public.payments USING btree (order_id) WHERE (status = ANY (ARRAY['requires_payment'::text, 'requires_action'::text, 'processing'::text, 'failed'::text]));

CREATE INDEX payments_order_id ON public.payments USING btree (order_id);

CREATE UNIQUE INDEX payments_provider_capture_id ON public.payments USING btree (provider, provider_capture_id);

CREATE INDEX provider_event_attempts_event ON public.provider_event_attempts USING btree (event_id);

CREATE INDEX provider_events_dead ON public.provider_events USING btree (received_at) WHERE (state = ANY (ARRAY['unmatched'::text, 'dead'::text]));

CREATE INDEX provider_events_event_id ON public.provider_events USING btree (event_id);

CREATE INDEX provider_events_received ON public.provider_events USING btree (received_at DESC, event_id DESC);

CREATE INDEX provider_events_waiting ON public.provider_events USING btree (received_at) WHERE (state = 'stored'::text);

CREATE INDEX refunds_newest ON public.refunds USING btree (created_at DESC, id DESC);

CREATE INDEX refunds_newest_of_status ON public.refunds USING btree (status, created_at DESC, id DESC);

CREATE INDEX refunds_order_id ON public.refunds USING btree (order_id);

CREATE INDEX refunds_payment_id ON public.refunds USING btree (payment_id);

CREATE INDEX refunds_pending ON public.refunds USING btree (created_at) WHERE (status = 'pending'::text);

CREATE INDEX registrations_expires_at ON public.registrations USING btree (expires_at);

CREATE UNIQUE INDEX role_grants_live ON public.role_grants USING btree (user_id, role) WHERE (revoked_at IS NULL);

CREATE INDEX role_grants_of_user ON public.role_grants USING btree (user_id, granted_at);

CREATE INDEX schedule_data_sets_carrier ON public.schedule_data_sets USING btree (carrier, id);

CREATE INDEX segments_departs_at ON public.segments USING btree (departs_at);

CREATE UNIQUE INDEX segments_in_sequence ON public.segments USING btree (flight_date_id, board_sequence, off_sequence) WHERE (status <> 'cancelled'::text);

CREATE INDEX sessions_of_user ON public.sessions USING btree (user_id, id) WHERE (ended_at IS NULL);

CREATE INDEX sessions_past ON public.sessions USING btree (ends_at);

CREATE INDEX sessions_with_origin ON public.sessions USING btree (user_id, id) WHERE (origin_sealed IS NOT NULL);

CREATE INDEX sign_in_tries_began_at ON public.sign_in_tries USING btree (began_at);

CREATE UNIQUE INDEX staff_queue_open ON public.staff_queue USING btree (kind, subject) WHERE (resolved_at IS NULL);

CREATE INDEX travel_credits_expiring ON public.travel_credits USING btree (expires_at) WHERE (balance_minor > 0);

CREATE INDEX travel_credits_order_id ON public.travel_credits USING btree (order_id);

CREATE INDEX users_agency_id ON public.users USING btree (agency_id) WHERE (agency_id IS NOT NULL);

CREATE TRIGGER agency_limit_changes_history BEFORE DELETE OR UPDATE ON public.agency_limit_changes FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER agency_movements_history BEFORE DELETE OR UPDATE ON public.agency_movements FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER approvals_keep BEFORE DELETE OR UPDATE ON public.approvals FOR EACH ROW EXECUTE FUNCTION public.keep_approval();

CREATE TRIGGER approvals_status BEFORE UPDATE OF status ON public.approvals FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('approval.status', 'status');

CREATE TRIGGER audit_chain_history BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_chain FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_entries_history BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER audit_entries_transaction BEFORE INSERT ON public.audit_entries FOR EACH ROW EXECUTE FUNCTION public.audit_own_transaction();

CREATE TRIGGER audit_heads_history BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_heads FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER cancellation_quote_lines_history BEFORE DELETE OR UPDATE ON public.cancellation_quote_lines FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER cancellation_quotes_status BEFORE UPDATE OF status ON public.cancellation_quotes FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('cancellation_quote.status', 'status');

CREATE TRIGGER cash_receipts_history BEFORE DELETE OR UPDATE ON public.cash_receipts FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER cash_shifts_status BEFORE UPDATE OF status ON public.cash_shifts FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('cash_shift.status', 'status');

CREATE TRIGGER coupon_moves_history BEFORE DELETE OR UPDATE ON public.coupon_moves FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER coupons_status BEFORE UPDATE OF status ON public.coupons FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('coupon.status', 'status');

CREATE TRIGGER discount_versions_keep BEFORE UPDATE ON public.discount_versions FOR EACH ROW EXECUTE FUNCTION public.keep_version();

CREATE TRIGGER discount_versions_stay BEFORE DELETE ON public.discount_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER dispute_events_history BEFORE DELETE OR UPDATE ON public.dispute_events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER disputes_status BEFORE UPDATE OF status ON public.disputes FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('dispute.status', 'status');

CREATE TRIGGER documents_status BEFORE UPDATE OF status ON public.documents FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('document.status', 'status');

CREATE TRIGGER fare_versions_keep BEFORE UPDATE ON public.fare_versions FOR EACH ROW EXECUTE FUNCTION public.keep_version();

CREATE TRIGGER fare_versions_stay BEFORE DELETE ON public.fare_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER flight_date_changes_history BEFORE DELETE OR UPDATE ON public.flight_date_changes FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER flight_dates_status BEFORE UPDATE OF status ON public.flight_dates FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('flight_date.status', 'status');

CREATE TRIGGER hold_items_state BEFORE UPDATE OF state ON public.hold_items FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION public.enforce_transition('hold_item.state', 'state');

CREATE TRIGGER holds_status BEFORE UPDATE OF status ON public.holds FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('hold.status', 'status');

CREATE TRIGGER inventory_adjustments_are_history BEFORE DELETE OR UPDATE ON public.inventory_adjustments FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER jobs_charge_lost_attempt BEFORE UPDATE OF queue_manager_id ON public.jobs FOR EACH ROW WHEN (((old.status = 'picked'::public.job_status) AND (new.status = 'picked'::public.job_status) AND (new.queue_manager_id <> old.queue_manager_id))) EXECUTE FUNCTION public.charge_lost_attempt();

CREATE TRIGGER ledger_chain_history BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_chain FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_entries_balance AFTER INSERT ON public.ledger_entries REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_require_balance();

CREATE TRIGGER ledger_entries_history BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_heads_history BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_heads FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER ledger_postings_entries AFTER INSERT ON public.ledger_postings REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_require_entries();

CREATE TRIGGER ledger_postings_history BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_postings FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER notices_status BEFORE UPDATE OF status ON public.notices FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('notice.status', 'status');

CREATE TRIGGER order_history_history BEFORE DELETE OR UPDATE ON public.order_history FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER order_segments_status BEFORE UPDATE OF status ON public.order_segments FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('order_segment.status', 'status');

CREATE TRIGGER orders_owner_lives BEFORE INSERT ON public.orders FOR EACH ROW WHEN ((new.owner_user_id IS NOT NULL)) EXECUTE FUNCTION public.require_owner();

CREATE TRIGGER orders_payment_status BEFORE UPDATE OF payment_status ON public.orders FOR EACH ROW WHEN ((old.payment_status IS DISTINCT FROM new.payment_status)) EXECUTE FUNCTION public.enforce_transition('order.payment_status', 'payment_status');

CREATE TRIGGER orders_status BEFORE UPDATE OF status ON public.orders FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('order.status', 'status');

CREATE TRIGGER orders_ticketing_status BEFORE UPDATE OF ticketing_status ON public.orders FOR EACH ROW WHEN ((old.ticketing_status IS DISTINCT FROM new.ticketing_status)) EXECUTE FUNCTION public.enforce_transition('order.ticketing_status', 'ticketing_status');

CREATE TRIGGER payment_events_history BEFORE DELETE OR UPDATE ON public.payment_events FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER payments_status BEFORE UPDATE OF status ON public.payments FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('payment.status', 'status');

CREATE TRIGGER person_keys_destroyed BEFORE DELETE OR UPDATE ON public.person_keys FOR EACH ROW EXECUTE FUNCTION public.keep_destroyed();

CREATE TRIGGER price_lines_history BEFORE DELETE OR UPDATE ON public.price_lines FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER provider_event_attempts_history BEFORE DELETE OR UPDATE ON public.provider_event_attempts FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER provider_events_state BEFORE UPDATE OF state ON public.provider_events FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION public.enforce_transition('provider_event.state', 'state');

CREATE TRIGGER recognition_rules_history BEFORE DELETE OR UPDATE OR TRUNCATE ON public.recognition_rules FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER refunds_status BEFORE UPDATE OF status ON public.refunds FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('refund.status', 'status');

CREATE TRIGGER role_grants_keep BEFORE DELETE OR UPDATE ON public.role_grants FOR EACH ROW EXECUTE FUNCTION public.keep_role_grant();

CREATE TRIGGER role_grants_outdate AFTER INSERT OR UPDATE ON public.role_grants FOR EACH ROW EXECUTE FUNCTION public.outdate_access();

CREATE TRIGGER tax_versions_keep BEFORE UPDATE ON public.tax_versions FOR EACH ROW EXECUTE FUNCTION public.keep_version();

CREATE TRIGGER tax_versions_stay BEFORE DELETE ON public.tax_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER travel_credit_movements_history BEFORE DELETE OR UPDATE ON public.travel_credit_movements FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER users_claim_address AFTER INSERT OR UPDATE OF email_lookup ON public.users FOR EACH ROW EXECUTE FUNCTION public.claim_address();

CREATE TRIGGER users_status BEFORE UPDATE OF status ON public.users FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.enforce_transition('user.status', 'status');

ALTER TABLE ONLY public.address_claims
    ADD CONSTRAINT address_claims_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.agency_limit_changes
    ADD CONSTRAINT agency_limit_changes_agency_id_fkey FOREIGN KEY (agency_id) REFERENCES public.agencies(id);

ALTER TABLE ONLY public.agency_movements
    ADD CONSTRAINT agency_movements_agency_id_fkey FOREIGN KEY (agency_id) REFERENCES public.agencies(id);

ALTER TABLE ONLY public.airports
    ADD CONSTRAINT airports_city_code_fkey FOREIGN KEY (city_code) REFERENCES public.cities(code);

ALTER TABLE ONLY public.airports
    ADD CONSTRAINT airports_country_code_fkey FOREIGN KEY (country_code) REFERENCES public.countries(code);

ALTER TABLE ONLY public.audit_chain
    ADD CONSTRAINT audit_chain_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.audit_entries(id);

ALTER TABLE ONLY public.audit_heads
    ADD CONSTRAINT audit_heads_position_fkey FOREIGN KEY ("position") REFERENCES public.audit_chain("position");

ALTER TABLE ONLY public.cabin_layouts
    ADD CONSTRAINT cabin_layouts_aircraft_type_fkey FOREIGN KEY (aircraft_type) REFERENCES public.aircraft_types(iata);

ALTER TABLE ONLY public.cabin_layouts
    ADD CONSTRAINT cabin_layouts_carrier_fkey FOREIGN KEY (carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.cancellation_quote_lines
    ADD CONSTRAINT cancellation_quote_lines_order_id_price_line_position_fkey FOREIGN KEY (order_id, price_line_position) REFERENCES public.price_lines(order_id, "position");

ALTER TABLE ONLY public.cancellation_quote_lines
    ADD CONSTRAINT cancellation_quote_lines_order_segment_id_fkey FOREIGN KEY (order_segment_id) REFERENCES public.order_segments(id);

ALTER TABLE ONLY public.cancellation_quote_lines
    ADD CONSTRAINT cancellation_quote_lines_passenger_id_fkey FOREIGN KEY (passenger_id) REFERENCES public.order_passengers(id);

ALTER TABLE ONLY public.cancellation_quote_lines
    ADD CONSTRAINT cancellation_quote_lines_quote_id_fkey FOREIGN KEY (quote_id) REFERENCES public.cancellation_quotes(id);

ALTER TABLE ONLY public.cancellation_quotes
    ADD CONSTRAINT cancellation_quotes_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES public.approvals(id);

ALTER TABLE ONLY public.cancellation_quotes
    ADD CONSTRAINT cancellation_quotes_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.carriers
    ADD CONSTRAINT carriers_country_code_fkey FOREIGN KEY (country_code) REFERENCES public.countries(code);

ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_office_id_fkey FOREIGN KEY (office_id) REFERENCES public.cash_offices(id);

ALTER TABLE ONLY public.cash_receipts
    ADD CONSTRAINT cash_receipts_shift_id_fkey FOREIGN KEY (shift_id) REFERENCES public.cash_shifts(id);

ALTER TABLE ONLY public.cash_shifts
    ADD CONSTRAINT cash_shifts_office_id_fkey FOREIGN KEY (office_id) REFERENCES public.cash_offices(id);

ALTER TABLE ONLY public.cities
    ADD CONSTRAINT cities_country_code_fkey FOREIGN KEY (country_code) REFERENCES public.countries(code);

ALTER TABLE ONLY public.coupon_moves
    ADD CONSTRAINT coupon_moves_document_id_coupon_number_fkey FOREIGN KEY (document_id, coupon_number) REFERENCES public.coupons(document_id, number);

ALTER TABLE ONLY public.coupons
    ADD CONSTRAINT coupons_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.documents(id);

ALTER TABLE ONLY public.discount_versions
    ADD CONSTRAINT discount_versions_carrier_fkey FOREIGN KEY (carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.dispute_events
    ADD CONSTRAINT dispute_events_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES public.disputes(id);

ALTER TABLE ONLY public.disputes
    ADD CONSTRAINT disputes_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_conjunction_of_fkey FOREIGN KEY (conjunction_of) REFERENCES public.documents(id);

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_validating_carrier_fkey FOREIGN KEY (validating_carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.fare_brands
    ADD CONSTRAINT fare_brands_carrier_fkey FOREIGN KEY (carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.fare_versions
    ADD CONSTRAINT fare_versions_carrier_brand_fkey FOREIGN KEY (carrier, brand) REFERENCES public.fare_brands(carrier, code);

ALTER TABLE ONLY public.fare_versions
    ADD CONSTRAINT fare_versions_carrier_fkey FOREIGN KEY (carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.flight_date_changes
    ADD CONSTRAINT flight_date_changes_flight_date_id_fkey FOREIGN KEY (flight_date_id) REFERENCES public.flight_dates(id);

ALTER TABLE ONLY public.flight_date_changes
    ADD CONSTRAINT flight_date_changes_import_id_fkey FOREIGN KEY (import_id) REFERENCES public.schedule_imports(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.flight_dates
    ADD CONSTRAINT flight_dates_carrier_fkey FOREIGN KEY (carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.hold_items
    ADD CONSTRAINT hold_items_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES public.holds(id);

ALTER TABLE ONLY public.hold_items
    ADD CONSTRAINT hold_items_leg_id_cabin_fkey FOREIGN KEY (leg_id, cabin) REFERENCES public.leg_cabins(leg_id, cabin);

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_replaces_fkey FOREIGN KEY (replaces) REFERENCES public.holds(id);

ALTER TABLE ONLY public.infant_limits
    ADD CONSTRAINT infant_limits_aircraft_type_fkey FOREIGN KEY (aircraft_type) REFERENCES public.aircraft_types(iata);

ALTER TABLE ONLY public.inventory_adjustments
    ADD CONSTRAINT inventory_adjustments_leg_id_cabin_fkey FOREIGN KEY (leg_id, cabin) REFERENCES public.leg_cabins(leg_id, cabin);

ALTER TABLE ONLY public.ledger_chain
    ADD CONSTRAINT ledger_chain_posting_id_fkey FOREIGN KEY (posting_id) REFERENCES public.ledger_postings(id);

ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT ledger_entries_posting_id_fkey FOREIGN KEY (posting_id) REFERENCES public.ledger_postings(id);

ALTER TABLE ONLY public.ledger_heads
    ADD CONSTRAINT ledger_heads_position_fkey FOREIGN KEY ("position") REFERENCES public.ledger_chain("position");

ALTER TABLE ONLY public.leg_cabins
    ADD CONSTRAINT leg_cabins_flight_date_id_fkey FOREIGN KEY (flight_date_id) REFERENCES public.flight_dates(id);

ALTER TABLE ONLY public.leg_cabins
    ADD CONSTRAINT leg_cabins_leg_id_fkey FOREIGN KEY (leg_id) REFERENCES public.legs(id);

ALTER TABLE ONLY public.leg_infants
    ADD CONSTRAINT leg_infants_leg_id_fkey FOREIGN KEY (leg_id) REFERENCES public.legs(id);

ALTER TABLE ONLY public.legs
    ADD CONSTRAINT legs_aircraft_type_fkey FOREIGN KEY (aircraft_type) REFERENCES public.aircraft_types(iata);

ALTER TABLE ONLY public.legs
    ADD CONSTRAINT legs_cabin_layout_id_fkey FOREIGN KEY (cabin_layout_id) REFERENCES public.cabin_layouts(id);

ALTER TABLE ONLY public.legs
    ADD CONSTRAINT legs_destination_fkey FOREIGN KEY (destination) REFERENCES public.airports(iata);

ALTER TABLE ONLY public.legs
    ADD CONSTRAINT legs_flight_date_id_fkey FOREIGN KEY (flight_date_id) REFERENCES public.flight_dates(id);

ALTER TABLE ONLY public.legs
    ADD CONSTRAINT legs_origin_fkey FOREIGN KEY (origin) REFERENCES public.airports(iata);

ALTER TABLE ONLY public.minimum_connecting_times
    ADD CONSTRAINT minimum_connecting_times_airport_fkey FOREIGN KEY (airport) REFERENCES public.airports(iata);

ALTER TABLE ONLY public.minimum_connecting_times
    ADD CONSTRAINT minimum_connecting_times_arrival_carrier_fkey FOREIGN KEY (arrival_carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.minimum_connecting_times
    ADD CONSTRAINT minimum_connecting_times_departure_carrier_fkey FOREIGN KEY (departure_carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.one_time_links
    ADD CONSTRAINT one_time_links_registration_id_fkey FOREIGN KEY (registration_id) REFERENCES public.registrations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.order_history
    ADD CONSTRAINT order_history_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT order_items_passenger_id_fkey FOREIGN KEY (passenger_id) REFERENCES public.order_passengers(id);

ALTER TABLE ONLY public.order_passengers
    ADD CONSTRAINT order_passengers_accompanying_id_fkey FOREIGN KEY (accompanying_id) REFERENCES public.order_passengers(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.order_passengers
    ADD CONSTRAINT order_passengers_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.order_passengers
    ADD CONSTRAINT order_passengers_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person_keys(id);

ALTER TABLE ONLY public.order_segments
    ADD CONSTRAINT order_segments_flight_date_id_fkey FOREIGN KEY (flight_date_id) REFERENCES public.flight_dates(id);

ALTER TABLE ONLY public.order_segments
    ADD CONSTRAINT order_segments_order_id_slice_position_fkey FOREIGN KEY (order_id, slice_position) REFERENCES public.order_slices(order_id, "position");

ALTER TABLE ONLY public.order_segments
    ADD CONSTRAINT order_segments_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES public.segments(id);

ALTER TABLE ONLY public.order_slices
    ADD CONSTRAINT order_slices_destination_fkey FOREIGN KEY (destination) REFERENCES public.airports(iata);

ALTER TABLE ONLY public.order_slices
    ADD CONSTRAINT order_slices_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.order_slices
    ADD CONSTRAINT order_slices_origin_fkey FOREIGN KEY (origin) REFERENCES public.airports(iata);

ALTER TABLE ONLY public.order_text_keys
    ADD CONSTRAINT order_text_keys_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);

ALTER TABLE ONLY public.order_text_keys
    ADD CONSTRAINT order_text_keys_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person_keys(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_contact_person_id_fkey FOREIGN KEY (contact_person_id) REFERENCES public.person_keys(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES public.holds(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_owner_user_id_fkey FOREIGN KEY (owner_user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_split_from_fkey FOREIGN KEY (split_from) REFERENCES public.orders(id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_validating_carrier_fkey FOREIGN KEY (validating_carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.payment_events
    ADD CONSTRAINT payment_events_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.price_lines
    ADD CONSTRAINT price_lines_item_fkey FOREIGN KEY (order_id, item_id, passenger_id) REFERENCES public.order_items(order_id, id, passenger_id);

ALTER TABLE ONLY public.price_lines
    ADD CONSTRAINT price_lines_order_segment_id_fkey FOREIGN KEY (order_segment_id) REFERENCES public.order_segments(id);

ALTER TABLE ONLY public.provider_event_attempts
    ADD CONSTRAINT provider_event_attempts_provider_event_id_fkey FOREIGN KEY (provider, event_id) REFERENCES public.provider_events(provider, event_id);

ALTER TABLE ONLY public.provider_events
    ADD CONSTRAINT provider_events_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.reconciliation_rows
    ADD CONSTRAINT reconciliation_rows_reconciliation_id_fkey FOREIGN KEY (reconciliation_id) REFERENCES public.reconciliations(id);

ALTER TABLE ONLY public.recorded_operations
    ADD CONSTRAINT recorded_operations_leg_id_fkey FOREIGN KEY (leg_id) REFERENCES public.legs(id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.sessions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.refunds
    ADD CONSTRAINT refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person_keys(id);

ALTER TABLE ONLY public.role_grants
    ADD CONSTRAINT role_grants_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES public.approvals(id);

ALTER TABLE ONLY public.role_grants
    ADD CONSTRAINT role_grants_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.schedule_data_sets
    ADD CONSTRAINT schedule_data_sets_carrier_fkey FOREIGN KEY (carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.schedule_data_sets
    ADD CONSTRAINT schedule_data_sets_import_id_fkey FOREIGN KEY (import_id) REFERENCES public.schedule_imports(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.schedule_periods
    ADD CONSTRAINT schedule_periods_data_set_id_fkey FOREIGN KEY (data_set_id) REFERENCES public.schedule_data_sets(id);

ALTER TABLE ONLY public.schedule_periods
    ADD CONSTRAINT schedule_periods_destination_fkey FOREIGN KEY (destination) REFERENCES public.airports(iata);

ALTER TABLE ONLY public.schedule_periods
    ADD CONSTRAINT schedule_periods_origin_fkey FOREIGN KEY (origin) REFERENCES public.airports(iata);

ALTER TABLE ONLY public.schedule_segment_data
    ADD CONSTRAINT schedule_segment_data_data_set_id_period_position_fkey FOREIGN KEY (data_set_id, period_position) REFERENCES public.schedule_periods(data_set_id, "position");

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_destination_fkey FOREIGN KEY (destination) REFERENCES public.airports(iata);

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_flight_date_id_fkey FOREIGN KEY (flight_date_id) REFERENCES public.flight_dates(id);

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_origin_fkey FOREIGN KEY (origin) REFERENCES public.airports(iata);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.tax_versions
    ADD CONSTRAINT tax_versions_carrier_fkey FOREIGN KEY (carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.tax_versions
    ADD CONSTRAINT tax_versions_country_fkey FOREIGN KEY (country) REFERENCES public.countries(code);

ALTER TABLE ONLY public.ticket_number_ranges
    ADD CONSTRAINT ticket_number_ranges_carrier_fkey FOREIGN KEY (carrier) REFERENCES public.carriers(code);

ALTER TABLE ONLY public.travel_credit_movements
    ADD CONSTRAINT travel_credit_movements_credit_id_fkey FOREIGN KEY (credit_id) REFERENCES public.travel_credits(id);

ALTER TABLE ONLY public.travel_credits
    ADD CONSTRAINT travel_credits_refund_id_fkey FOREIGN KEY (refund_id) REFERENCES public.refunds(id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.person_keys(id);
