"""What became of each message of a provider: tries, dead letters, replays."""

from migrations.script import run_sql

revision = "0014"
down_revision = "0013"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('provider_event.state', 'stored', 'handled'),
    ('provider_event.state', 'stored', 'ignored'),
    ('provider_event.state', 'stored', 'unmatched'),
    ('provider_event.state', 'stored', 'dead'),
    ('provider_event.state', 'handled', 'stored'),
    ('provider_event.state', 'ignored', 'stored'),
    ('provider_event.state', 'unmatched', 'stored'),
    ('provider_event.state', 'dead', 'stored');

ALTER TABLE provider_events DROP CONSTRAINT provider_events_state_check;
ALTER TABLE provider_events
    ADD CONSTRAINT provider_events_state_check
        CHECK (state IN ('stored', 'handled', 'unmatched', 'ignored', 'dead')) NOT VALID,
    ADD COLUMN occurred_at timestamptz,
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN next_attempt_at timestamptz,
    ADD COLUMN last_error text,
    -- The payment that staff have tied a message to, which it does not name by itself.
    ADD COLUMN payment_id uuid REFERENCES payments;
ALTER TABLE provider_events VALIDATE CONSTRAINT provider_events_state_check;
CREATE INDEX provider_events_event_id ON provider_events (event_id);
CREATE INDEX provider_events_dead ON provider_events (received_at) WHERE state IN ('unmatched', 'dead');
CREATE INDEX provider_events_received ON provider_events (received_at DESC, event_id DESC);
CREATE TRIGGER provider_events_state BEFORE UPDATE OF state ON provider_events
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('provider_event.state', 'state');

CREATE TABLE provider_event_attempts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider    text NOT NULL,
    event_id    text NOT NULL,
    outcome     text NOT NULL,
    detail      text,
    actor       text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT ais_now(),
    FOREIGN KEY (provider, event_id) REFERENCES provider_events
);
CREATE INDEX provider_event_attempts_event ON provider_event_attempts (event_id);
CREATE TRIGGER provider_event_attempts_history BEFORE UPDATE OR DELETE ON provider_event_attempts
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
