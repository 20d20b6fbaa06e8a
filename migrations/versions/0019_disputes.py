"""Disputes: what payers claim at their banks."""

from migrations.script import run_sql

revision = "0019"
down_revision = "0018"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('dispute.status', 'inquiry', 'withdrawn'),
    ('dispute.status', 'inquiry', 'open'),
    ('dispute.status', 'open', 'won'),
    ('dispute.status', 'open', 'lost');

CREATE TABLE disputes (
    id                  uuid PRIMARY KEY,
    payment_id          uuid NOT NULL REFERENCES payments,
    order_id            uuid NOT NULL,
    provider            text NOT NULL,
    provider_dispute_id text NOT NULL,
    amount_minor        bigint NOT NULL CHECK (amount_minor > 0),
    currency            text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason              text NOT NULL,
    status              text NOT NULL DEFAULT 'open'
                        CHECK (status IN ('inquiry', 'withdrawn', 'open', 'won', 'lost')),
    answer_by           timestamptz,
    opened_at           timestamptz NOT NULL DEFAULT ais_now(),
    updated_at          timestamptz NOT NULL DEFAULT ais_now(),
    closed_at           timestamptz,
    UNIQUE (provider, provider_dispute_id),
    CHECK ((status IN ('inquiry', 'open')) = (closed_at IS NULL))
);
CREATE INDEX disputes_payment_id ON disputes (payment_id);
CREATE INDEX disputes_order_id ON disputes (order_id);
CREATE TRIGGER disputes_status BEFORE UPDATE OF status ON disputes
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('dispute.status', 'status');

CREATE TABLE dispute_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dispute_id  uuid NOT NULL REFERENCES disputes,
    from_status text,
    to_status   text NOT NULL,
    actor       text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT ais_now()
);
CREATE INDEX dispute_events_dispute_id ON dispute_events (dispute_id);
CREATE TRIGGER dispute_events_history BEFORE UPDATE OR DELETE ON dispute_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
