"""The audit trail's hash chain and its signed heads."""

from migrations.script import run_sql

revision = "0025"
down_revision = "0024"

UPGRADE = """
-- Each entry once, at a position without gaps, with a hash over the hash before and its own content.
CREATE TABLE audit_chain (
    position   bigint PRIMARY KEY CHECK (position >= 1),
    entry_id   uuid NOT NULL UNIQUE REFERENCES audit_entries,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    chained_at timestamptz NOT NULL DEFAULT ais_now()
);
CREATE TRIGGER audit_chain_history BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row: every entry of a transaction below next_transaction_id is in the chain. Says only where to look on.
CREATE TABLE audit_chain_progress (
    only_one            boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    next_transaction_id xid8 NOT NULL,
    -- What was done before was not recorded, and `ais verify` does not miss its entries.
    begun_at            timestamptz NOT NULL DEFAULT ais_now()
);
INSERT INTO audit_chain_progress (next_transaction_id) VALUES ('0');

-- Heads that left the database, as they were signed.
CREATE TABLE audit_heads (
    position    bigint PRIMARY KEY REFERENCES audit_chain,
    hash        bytea NOT NULL,
    signed_at   timestamptz NOT NULL,
    key_id      text NOT NULL,
    signature   bytea NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT ais_now()
);
CREATE TRIGGER audit_heads_history BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
