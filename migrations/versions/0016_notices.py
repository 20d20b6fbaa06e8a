"""Notices: what people are told about their orders, and whether it has reached the mail server."""

from migrations.script import run_sql

revision = "0016"
down_revision = "0015"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('notice.status', 'waiting', 'sent'),
    ('notice.status', 'waiting', 'failed'),
    ('notice.status', 'waiting', 'withdrawn'),
    ('notice.status', 'failed', 'waiting');

-- The address, the names and the sums are read from the order when the mail is written; here are ids alone.
CREATE TABLE notices (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    kind        text NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    order_id    uuid NOT NULL REFERENCES orders,
    cause       text NOT NULL,
    language    text NOT NULL CHECK (language IN ('ar', 'en')),
    details     jsonb NOT NULL DEFAULT '{}',
    status      text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'sent', 'failed', 'withdrawn')),
    attempts    integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    server_down boolean NOT NULL DEFAULT false,
    last_error  text,
    created_at  timestamptz NOT NULL DEFAULT ais_now(),
    next_try_at timestamptz NOT NULL,
    give_up_at  timestamptz NOT NULL,
    sent_at     timestamptz,
    ended_at    timestamptz,
    UNIQUE (kind, cause),
    CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
    CHECK ((status = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX notices_due ON notices (next_try_at, id) WHERE status = 'waiting';
CREATE INDEX notices_order_id ON notices (order_id);
CREATE INDEX notices_failed ON notices (id) WHERE status = 'failed';
CREATE TRIGGER notices_status BEFORE UPDATE OF status ON notices
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('notice.status', 'status');
"""


def upgrade() -> None:
    run_sql(UPGRADE)
