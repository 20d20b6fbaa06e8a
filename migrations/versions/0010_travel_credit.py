"""Travel credit: money the airline owes in travel, and each movement of it."""

from migrations.script import run_sql

revision = "0010"
down_revision = "0009"

UPGRADE = """
ALTER TABLE refunds ADD COLUMN destination text NOT NULL DEFAULT 'original_payment'
    CHECK (destination IN ('original_payment', 'travel_credit'));

CREATE TABLE travel_credits (
    id            uuid PRIMARY KEY,
    code          text NOT NULL UNIQUE CHECK (code ~ '^[0-9A-HJKMNP-TV-Z]{20}$'),
    order_id      uuid NOT NULL,
    refund_id     uuid NOT NULL UNIQUE REFERENCES refunds,
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    issued_minor  bigint NOT NULL CHECK (issued_minor > 0),
    balance_minor bigint NOT NULL CHECK (balance_minor >= 0 AND balance_minor <= issued_minor),
    expires_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT ais_now()
);
CREATE INDEX travel_credits_order_id ON travel_credits (order_id);
CREATE INDEX travel_credits_expiring ON travel_credits (expires_at) WHERE balance_minor > 0;

CREATE TABLE travel_credit_movements (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    credit_id     uuid NOT NULL REFERENCES travel_credits,
    kind          text NOT NULL CHECK (kind IN ('issued', 'spent', 'returned', 'expired')),
    amount_minor  bigint NOT NULL CHECK (amount_minor <> 0),
    balance_minor bigint NOT NULL CHECK (balance_minor >= 0),
    cause_id      uuid NOT NULL,
    actor         text NOT NULL,
    channel       text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT ais_now(),
    UNIQUE (credit_id, kind, cause_id),
    CHECK ((kind IN ('issued', 'returned')) = (amount_minor > 0))
);
CREATE TRIGGER travel_credit_movements_history BEFORE UPDATE OR DELETE ON travel_credit_movements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
