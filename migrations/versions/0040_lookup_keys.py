"""The key by which people are found rotates: each hash says which key made it, and no address has two accounts."""

from migrations.script import run_sql

revision = "0040"
down_revision = "0039"

UPGRADE = """
-- The lookup keys that processes on this database were given. The proof is what a key makes of a known text: two keys
-- of one name are told apart by it.
CREATE TABLE lookup_keys (
    id           text PRIMARY KEY CHECK (id <> ''),
    proof        bytea NOT NULL CHECK (length(proof) = 32),
    first_set_at timestamptz NOT NULL DEFAULT ais_now(),
    dropped_at   timestamptz
);

-- Which key made the hash of a row; null where the release before wrote it, whose one key nobody named.
ALTER TABLE users ADD COLUMN lookup_key text;
ALTER TABLE registrations ADD COLUMN lookup_key text;
-- A link has nothing sealed that its hash could be made of anew: it keeps those under the other keys, for its hour.
ALTER TABLE one_time_links ADD COLUMN email_lookups_also bytea[] NOT NULL DEFAULT '{}';

-- Whose an address is, under each key that is accepted: so that two processes that write under different keys cannot
-- give one address two accounts.
CREATE TABLE address_claims (
    lookup     bytea PRIMARY KEY CHECK (length(lookup) = 32),
    lookup_key text,
    user_id    uuid NOT NULL REFERENCES users
);
CREATE INDEX address_claims_user_id ON address_claims (user_id);

CREATE FUNCTION claim_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.email_lookup IS NULL THEN
        DELETE FROM address_claims WHERE user_id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO address_claims AS claim (lookup, lookup_key, user_id)
    VALUES (NEW.email_lookup, NEW.lookup_key, NEW.id)
    ON CONFLICT (lookup) DO UPDATE SET lookup_key = EXCLUDED.lookup_key WHERE claim.user_id = EXCLUDED.user_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this address has an account'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'address_claims_pkey';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER users_claim_address AFTER INSERT OR UPDATE OF email_lookup ON users
    FOR EACH ROW EXECUTE FUNCTION claim_address();

-- Whoever writes an account waits for the trigger, and no row is left out.
INSERT INTO address_claims (lookup, lookup_key, user_id)
SELECT email_lookup, lookup_key, id FROM users WHERE email_lookup IS NOT NULL;

-- Last, so that no sale waits for the rest.
ALTER TABLE orders ADD COLUMN lookup_key text;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
