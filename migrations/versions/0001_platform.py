"""What every package stands on: the clock, state tables, data versions, idempotency records, jobs."""

from pathlib import Path

from migrations.script import run_sql

revision = "0001"
down_revision = None

UPGRADE = """
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- The one source of time in SQL. Tests move it by the setting, per connection; elsewhere the setting is empty or zero.
CREATE FUNCTION ais_now() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN clock_timestamp() + coalesce(nullif(current_setting('ais.clock_shift', true), '')::interval, interval '0');

-- The moves that each state axis allows; the same pairs stand in each package's domain.py.
CREATE TABLE transitions (
    aggregate  text NOT NULL,
    from_state text NOT NULL,
    to_state   text NOT NULL,
    PRIMARY KEY (aggregate, from_state, to_state)
);

-- Attached to a table as: BEFORE UPDATE OF column … EXECUTE FUNCTION enforce_transition('order.status', 'status').
CREATE FUNCTION enforce_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before_state text := to_jsonb(OLD) ->> TG_ARGV[1];
    after_state  text := to_jsonb(NEW) ->> TG_ARGV[1];
BEGIN
    IF before_state IS DISTINCT FROM after_state AND NOT EXISTS (
        SELECT FROM transitions
        WHERE aggregate = TG_ARGV[0] AND from_state = before_state AND to_state = after_state
    ) THEN
        RAISE EXCEPTION '% may not move from % to %', TG_ARGV[0], before_state, after_state
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0] || '_transition';
    END IF;
    RETURN NEW;
END $$;

-- Refuses every change of rows that are history: attach BEFORE UPDATE OR DELETE.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is history: rows are added, never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- Processes hold snapshots of slow data in memory and reload one when its version moves.
CREATE TABLE data_versions (
    name       text PRIMARY KEY,
    version    bigint NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT ais_now()
);

CREATE FUNCTION bump_data_version(changed text) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO data_versions (name) VALUES (changed)
    ON CONFLICT (name) DO UPDATE SET version = data_versions.version + 1, changed_at = ais_now()
    RETURNING version
$$;

-- One row per request that may be repeated; see docs/algorithms/idempotency.md.
CREATE TABLE idempotency_records (
    scope        text NOT NULL,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint  bytea NOT NULL CHECK (length(fingerprint) = 32),
    operation_id uuid NOT NULL,
    status       smallint CHECK (status BETWEEN 200 AND 299),
    answer       bytea,
    lease_until  timestamptz,
    created_at   timestamptz NOT NULL DEFAULT ais_now(),
    expires_at   timestamptz NOT NULL DEFAULT ais_now() + interval '24 hours',
    PRIMARY KEY (scope, key),
    CHECK ((status IS NULL) = (answer IS NULL)),
    CHECK (status IS NOT NULL OR lease_until IS NOT NULL)
);
-- What a person must look at: money without an order, a ticket range that is used up. One open entry per subject.
CREATE TABLE staff_queue (
    id          uuid PRIMARY KEY DEFAULT uuidv7(),
    kind        text NOT NULL,
    subject     text NOT NULL,
    details     jsonb NOT NULL DEFAULT '{}',
    raised_at   timestamptz NOT NULL DEFAULT ais_now(),
    resolved_at timestamptz,
    resolved_by text
);
CREATE UNIQUE INDEX staff_queue_open ON staff_queue (kind, subject) WHERE resolved_at IS NULL;

CREATE INDEX idempotency_records_expires_at ON idempotency_records (expires_at);
"""

JOB_TABLES = Path(__file__).resolve().parents[2] / "src/ais/platform/jobs/schema.sql"


def upgrade() -> None:
    run_sql(UPGRADE)
    run_sql(JOB_TABLES.read_text(encoding="utf-8"))
