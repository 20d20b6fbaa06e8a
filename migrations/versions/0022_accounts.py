"""Accounts: who can sign in, their sessions, refresh tokens and one-time links; grants of roles; keys of machines."""

from migrations.script import run_sql

revision = "0022"
down_revision = "0021"

UPGRADE = """
INSERT INTO transitions (aggregate, from_state, to_state) VALUES
    ('user.status', 'active', 'locked'),
    ('user.status', 'active', 'closed'),
    ('user.status', 'locked', 'active'),
    ('user.status', 'locked', 'closed');

-- What names a person is sealed under the key of person_id; the address is found by its keyed hash, which goes with it.
CREATE TABLE users (
    id                  uuid PRIMARY KEY DEFAULT uuidv7(),
    kind                text NOT NULL CHECK (kind IN ('traveller', 'agent', 'staff')),
    status              text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'locked', 'closed')),
    person_id           uuid NOT NULL UNIQUE,
    email_lookup        bytea UNIQUE CHECK (length(email_lookup) = 32),
    email_sealed        bytea,
    name_sealed         bytea,
    language            text NOT NULL DEFAULT 'en' CHECK (language IN ('ar', 'en')),
    -- The agency of an agent: its row stands in a package above this one.
    agency_id           uuid,
    password_hash       text CHECK (password_hash LIKE '$argon2id$%'),
    password_changed_at timestamptz,
    verified_at         timestamptz,
    totp_sealed         bytea,
    totp_confirmed_at   timestamptz,
    totp_last_step      bigint,
    -- Grows with every change of what the sessions of this account may do: what was read before counts no more.
    access_version      bigint NOT NULL DEFAULT 1 CHECK (access_version > 0),
    created_at          timestamptz NOT NULL DEFAULT ais_now(),
    updated_at          timestamptz NOT NULL DEFAULT ais_now(),
    CHECK ((kind = 'agent') = (agency_id IS NOT NULL)),
    CHECK ((email_lookup IS NULL) = (email_sealed IS NULL)),
    CHECK (status = 'closed' OR email_lookup IS NOT NULL),
    CHECK ((password_hash IS NULL) = (password_changed_at IS NULL)),
    CHECK (totp_confirmed_at IS NULL OR totp_sealed IS NOT NULL),
    CHECK (totp_last_step IS NULL OR totp_sealed IS NOT NULL)
);
CREATE INDEX users_agency_id ON users (agency_id) WHERE agency_id IS NOT NULL;
CREATE TRIGGER users_status BEFORE UPDATE OF status ON users
    FOR EACH ROW EXECUTE FUNCTION enforce_transition('user.status', 'status');

-- Codes on paper for whoever has lost the second factor; each works once. A code is random: a fast hash is enough.
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES users,
    hash    bytea NOT NULL CHECK (length(hash) = 32),
    used_at timestamptz,
    PRIMARY KEY (user_id, hash)
);

-- One sign-in: of a program or phone, which carries tokens, or of a browser, which carries a cookie.
CREATE TABLE sessions (
    id               uuid PRIMARY KEY DEFAULT uuidv7(),
    user_id          uuid NOT NULL REFERENCES users,
    kind             text NOT NULL CHECK (kind IN ('token', 'page')),
    cookie_hash      bytea UNIQUE CHECK (length(cookie_hash) = 32),
    -- Device and address, sealed under the key of the user's person.
    origin_sealed    bytea,
    second_factor_at timestamptz,
    created_at       timestamptz NOT NULL DEFAULT ais_now(),
    last_used_at     timestamptz NOT NULL DEFAULT ais_now(),
    idle_ends_at     timestamptz,
    ends_at          timestamptz NOT NULL,
    ended_at         timestamptz,
    end_reason       text CHECK (end_reason IN
        ('logout', 'revoked', 'all_revoked', 'replaced', 'refresh_reused', 'password_changed', 'locked', 'closed')),
    CHECK ((kind = 'page') = (cookie_hash IS NOT NULL)),
    CHECK ((kind = 'page') = (idle_ends_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK (ends_at > created_at)
);
CREATE INDEX sessions_of_user ON sessions (user_id, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_past ON sessions (ends_at);

-- The family of refresh tokens of a session: each is used once and followed by the next.
CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    generation integer NOT NULL CHECK (generation >= 0),
    created_at timestamptz NOT NULL DEFAULT ais_now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    retried_at timestamptz,
    UNIQUE (session_id, generation),
    CHECK (retried_at IS NULL OR used_at IS NOT NULL)
);

-- Who wants an account and has not shown yet that the address is theirs. The account is made by the link in the mail.
CREATE TABLE registrations (
    id            uuid PRIMARY KEY DEFAULT uuidv7(),
    person_id     uuid NOT NULL UNIQUE,
    email_lookup  bytea NOT NULL CHECK (length(email_lookup) = 32),
    email_sealed  bytea NOT NULL,
    name_sealed   bytea,
    language      text NOT NULL CHECK (language IN ('ar', 'en')),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    created_at    timestamptz NOT NULL DEFAULT ais_now(),
    expires_at    timestamptz NOT NULL
);
CREATE INDEX registrations_expires_at ON registrations (expires_at);

-- Links that do one thing once. Their token is made from the id by a key outside of the database: none is stored.
CREATE TABLE one_time_links (
    id              uuid PRIMARY KEY DEFAULT uuidv7(),
    purpose         text NOT NULL CHECK (purpose IN ('verify', 'reset')),
    email_lookup    bytea NOT NULL CHECK (length(email_lookup) = 32),
    registration_id uuid REFERENCES registrations ON DELETE CASCADE,
    language        text NOT NULL CHECK (language IN ('ar', 'en')),
    created_at      timestamptz NOT NULL DEFAULT ais_now(),
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    CHECK ((purpose = 'verify') = (registration_id IS NOT NULL))
);
CREATE INDEX one_time_links_expires_at ON one_time_links (expires_at);
CREATE INDEX one_time_links_email_lookup ON one_time_links (email_lookup);
CREATE INDEX one_time_links_registration_id ON one_time_links (registration_id);

-- Tries to sign in by pair of account and address block, counted before the password is looked at.
CREATE TABLE sign_in_tries (
    pair         bytea PRIMARY KEY CHECK (length(pair) = 32),
    tries        integer NOT NULL CHECK (tries > 0),
    began_at     timestamptz NOT NULL,
    locked_until timestamptz
);
CREATE INDEX sign_in_tries_began_at ON sign_in_tries (began_at);

-- Roles are named in the program; a grant may be limited to stations, agencies and channels (null: everywhere).
CREATE TABLE role_grants (
    id         uuid PRIMARY KEY DEFAULT uuidv7(),
    user_id    uuid NOT NULL REFERENCES users,
    role       text NOT NULL CHECK (role ~ '^[a-z_]+$'),
    stations   text[] CHECK (cardinality(stations) > 0),
    agencies   uuid[] CHECK (cardinality(agencies) > 0),
    channels   text[] CHECK (cardinality(channels) > 0),
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT ais_now(),
    revoked_by text,
    revoked_at timestamptz,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX role_grants_live ON role_grants (user_id, role) WHERE revoked_at IS NULL;

-- What a grant changes, the sessions of its user must read anew.
CREATE FUNCTION outdate_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE users SET access_version = access_version + 1 WHERE id = NEW.user_id;
    RETURN NULL;
END $$;
CREATE TRIGGER role_grants_outdate AFTER INSERT OR UPDATE ON role_grants
    FOR EACH ROW EXECUTE FUNCTION outdate_access();

-- Keys of machines: of an agency or a partner. The key itself is shown once; a key is random: a fast hash is enough.
CREATE TABLE api_keys (
    id           uuid PRIMARY KEY DEFAULT uuidv7(),
    hash         bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    agency_id    uuid,
    permissions  text[] NOT NULL,
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT ais_now(),
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_by   text,
    revoked_at   timestamptz,
    CHECK (expires_at > created_at),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX api_keys_agency_id ON api_keys (agency_id) WHERE agency_id IS NOT NULL;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
