"""What is always true of stored accounts, one statement each: ``ais verify`` runs them."""

from __future__ import annotations

from ais.platform.invariants import Invariant

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "accounts.only_active_accounts_have_sessions",
        "An account that is locked or closed has no session that goes on.",
        """SELECT session.id, users.id AS user_id, users.status
        FROM sessions AS session JOIN users ON users.id = session.user_id
        WHERE users.status <> 'active' AND session.ended_at IS NULL""",
    ),
    Invariant(
        "accounts.one_refresh_token_is_open",
        "Of a phone's session the newest refresh token alone is unused, and generations have no gap.",
        """SELECT session_id, count(*) AS tokens, max(generation) AS newest
        FROM refresh_tokens GROUP BY session_id
        HAVING count(*) <> max(generation) + 1
            OR array_agg(generation) FILTER (WHERE used_at IS NULL) IS DISTINCT FROM ARRAY[max(generation)]""",
    ),
    Invariant(
        "accounts.links_make_one_account",
        "Of the links of a registration that made an account none can be used any more.",
        """SELECT link.id, users.id AS user_id
        FROM one_time_links AS link JOIN registrations ON registrations.id = link.registration_id
        JOIN users ON users.person_id = registrations.person_id
        WHERE link.used_at IS NULL""",
    ),
    Invariant(
        "accounts.addresses_are_claimed",
        "An account has claimed the hash that it is found by, and only an account that has an address claims any.",
        """SELECT users.id, claim.lookup IS NULL AS unclaimed
        FROM users LEFT JOIN address_claims AS claim ON claim.lookup = email_lookup AND claim.user_id = users.id
        WHERE email_lookup IS NOT NULL AND claim.lookup IS NULL
        UNION ALL
        SELECT users.id, false FROM users JOIN address_claims AS claim ON claim.user_id = users.id
        WHERE email_lookup IS NULL""",
    ),
    Invariant(
        "accounts.found_by_a_key_in_use",
        "No account is found by a lookup key that was dropped.",
        """SELECT users.id, lookup_key FROM users JOIN lookup_keys ON lookup_keys.id = lookup_key
        WHERE dropped_at IS NOT NULL AND email_lookup IS NOT NULL""",
    ),
)
