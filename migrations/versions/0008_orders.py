"""Orders: who travels, on what, for how much, and everything that happened to it."""

from migrations.script import run_sql

revision = "0008"
down_revision = "0007"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('order.status', 'pending', 'reserved'),
    ('order.status', 'pending', 'cancelled'),
    ('order.status', 'reserved', 'confirmed'),
    ('order.status', 'reserved', 'expired'),
    ('order.status', 'reserved', 'cancelled'),
    ('order.status', 'expired', 'confirmed'),
    ('order.status', 'confirmed', 'completed'),
    ('order.status', 'confirmed', 'cancelled'),
    ('order.payment_status', 'unpaid', 'processing'),
    ('order.payment_status', 'unpaid', 'paid'),
    ('order.payment_status', 'unpaid', 'failed'),
    ('order.payment_status', 'processing', 'paid'),
    ('order.payment_status', 'processing', 'failed'),
    ('order.payment_status', 'processing', 'unpaid'),
    ('order.payment_status', 'failed', 'processing'),
    ('order.payment_status', 'failed', 'paid'),
    ('order.payment_status', 'paid', 'partially_refunded'),
    ('order.payment_status', 'paid', 'refunded'),
    ('order.payment_status', 'paid', 'disputed'),
    ('order.payment_status', 'partially_refunded', 'refunded'),
    ('order.payment_status', 'partially_refunded', 'disputed'),
    ('order.payment_status', 'disputed', 'paid'),
    ('order.payment_status', 'disputed', 'partially_refunded'),
    ('order.payment_status', 'disputed', 'refunded'),
    ('order.ticketing_status', 'none', 'issuing'),
    ('order.ticketing_status', 'issuing', 'issued'),
    ('order.ticketing_status', 'issued', 'partly_void'),
    ('order.ticketing_status', 'issued', 'void'),
    ('order.ticketing_status', 'partly_void', 'void'),
    ('order_segment.status', 'confirmed', 'cancelled'),
    ('order_segment.status', 'confirmed', 'schedule_changed'),
    ('order_segment.status', 'schedule_changed', 'confirmed'),
    ('order_segment.status', 'schedule_changed', 'cancelled'),
    ('order_segment.status', 'cancelled', 'confirmed');

CREATE TABLE orders (
    id                  uuid PRIMARY KEY,
    record_locator      text NOT NULL UNIQUE CHECK (record_locator ~ '^[A-HJKMNP-Z2-9]{6}$'),
    status              text NOT NULL
                        CHECK (status IN ('pending', 'reserved', 'confirmed', 'expired', 'completed', 'cancelled')),
    payment_status      text NOT NULL DEFAULT 'unpaid'
                        CHECK (payment_status IN ('unpaid', 'processing', 'failed', 'paid', 'partially_refunded',
                                                  'refunded', 'disputed')),
    ticketing_status    text NOT NULL DEFAULT 'none'
                        CHECK (ticketing_status IN ('none', 'issuing', 'issued', 'partly_void', 'void')),
    hold_id             uuid NOT NULL UNIQUE REFERENCES holds,
    validating_carrier  text NOT NULL REFERENCES carriers (code),
    fare_brand          text NOT NULL,
    cabin               text NOT NULL,
    currency            text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    total_minor         bigint NOT NULL CHECK (total_minor >= 0),
    paid_minor          bigint NOT NULL DEFAULT 0 CHECK (paid_minor >= 0),
    refunded_minor      bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND paid_minor),
    payment_required_by timestamptz NOT NULL,
    hold_extended_at    timestamptz,
    first_departure_at  timestamptz NOT NULL,
    last_arrival_at     timestamptz NOT NULL,
    contact             jsonb NOT NULL,
    owner               text NOT NULL,
    channel             text NOT NULL,
    seller_id           text,
    agent_id            text,
    point_of_sale       text NOT NULL,
    source_system       text,
    source_reference    text,
    split_from          uuid REFERENCES orders,
    group_id            uuid,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    version             integer NOT NULL DEFAULT 1,
    UNIQUE (source_system, source_reference),
    CHECK (status <> 'confirmed' OR ticketing_status IN ('issued', 'partly_void', 'void')),
    CHECK (status <> 'confirmed' OR payment_status IN ('paid', 'partially_refunded', 'refunded', 'disputed'))
);
CREATE INDEX orders_newest ON orders (created_at DESC, id DESC);
CREATE INDEX orders_time_limit ON orders (payment_required_by) WHERE status = 'reserved';
CREATE INDEX orders_updated_at ON orders (updated_at);
CREATE TRIGGER orders_status BEFORE UPDATE OF status ON orders
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('order.status', 'status');
CREATE TRIGGER orders_payment_status BEFORE UPDATE OF payment_status ON orders
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('order.payment_status', 'payment_status');
CREATE TRIGGER orders_ticketing_status BEFORE UPDATE OF ticketing_status ON orders
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('order.ticketing_status', 'ticketing_status');

CREATE TABLE order_passengers (
    id              uuid PRIMARY KEY,
    order_id        uuid NOT NULL REFERENCES orders,
    position        smallint NOT NULL CHECK (position >= 1),
    offer_reference text NOT NULL,
    type            text NOT NULL CHECK (type IN ('adult', 'child', 'infant', 'infant_seat')),
    title           text,
    gender          text CHECK (gender IN ('M', 'F', 'X', 'U')),
    given_name      text NOT NULL,
    family_name     text NOT NULL CHECK (family_name <> ''),
    search_name     text NOT NULL CHECK (search_name <> ''),
    name_local      jsonb,
    born_on         date,
    nationality     text CHECK (nationality ~ '^[A-Z]{2}$'),
    documents       jsonb NOT NULL DEFAULT '[]',
    accompanying_id uuid REFERENCES order_passengers DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (order_id, position),
    CHECK ((type = 'infant') = (accompanying_id IS NOT NULL)),
    CHECK (type = 'adult' OR born_on IS NOT NULL)
);
-- One lap, one infant.
CREATE UNIQUE INDEX order_passengers_lap ON order_passengers (accompanying_id) WHERE accompanying_id IS NOT NULL;

CREATE TABLE order_slices (
    order_id         uuid NOT NULL REFERENCES orders,
    position         smallint NOT NULL CHECK (position >= 1),
    origin           text NOT NULL REFERENCES airports (iata),
    destination      text NOT NULL REFERENCES airports (iata),
    duration_minutes integer NOT NULL,
    conditions       jsonb NOT NULL,
    PRIMARY KEY (order_id, position)
);

CREATE TABLE order_segments (
    id                      uuid PRIMARY KEY,
    order_id                uuid NOT NULL REFERENCES orders,
    slice_position          smallint NOT NULL,
    position                smallint NOT NULL CHECK (position >= 1),
    segment_id              bigint NOT NULL REFERENCES segments,
    flight_date_id          uuid NOT NULL REFERENCES flight_dates,
    marketing_carrier       text NOT NULL,
    flight_number           text NOT NULL,
    operating_carrier       text NOT NULL,
    operating_flight_number text NOT NULL,
    origin                  text NOT NULL,
    destination             text NOT NULL,
    departs_at              timestamptz NOT NULL,
    departure_timezone      text NOT NULL,
    arrives_at              timestamptz NOT NULL,
    arrival_timezone        text NOT NULL,
    departure_date          date NOT NULL,
    cabin                   text NOT NULL,
    booking_class           text NOT NULL CHECK (booking_class ~ '^[A-Z]$'),
    fare_basis              text NOT NULL,
    aircraft                text NOT NULL,
    status                  text NOT NULL DEFAULT 'confirmed'
                            CHECK (status IN ('confirmed', 'cancelled', 'schedule_changed')),
    status_code             text NOT NULL DEFAULT 'HK' CHECK (status_code IN ('HK', 'TK', 'UN', 'HX', 'XX')),
    UNIQUE (order_id, position),
    FOREIGN KEY (order_id, slice_position) REFERENCES order_slices,
    CHECK (arrives_at > departs_at),
    CHECK (CASE status WHEN 'confirmed' THEN status_code = 'HK'
                       WHEN 'schedule_changed' THEN status_code = 'TK'
                       ELSE status_code IN ('UN', 'HX', 'XX') END)
);
CREATE INDEX order_segments_flight_date ON order_segments (flight_date_id);
CREATE TRIGGER order_segments_status BEFORE UPDATE OF status ON order_segments
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('order_segment.status', 'status');

-- What was accepted: one item per passenger and journey; its price lines sum to it.
CREATE TABLE order_items (
    id           uuid PRIMARY KEY,
    order_id     uuid NOT NULL REFERENCES orders,
    passenger_id uuid NOT NULL REFERENCES order_passengers,
    kind         text NOT NULL CHECK (kind IN ('flight')),
    total_minor  bigint NOT NULL CHECK (total_minor >= 0),
    currency     text NOT NULL
);
CREATE INDEX order_items_order_id ON order_items (order_id);

CREATE TABLE price_lines (
    order_id         uuid NOT NULL REFERENCES orders,
    position         smallint NOT NULL,
    item_id          uuid NOT NULL REFERENCES order_items,
    passenger_id     uuid NOT NULL REFERENCES order_passengers,
    order_segment_id uuid NOT NULL REFERENCES order_segments,
    kind             text NOT NULL CHECK (kind IN ('fare', 'tax', 'carrier_charge', 'rounding')),
    code             text NOT NULL,
    name_en          text NOT NULL,
    name_ar          text NOT NULL,
    amount_minor     bigint NOT NULL,
    currency         text NOT NULL,
    refundable       boolean NOT NULL,
    version_id       bigint,
    PRIMARY KEY (order_id, position)
);
CREATE TRIGGER price_lines_history BEFORE UPDATE OR DELETE ON price_lines
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE order_history (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id       uuid NOT NULL REFERENCES orders,
    axis           text NOT NULL,
    from_state     text,
    to_state       text NOT NULL,
    reason         text NOT NULL,
    details        jsonb NOT NULL DEFAULT '{}',
    actor          text NOT NULL,
    channel        text NOT NULL,
    correlation_id text NOT NULL,
    happened_at    timestamptz NOT NULL DEFAULT ais_now()
);
CREATE INDEX order_history_order_id ON order_history (order_id);
CREATE TRIGGER order_history_history BEFORE UPDATE OR DELETE ON order_history
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
