"""By which signature a role was given and a waived penalty confirmed."""

from migrations.script import run_sql

revision = "0034"
down_revision = "0033"

UPGRADE = """
ALTER TABLE role_grants ADD COLUMN approval_id uuid;
ALTER TABLE role_grants ADD CONSTRAINT role_grants_approval_id_fkey
    FOREIGN KEY (approval_id) REFERENCES approvals NOT VALID;
ALTER TABLE role_grants VALIDATE CONSTRAINT role_grants_approval_id_fkey;
ALTER TABLE cancellation_quotes ADD COLUMN approval_id uuid;
ALTER TABLE cancellation_quotes ADD CONSTRAINT cancellation_quotes_approval_id_fkey
    FOREIGN KEY (approval_id) REFERENCES approvals NOT VALID;
ALTER TABLE cancellation_quotes VALIDATE CONSTRAINT cancellation_quotes_approval_id_fkey;

CREATE OR REPLACE FUNCTION keep_role_grant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.revoked_at IS NOT NULL
        OR (NEW.id, NEW.user_id, NEW.role, NEW.stations, NEW.agencies, NEW.channels, NEW.granted_by, NEW.granted_at,
            NEW.approval_id)
        IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.role, OLD.stations, OLD.agencies, OLD.channels, OLD.granted_by,
                          OLD.granted_at, OLD.approval_id) THEN
        RAISE EXCEPTION 'a grant is only ever revoked, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
