"""The ledger's hash chain, its signed heads, and when what is kept of a fare becomes revenue."""

from migrations.script import run_sql

revision = "0015"
down_revision = "0014"

UPGRADE = """
-- Each posting once, at a position without gaps, with a hash over the hash before and its own content.
CREATE TABLE ledger_chain (
    position   bigint PRIMARY KEY CHECK (position >= 1),
    posting_id uuid NOT NULL UNIQUE REFERENCES ledger_postings,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    chained_at timestamptz NOT NULL DEFAULT ais_now()
);
CREATE TRIGGER ledger_chain_history BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row: every posting of a transaction below next_transaction_id is in the chain. Says only where to look on.
CREATE TABLE ledger_chain_progress (
    only_one            boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    next_transaction_id xid8 NOT NULL
);
INSERT INTO ledger_chain_progress (next_transaction_id) VALUES ('0');

-- Heads that left the database, as they were signed.
CREATE TABLE ledger_heads (
    position    bigint PRIMARY KEY REFERENCES ledger_chain,
    hash        bytea NOT NULL,
    signed_at   timestamptz NOT NULL,
    key_id      text NOT NULL,
    signature   bytea NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT ais_now()
);
CREATE TRIGGER ledger_heads_history BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_heads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The airline's rule of each day: of what is kept, when it becomes revenue. The newest rule not after the day counts.
CREATE TABLE recognition_rules (
    item       text NOT NULL,
    moment     text NOT NULL,
    valid_from date NOT NULL,
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT ais_now(),
    PRIMARY KEY (item, valid_from),
    CHECK ((item, moment) IN (('penalty', 'cancellation'), ('penalty', 'departure'),
                              ('breakage', 'no_show'), ('breakage', 'expiry')))
);
CREATE TRIGGER recognition_rules_history BEFORE UPDATE OR DELETE OR TRUNCATE ON recognition_rules
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
INSERT INTO recognition_rules (item, moment, valid_from, set_by) VALUES
    ('penalty', 'cancellation', '2000-01-01', 'system:migration'),
    ('breakage', 'no_show', '2000-01-01', 'system:migration');
"""


def upgrade() -> None:
    run_sql(UPGRADE)
