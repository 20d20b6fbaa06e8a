"""What is left to sell: leg cabins, holds, and the functions that claim, confirm, extend and give back seats."""

from pathlib import Path

from migrations.script import run_sql

revision = "0004"
down_revision = "0003"

TABLES = """
-- Which booking classes a cabin is sold in, rank 1 the highest, and how much of the authorisation each may sell. The
-- carrier '*' is every carrier that has no ladder of its own for the cabin.
CREATE TABLE booking_class_ladders (
    carrier       text NOT NULL,
    cabin         text NOT NULL CHECK (cabin ~ '^[A-Z]$'),
    rbd           text NOT NULL CHECK (rbd ~ '^[A-Z]$'),
    rank          smallint NOT NULL CHECK (rank BETWEEN 1 AND 26),
    limit_percent smallint NOT NULL CHECK (limit_percent BETWEEN 0 AND 100),
    version       integer NOT NULL DEFAULT 1,
    PRIMARY KEY (carrier, cabin, rbd),
    UNIQUE (carrier, cabin, rank),
    CHECK (rank > 1 OR limit_percent = 100)
);
INSERT INTO booking_class_ladders (carrier, cabin, rbd, rank, limit_percent) VALUES
    ('*', 'C', 'J', 1, 100), ('*', 'C', 'C', 2, 85), ('*', 'C', 'D', 3, 65), ('*', 'C', 'Z', 4, 40),
    ('*', 'Y', 'Y', 1, 100), ('*', 'Y', 'B', 2, 95), ('*', 'Y', 'M', 3, 88), ('*', 'Y', 'H', 4, 80),
    ('*', 'Y', 'Q', 5, 70), ('*', 'Y', 'K', 6, 58), ('*', 'Y', 'L', 7, 45), ('*', 'Y', 'V', 8, 32),
    ('*', 'Y', 'T', 9, 20);

-- Seats authorised above capacity, per cent of it; '*' as above, no row means none.
CREATE TABLE overbooking_levels (
    carrier text NOT NULL,
    cabin   text NOT NULL CHECK (cabin ~ '^[A-Z]$'),
    percent smallint NOT NULL CHECK (percent BETWEEN 0 AND 50),
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (carrier, cabin)
);

-- Infants on laps that an aircraft type may carry; without a row a tenth of its seats, rounded down.
CREATE TABLE infant_limits (
    aircraft_type text PRIMARY KEY REFERENCES aircraft_types (iata),
    infants_max   smallint NOT NULL CHECK (infants_max >= 0),
    version       integer NOT NULL DEFAULT 1
);

-- Seats of all classes. Not written as one SQL expression: that would be planned anew for every statement that changes
-- a row whose CHECK names it, and costs ten times what this loop does.
CREATE FUNCTION class_total(counts integer[]) RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    v_count integer;
    v_total integer := 0;
BEGIN
    FOREACH v_count IN ARRAY counts LOOP
        v_total := v_total + v_count;
    END LOOP;
    RETURN v_total;
END $$;

-- The one place where seats are counted. Arrays run by class rank; the first limit is the authorisation. Blocked seats
-- are kept off sale; excess is what a change of aircraft or authorisation left above the authorisation.
CREATE TABLE leg_cabins (
    leg_id         bigint NOT NULL REFERENCES legs,
    cabin          text NOT NULL CHECK (length(cabin) = 1),
    flight_date_id uuid NOT NULL REFERENCES flight_dates,
    capacity       integer NOT NULL CHECK (capacity >= 0),
    authorised     integer NOT NULL CHECK (authorised >= 0),
    blocked        integer NOT NULL DEFAULT 0 CHECK (blocked >= 0),
    excess         integer NOT NULL DEFAULT 0 CHECK (excess >= 0),
    held           integer NOT NULL DEFAULT 0,
    sold           integer NOT NULL DEFAULT 0,
    on_sale        boolean NOT NULL DEFAULT true,
    next_expiry_at timestamptz,
    classes        text NOT NULL,
    limits         integer[] NOT NULL,
    held_by_class  integer[] NOT NULL,
    sold_by_class  integer[] NOT NULL,
    version        integer NOT NULL DEFAULT 1,
    PRIMARY KEY (leg_id, cabin),
    CONSTRAINT leg_cabins_within_authorisation CHECK (sold + held + blocked <= authorised + excess),
    CONSTRAINT leg_cabins_totals CHECK (held = class_total(held_by_class) AND sold = class_total(sold_by_class)),
    CONSTRAINT leg_cabins_counts CHECK (0 <= ALL (held_by_class) AND 0 <= ALL (sold_by_class) AND 0 <= ALL (limits)),
    CONSTRAINT leg_cabins_classes CHECK (
        length(classes) BETWEEN 1 AND 26
        AND cardinality(limits) = length(classes)
        AND cardinality(held_by_class) = length(classes)
        AND cardinality(sold_by_class) = length(classes)
        AND limits[1] = authorised
    )
) WITH (fillfactor = 60);
CREATE INDEX leg_cabins_flight_date ON leg_cabins (flight_date_id);

-- Infants on laps take no seat. Whoever changes a row holds the leg's cabins locked.
CREATE TABLE leg_infants (
    leg_id      bigint PRIMARY KEY REFERENCES legs,
    infants_max integer NOT NULL CHECK (infants_max >= 0),
    excess      integer NOT NULL DEFAULT 0 CHECK (excess >= 0),
    held        integer NOT NULL DEFAULT 0 CHECK (held >= 0),
    sold        integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    CONSTRAINT leg_infants_within_limit CHECK (sold + held <= infants_max + excess)
) WITH (fillfactor = 60);

-- Never deleted: journey, class, point of sale and times of every hold are the booking curve. A hold that ended and
-- whose seats were claimed again on confirmation has a successor, which names it in replaces.
CREATE TABLE holds (
    id            uuid PRIMARY KEY,
    owner         text NOT NULL,
    channel       text NOT NULL,
    point_of_sale text NOT NULL,
    status        text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'confirmed', 'released', 'expired')),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    resolved_at   timestamptz,
    replaces      uuid REFERENCES holds,
    journey       jsonb NOT NULL,
    CHECK ((status = 'active') = (resolved_at IS NULL)),
    CHECK (expires_at > created_at),
    CHECK (replaces <> id)
) WITH (fillfactor = 80);
CREATE INDEX holds_active_by_end ON holds (expires_at) WHERE status = 'active';
CREATE UNIQUE INDEX holds_replaces ON holds (replaces) WHERE replaces IS NOT NULL;

CREATE TABLE hold_items (
    hold_id    uuid NOT NULL REFERENCES holds,
    position   smallint NOT NULL,
    leg_id     bigint NOT NULL,
    cabin      text NOT NULL,
    rbd        text NOT NULL CHECK (length(rbd) = 1),
    seats      smallint NOT NULL CHECK (seats > 0),
    infants    smallint NOT NULL CHECK (infants >= 0),
    state      text NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'sold', 'released', 'expired')),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (hold_id, position),
    FOREIGN KEY (leg_id, cabin) REFERENCES leg_cabins
) WITH (fillfactor = 80);
CREATE INDEX hold_items_held_by_end ON hold_items (leg_id, cabin, expires_at) WHERE state = 'held';

-- One row per change of counters: processes that show open seats read those whose transaction they have not yet seen.
-- No legs named means all of them.
CREATE TABLE inventory_changes (
    xact_id    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    leg_ids    bigint[],
    changed_at timestamptz NOT NULL
);
CREATE INDEX inventory_changes_xact_id ON inventory_changes (xact_id);

-- What staff and the schedule changed about what may be sold, and who did it.
CREATE TABLE inventory_adjustments (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    leg_id            bigint NOT NULL,
    cabin             text NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('equipment', 'authorisation', 'sale')),
    capacity_before   integer NOT NULL,
    capacity_after    integer NOT NULL,
    authorised_before integer NOT NULL,
    authorised_after  integer NOT NULL,
    blocked_before    integer NOT NULL,
    blocked_after     integer NOT NULL,
    excess_before     integer NOT NULL,
    excess_after      integer NOT NULL,
    limits_before     integer[] NOT NULL,
    limits_after      integer[] NOT NULL,
    on_sale_before    boolean NOT NULL,
    on_sale_after     boolean NOT NULL,
    actor             text NOT NULL,
    reason            text NOT NULL CHECK (reason <> ''),
    changed_at        timestamptz NOT NULL,
    FOREIGN KEY (leg_id, cabin) REFERENCES leg_cabins
);
CREATE INDEX inventory_adjustments_leg_cabin ON inventory_adjustments (leg_id, cabin);
CREATE TRIGGER inventory_adjustments_are_history BEFORE UPDATE OR DELETE ON inventory_adjustments
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('hold.status', 'active', 'confirmed'),
    ('hold.status', 'active', 'released'),
    ('hold.status', 'active', 'expired'),
    ('hold_item.state', 'held', 'sold'),
    ('hold_item.state', 'held', 'released'),
    ('hold_item.state', 'held', 'expired'),
    ('hold_item.state', 'sold', 'released');
CREATE TRIGGER holds_status BEFORE UPDATE OF status ON holds
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('hold.status', 'status');
CREATE TRIGGER hold_items_state BEFORE UPDATE OF state ON hold_items
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('hold_item.state', 'state');
"""

# The functions are long enough for files of their own; like the tables they are never edited once released.
FUNCTIONS = ("0004_hold_functions.sql", "0004_claim_seats.sql")


def upgrade() -> None:
    run_sql(TABLES)
    for name in FUNCTIONS:
        run_sql((Path(__file__).parent / name).read_text(encoding="utf-8"))
