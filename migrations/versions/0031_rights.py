"""Second persons: approvals with what they are about; keys of machines with a figure of their own; waived penalties."""

from migrations.script import run_sql

revision = "0031"
down_revision = "0030"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('approval.status', 'open', 'approved'),
    ('approval.status', 'open', 'declined'),
    ('approval.status', 'open', 'withdrawn'),
    ('approval.status', 'open', 'expired');

-- What one person asks for and another signs. What is approved happens in the transaction that writes so.
CREATE TABLE approvals (
    id           uuid PRIMARY KEY DEFAULT uuidv7(),
    kind         text NOT NULL CHECK (kind IN ('role_grant', 'role_revocation', 'refund', 'waiver')),
    subject      text NOT NULL CHECK (length(subject) BETWEEN 1 AND 100),
    payload      jsonb NOT NULL,
    payload_hash bytea NOT NULL CHECK (length(payload_hash) = 32),
    reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    status       text NOT NULL DEFAULT 'open'
                 CHECK (status IN ('open', 'approved', 'declined', 'withdrawn', 'expired')),
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT ais_now(),
    expires_at   timestamptz NOT NULL,
    resolved_by  text,
    resolved_at  timestamptz,
    CHECK ((status = 'open') = (resolved_at IS NULL)),
    CHECK ((resolved_at IS NULL) = (resolved_by IS NULL)),
    CHECK (expires_at > requested_at),
    CONSTRAINT approvals_second_person CHECK (status <> 'approved' OR resolved_by <> requested_by)
);
CREATE UNIQUE INDEX approvals_one_open ON approvals (kind, subject) WHERE status = 'open';
CREATE INDEX approvals_requested_by ON approvals (requested_by, id);
CREATE INDEX approvals_ends ON approvals (expires_at) WHERE status = 'open';
CREATE TRIGGER approvals_status BEFORE UPDATE OF status ON approvals
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('approval.status', 'status');

-- What is signed is what was asked for.
CREATE FUNCTION keep_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.id, NEW.kind, NEW.subject, NEW.payload, NEW.payload_hash, NEW.reason, NEW.requested_by,
                            NEW.requested_at, NEW.expires_at)
        IS DISTINCT FROM (OLD.id, OLD.kind, OLD.subject, OLD.payload, OLD.payload_hash, OLD.reason, OLD.requested_by,
                          OLD.requested_at, OLD.expires_at)
        OR OLD.status <> 'open' THEN
        RAISE EXCEPTION 'what an approval is about, and how it ended, never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_keep BEFORE UPDATE OR DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION keep_approval();

-- A role that was given or taken stays as it was written.
CREATE FUNCTION keep_role_grant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.revoked_at IS NOT NULL
        OR (NEW.id, NEW.user_id, NEW.role, NEW.stations, NEW.agencies, NEW.channels, NEW.granted_by, NEW.granted_at)
        IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.role, OLD.stations, OLD.agencies, OLD.channels, OLD.granted_by,
                          OLD.granted_at) THEN
        RAISE EXCEPTION 'a grant is only ever revoked, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER role_grants_keep BEFORE UPDATE OR DELETE ON role_grants
    FOR EACH ROW EXECUTE FUNCTION keep_role_grant();
CREATE INDEX role_grants_of_user ON role_grants (user_id, granted_at);

ALTER TABLE api_keys ADD COLUMN requests_per_minute integer CHECK (requests_per_minute BETWEEN 1 AND 1000000);

ALTER TABLE cancellation_quotes
    ADD COLUMN waived_minor bigint NOT NULL DEFAULT 0 CHECK (waived_minor >= 0),
    ADD COLUMN waiver_reason text CHECK (length(waiver_reason) BETWEEN 1 AND 200);
ALTER TABLE cancellation_quotes
    ADD CONSTRAINT cancellation_quotes_waiver CHECK (waived_minor = 0 OR waiver_reason IS NOT NULL) NOT VALID;
ALTER TABLE cancellation_quotes VALIDATE CONSTRAINT cancellation_quotes_waiver;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
