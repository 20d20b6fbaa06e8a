"""The audit trail: who did what to what, when, from where."""

from migrations.script import run_sql

revision = "0021"
down_revision = "0020"

UPGRADE = """
CREATE TABLE audit_entries (
    id             uuid PRIMARY KEY,
    action         text NOT NULL CHECK (action ~ '^[a-z][a-z_]*([.][a-z][a-z_]*)+$'),
    subject        text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    order_id       uuid,
    actor_kind     text NOT NULL CHECK (actor_kind <> ''),
    actor_id       text NOT NULL CHECK (actor_id <> ''),
    roles          text[] NOT NULL,
    session_id     text CHECK (session_id <> ''),
    channel        text NOT NULL CHECK (channel <> ''),
    -- A block of addresses, or the user and machine of a command; nothing inside jobs.
    origin         text CHECK (origin <> ''),
    correlation_id text NOT NULL CHECK (correlation_id <> ''),
    -- json, not jsonb: the chain is taken over the text as it was written.
    before         json CHECK (json_typeof(before) = 'object'),
    after          json CHECK (json_typeof(after) = 'object'),
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT ais_now(),
    -- The chain takes an entry once no transaction that began before it can still add one.
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX audit_entries_transaction_id ON audit_entries (transaction_id, id);
CREATE INDEX audit_entries_occurred_at ON audit_entries (occurred_at, id);
CREATE INDEX audit_entries_actor_id ON audit_entries (actor_id, occurred_at);
CREATE INDEX audit_entries_subject ON audit_entries (subject, occurred_at);
CREATE INDEX audit_entries_order_id ON audit_entries (order_id, occurred_at) WHERE order_id IS NOT NULL;

-- An entry of a made-up earlier transaction would never come into the chain.
CREATE FUNCTION audit_own_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction_id := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entries_transaction BEFORE INSERT ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_own_transaction();
CREATE TRIGGER audit_entries_history BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
