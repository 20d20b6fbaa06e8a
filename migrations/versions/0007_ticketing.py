"""Ticketing: number ranges, documents, coupons and every move of a coupon."""

from migrations.script import run_sql

revision = "0007"
down_revision = "0006"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('document.status', 'issued', 'void'),
    ('coupon.status', 'open', 'airport_control'),
    ('coupon.status', 'open', 'checked_in'),
    ('coupon.status', 'open', 'exchanged'),
    ('coupon.status', 'open', 'refunded'),
    ('coupon.status', 'open', 'void'),
    ('coupon.status', 'open', 'suspended'),
    ('coupon.status', 'open', 'no_show'),
    ('coupon.status', 'airport_control', 'open'),
    ('coupon.status', 'airport_control', 'checked_in'),
    ('coupon.status', 'airport_control', 'lifted'),
    ('coupon.status', 'checked_in', 'open'),
    ('coupon.status', 'checked_in', 'airport_control'),
    ('coupon.status', 'checked_in', 'lifted'),
    ('coupon.status', 'checked_in', 'no_show'),
    ('coupon.status', 'lifted', 'flown'),
    ('coupon.status', 'lifted', 'checked_in'),
    ('coupon.status', 'lifted', 'open'),
    ('coupon.status', 'exchanged', 'open'),
    ('coupon.status', 'refunded', 'open'),
    ('coupon.status', 'suspended', 'open'),
    ('coupon.status', 'suspended', 'refunded'),
    ('coupon.status', 'suspended', 'exchanged'),
    ('coupon.status', 'no_show', 'open'),
    ('coupon.status', 'no_show', 'refunded'),
    ('coupon.status', 'no_show', 'exchanged');

-- Serials below next_serial are documents, issued or void; the rest are unused.
CREATE TABLE ticket_number_ranges (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    carrier         text NOT NULL REFERENCES carriers (code),
    accounting_code text NOT NULL CHECK (accounting_code ~ '^[0-9]{3}$'),
    first_serial    bigint NOT NULL CHECK (first_serial >= 0),
    last_serial     bigint NOT NULL CHECK (last_serial < 10000000000),
    next_serial     bigint NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT ais_now(),
    UNIQUE (accounting_code, first_serial),
    CHECK (first_serial <= next_serial AND next_serial <= last_serial + 1),
    EXCLUDE USING gist (accounting_code WITH =, int8range(first_serial, last_serial, '[]') WITH &&)
) WITH (fillfactor = 20);

CREATE TABLE documents (
    id                   uuid PRIMARY KEY,
    number               text NOT NULL UNIQUE CHECK (number ~ '^[0-9]{13}$'),
    type                 text NOT NULL CHECK (type IN ('ticket', 'emd_a', 'emd_s')),
    status               text NOT NULL DEFAULT 'issued' CHECK (status IN ('issued', 'void')),
    order_id             uuid NOT NULL,
    passenger_id         uuid NOT NULL,
    passenger_name       text NOT NULL CHECK (passenger_name <> ''),
    validating_carrier   text NOT NULL REFERENCES carriers (code),
    conjunction_of       uuid REFERENCES documents,
    conjunction_sequence smallint NOT NULL DEFAULT 1 CHECK (conjunction_sequence >= 1),
    total_minor          bigint NOT NULL CHECK (total_minor >= 0),
    currency             text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    issued_at            timestamptz NOT NULL DEFAULT ais_now(),
    issued_by            text NOT NULL,
    channel              text NOT NULL,
    seller_id            text,
    agent_id             text,
    point_of_sale        text,
    source_system        text,
    source_reference     text,
    version              integer NOT NULL DEFAULT 1,
    UNIQUE (source_system, source_reference),
    UNIQUE (conjunction_of, conjunction_sequence),
    CHECK ((conjunction_of IS NULL) = (conjunction_sequence = 1))
);
CREATE INDEX documents_order_id ON documents (order_id);
CREATE TRIGGER documents_status BEFORE UPDATE OF status ON documents
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('document.status', 'status');

CREATE TABLE coupons (
    document_id    uuid NOT NULL REFERENCES documents,
    number         smallint NOT NULL CHECK (number BETWEEN 1 AND 4),
    passenger_id   uuid NOT NULL,
    segment_id     uuid NOT NULL,
    status         text NOT NULL DEFAULT 'open'
                   CHECK (status IN ('open', 'airport_control', 'checked_in', 'lifted', 'flown', 'exchanged',
                                     'refunded', 'void', 'suspended', 'no_show')),
    carrier        text NOT NULL,
    flight_number  text NOT NULL,
    origin         text NOT NULL,
    destination    text NOT NULL,
    departure_date date NOT NULL,
    booking_class  text NOT NULL CHECK (booking_class ~ '^[A-Z]$'),
    fare_basis     text NOT NULL,
    value_minor    bigint NOT NULL CHECK (value_minor >= 0),
    currency       text NOT NULL,
    PRIMARY KEY (document_id, number)
);
-- Nobody flies twice on one seat: of one passenger and segment at most one coupon lives.
CREATE UNIQUE INDEX coupons_one_live ON coupons (segment_id, passenger_id)
    WHERE status NOT IN ('void', 'exchanged', 'refunded');
CREATE TRIGGER coupons_status BEFORE UPDATE OF status ON coupons
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('coupon.status', 'status');

CREATE TABLE coupon_moves (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id   uuid NOT NULL,
    coupon_number smallint NOT NULL,
    from_status   text,
    to_status     text NOT NULL,
    reason        text NOT NULL,
    actor         text NOT NULL,
    source_id     text UNIQUE,
    happened_at   timestamptz NOT NULL DEFAULT ais_now(),
    recorded_at   timestamptz NOT NULL DEFAULT ais_now(),
    FOREIGN KEY (document_id, coupon_number) REFERENCES coupons
);
CREATE INDEX coupon_moves_coupon ON coupon_moves (document_id, coupon_number);
CREATE TRIGGER coupon_moves_history BEFORE UPDATE OR DELETE ON coupon_moves
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
