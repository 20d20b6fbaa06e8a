"""Reconciliation: the kept reports, and the payouts that are in the books."""

from migrations.script import run_sql

revision = "0018"
down_revision = "0017"

UPGRADE = """
CREATE TABLE reconciliations (
    id          uuid PRIMARY KEY,
    provider    text NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL CHECK (until > since),
    dry_run     boolean NOT NULL,
    actor       text NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    scanned     integer NOT NULL DEFAULT 0,
    fixed       integer NOT NULL DEFAULT 0,
    failed      integer NOT NULL DEFAULT 0,
    skipped     integer NOT NULL DEFAULT 0,
    CHECK (fixed >= 0 AND failed >= 0 AND skipped >= 0 AND fixed + failed + skipped <= scanned)
);

CREATE TABLE reconciliation_rows (
    reconciliation_id uuid NOT NULL REFERENCES reconciliations,
    number            integer NOT NULL CHECK (number >= 1),
    kind              text NOT NULL CHECK (kind IN ('payment', 'refund', 'payout', 'payout_line')),
    object_id         text NOT NULL,
    outcome           text NOT NULL CHECK (outcome IN ('fixed', 'failed', 'skipped')),
    reason            text NOT NULL,
    own_id            text,
    amount_minor      bigint,
    currency          text,
    PRIMARY KEY (reconciliation_id, number),
    CHECK ((amount_minor IS NULL) = (currency IS NULL))
);

-- A payout is in the books once, whoever saw it first.
CREATE TABLE payouts (
    provider     text NOT NULL,
    payout_id    text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    fees_minor   bigint NOT NULL,
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    posted_at    timestamptz NOT NULL DEFAULT ais_now(),
    returned_at  timestamptz,
    PRIMARY KEY (provider, payout_id)
);
"""


def upgrade() -> None:
    run_sql(UPGRADE)
