"""Payments: attempts, what became of them, refunds, and what the provider tells us."""

from migrations.script import run_sql

revision = "0006"
down_revision = "0005"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('payment.status', 'requires_payment', 'requires_action'),
    ('payment.status', 'requires_payment', 'processing'),
    ('payment.status', 'requires_payment', 'succeeded'),
    ('payment.status', 'requires_payment', 'failed'),
    ('payment.status', 'requires_payment', 'cancelled'),
    ('payment.status', 'requires_action', 'requires_payment'),
    ('payment.status', 'requires_action', 'processing'),
    ('payment.status', 'requires_action', 'succeeded'),
    ('payment.status', 'requires_action', 'failed'),
    ('payment.status', 'requires_action', 'cancelled'),
    ('payment.status', 'processing', 'requires_payment'),
    ('payment.status', 'processing', 'succeeded'),
    ('payment.status', 'processing', 'failed'),
    ('payment.status', 'processing', 'cancelled'),
    ('payment.status', 'failed', 'requires_payment'),
    ('payment.status', 'failed', 'requires_action'),
    ('payment.status', 'failed', 'processing'),
    ('payment.status', 'failed', 'succeeded'),
    ('payment.status', 'failed', 'cancelled'),
    ('refund.status', 'pending', 'succeeded'),
    ('refund.status', 'pending', 'failed'),
    ('refund.status', 'succeeded', 'failed');

-- The order is known here by its id alone: money can be tested, and proved, without it.
CREATE TABLE payments (
    id                  uuid PRIMARY KEY,
    order_id            uuid NOT NULL,
    method              text NOT NULL CHECK (method IN ('card')),
    provider            text NOT NULL,
    provider_payment_id text,
    status              text NOT NULL DEFAULT 'requires_payment'
                        CHECK (status IN ('requires_payment', 'requires_action', 'processing', 'succeeded', 'failed',
                                          'cancelled')),
    amount_minor        bigint NOT NULL CHECK (amount_minor > 0),
    currency            text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    received_minor      bigint NOT NULL DEFAULT 0 CHECK (received_minor >= 0),
    refunded_minor      bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    failure_code        text,
    channel             text NOT NULL,
    seller_id           text,
    agent_id            text,
    point_of_sale       text,
    source_system       text,
    source_reference    text,
    created_at          timestamptz NOT NULL DEFAULT ais_now(),
    updated_at          timestamptz NOT NULL DEFAULT ais_now(),
    expires_at          timestamptz NOT NULL,
    version             integer NOT NULL DEFAULT 1,
    UNIQUE (provider, provider_payment_id),
    UNIQUE (source_system, source_reference),
    CHECK (refunded_minor <= received_minor),
    CHECK ((status = 'succeeded') = (received_minor > 0)),
    CHECK (status <> 'succeeded' OR provider_payment_id IS NOT NULL)
);
CREATE INDEX payments_order_id ON payments (order_id);
CREATE UNIQUE INDEX payments_one_open_attempt ON payments (order_id)
    WHERE status IN ('requires_payment', 'requires_action', 'processing', 'failed');
CREATE TRIGGER payments_status BEFORE UPDATE OF status ON payments
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('payment.status', 'status');

CREATE TABLE payment_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id  uuid NOT NULL REFERENCES payments,
    kind        text NOT NULL,
    from_status text,
    to_status   text NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}',
    actor       text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT ais_now()
);
CREATE INDEX payment_events_payment_id ON payment_events (payment_id);
CREATE TRIGGER payment_events_history BEFORE UPDATE OR DELETE ON payment_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE refunds (
    id                 uuid PRIMARY KEY,
    payment_id         uuid NOT NULL REFERENCES payments,
    order_id           uuid NOT NULL,
    amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
    currency           text NOT NULL,
    status             text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'failed')),
    reason             text NOT NULL,
    provider_refund_id text UNIQUE,
    failure_code       text,
    actor              text NOT NULL,
    channel            text NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT ais_now(),
    updated_at         timestamptz NOT NULL DEFAULT ais_now(),
    CHECK (status <> 'succeeded' OR provider_refund_id IS NOT NULL)
);
CREATE INDEX refunds_payment_id ON refunds (payment_id);
CREATE INDEX refunds_order_id ON refunds (order_id);
CREATE INDEX refunds_pending ON refunds (created_at) WHERE status = 'pending';
CREATE TRIGGER refunds_status BEFORE UPDATE OF status ON refunds
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('refund.status', 'status');

-- Every message of a provider, raw, before anything is done with it.
CREATE TABLE provider_events (
    provider            text NOT NULL,
    event_id            text NOT NULL,
    type                text NOT NULL,
    object_id           text NOT NULL,
    provider_payment_id text,
    body                bytea NOT NULL,
    deliveries          integer NOT NULL DEFAULT 1,
    state               text NOT NULL DEFAULT 'stored' CHECK (state IN ('stored', 'handled', 'unmatched', 'ignored')),
    received_at         timestamptz NOT NULL DEFAULT ais_now(),
    handled_at          timestamptz,
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX provider_events_waiting ON provider_events (received_at) WHERE state = 'stored';
"""


def upgrade() -> None:
    run_sql(UPGRADE)
