"""Keys of persons: what is personal rests sealed under them, and ends with them."""

from migrations.script import run_sql

revision = "0023"
down_revision = "0022"

UPGRADE = """
-- The data key of a person, wrapped by a key encryption key that is kept outside of the database.
CREATE TABLE person_keys (
    id           uuid PRIMARY KEY,
    kek_id       text,
    wrapped_key  bytea,
    created_at   timestamptz NOT NULL DEFAULT ais_now(),
    destroyed_at timestamptz,
    CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK ((wrapped_key IS NULL) = (kek_id IS NULL))
);

CREATE FUNCTION keep_destroyed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.destroyed_at IS NOT NULL OR NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'a person''s key is destroyed once and never comes back'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER person_keys_destroyed BEFORE UPDATE OR DELETE ON person_keys
    FOR EACH ROW EXECUTE FUNCTION keep_destroyed();
"""


def upgrade() -> None:
    run_sql(UPGRADE)
