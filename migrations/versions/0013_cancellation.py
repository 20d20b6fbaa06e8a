"""Giving back: cancellation quotes with their lines, and lap infants that give their place back without a seat."""

from migrations.script import run_sql

revision = "0013"
down_revision = "0012"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('cancellation_quote.status', 'open', 'confirmed'),
    ('cancellation_quote.status', 'open', 'superseded'),
    ('cancellation_quote.status', 'open', 'expired');

-- What was said would come back for what is given up; the sums are promised until the end.
CREATE TABLE cancellation_quotes (
    id                   uuid PRIMARY KEY,
    order_id             uuid NOT NULL REFERENCES orders,
    status               text NOT NULL DEFAULT 'open'
                         CHECK (status IN ('open', 'confirmed', 'superseded', 'expired')),
    kind                 text NOT NULL CHECK (kind IN ('voluntary', 'involuntary', 'unticketed')),
    refund_to            text NOT NULL CHECK (refund_to IN ('original_payment', 'travel_credit')),
    currency             text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    penalty_minor        bigint NOT NULL CHECK (penalty_minor >= 0),
    non_refundable_minor bigint NOT NULL CHECK (non_refundable_minor >= 0),
    refund_minor         bigint NOT NULL CHECK (refund_minor >= 0),
    basis                text NOT NULL,
    made_by              text NOT NULL,
    channel              text NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT ais_now(),
    expires_at           timestamptz NOT NULL,
    resolved_at          timestamptz,
    resolved_by          text,
    CHECK ((status = 'open') = (resolved_at IS NULL))
);
CREATE UNIQUE INDEX cancellation_quotes_one_open ON cancellation_quotes (order_id) WHERE status = 'open';
CREATE INDEX cancellation_quotes_order_id ON cancellation_quotes (order_id);
CREATE INDEX cancellation_quotes_ends ON cancellation_quotes (expires_at) WHERE status = 'open';
CREATE TRIGGER cancellation_quotes_status BEFORE UPDATE OF status ON cancellation_quotes
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('cancellation_quote.status', 'status');

-- One line per price line that is given up. What is kept is penalty, or not refundable, or (shortfall) what the flown
-- part of the ticket would have cost more by itself.
CREATE TABLE cancellation_quote_lines (
    quote_id            uuid NOT NULL REFERENCES cancellation_quotes,
    position            smallint NOT NULL,
    order_id            uuid NOT NULL,
    price_line_position smallint NOT NULL,
    passenger_id        uuid NOT NULL REFERENCES order_passengers,
    order_segment_id    uuid NOT NULL REFERENCES order_segments,
    kind                text NOT NULL,
    code                text NOT NULL,
    paid_minor          bigint NOT NULL,
    kept_minor          bigint NOT NULL CHECK (kept_minor >= 0),
    penalty_minor       bigint NOT NULL CHECK (penalty_minor BETWEEN 0 AND kept_minor),
    shortfall_minor     bigint NOT NULL CHECK (shortfall_minor BETWEEN 0 AND kept_minor - penalty_minor),
    refunded_minor      bigint NOT NULL CHECK (refunded_minor >= 0),
    rule                text NOT NULL,
    details             jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (quote_id, position),
    UNIQUE (quote_id, price_line_position),
    FOREIGN KEY (order_id, price_line_position) REFERENCES price_lines,
    CHECK (paid_minor = kept_minor + refunded_minor)
);
CREATE INDEX cancellation_quote_lines_order ON cancellation_quote_lines (order_id);
CREATE TRIGGER cancellation_quote_lines_history BEFORE UPDATE OR DELETE ON cancellation_quote_lines
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- An infant on a lap gives back its place and no seat.
ALTER TABLE hold_items DROP CONSTRAINT hold_items_seats_check;
ALTER TABLE hold_items ADD CONSTRAINT hold_items_seats_check CHECK (seats >= 0 AND seats + infants > 0) NOT VALID;
ALTER TABLE hold_items VALIDATE CONSTRAINT hold_items_seats_check;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
