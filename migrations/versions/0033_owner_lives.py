"""An order of an account that has been closed cannot be written."""

from migrations.script import run_sql

revision = "0033"
down_revision = "0032"

UPGRADE = """
-- The owner's row is shared until the sale commits: an erasure of the account waits for it, or it for the erasure.
CREATE FUNCTION require_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM users WHERE id = NEW.owner_user_id AND status <> 'closed' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the account of this order is closed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_owner_lives';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER orders_owner_lives BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.owner_user_id IS NOT NULL) EXECUTE FUNCTION require_owner();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
