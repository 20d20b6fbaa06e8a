"""`Idempotency-Key` as Stripe keeps it.

The first answer of an endpoint that began its work is kept for a day, refusals and errors too, and given again to a
request with the same key and the same parameters. Other parameters under a key are refused, and so is a request whose
key is in use by one that is not finished.
"""

import hashlib
from dataclasses import dataclass

import msgspec

from ais_sandbox.storage import Storage
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.errors import Document, StripeError

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered first under a key."""

    status: int
    body: bytes
    request_id: str


class IdempotencyKeys:
    """The kept answers, and the keys that are in use right now."""

    def __init__(self, storage: Storage) -> None:
        """Open them, creating the table when it is new."""
        self._connection = storage.connection
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS idempotency_keys (key TEXT PRIMARY KEY, path TEXT NOT NULL,"
            " fingerprint TEXT NOT NULL, created INTEGER NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,"
            " request_id TEXT NOT NULL)"
        )
        self._connection.execute("CREATE INDEX IF NOT EXISTS idempotency_keys_created ON idempotency_keys (created)")
        self._in_use: set[str] = set()

    def claim(self, key: str) -> None:
        """Mark a key as in use until `release`. `StripeError` 409 if it is already."""
        self.refuse_if_in_use(key)
        self._in_use.add(key)

    def refuse_if_in_use(self, key: str) -> None:
        """`StripeError` 409 for a key that a request under way uses, 400 for one that is no key."""
        if len(key) > LONGEST_KEY:
            message = f"Invalid idempotency key: keys may be up to {LONGEST_KEY} characters long."
            raise StripeError(400, message, error_type="idempotency_error", executed=False)
        if key in self._in_use:
            message = "There is currently another in-progress request using this Idempotent Key (that probably means "
            message += "you submitted twice, and the other request is still going through): "
            message += f"{key}. Please try again later."
            raise StripeError(
                409, message, error_type="idempotency_error", code="idempotency_key_in_use", executed=False
            )

    def release(self, key: str) -> None:
        """The request with that key is finished."""
        self._in_use.discard(key)

    def find(self, key: str, path: str, fingerprint: str) -> KeptAnswer | None:
        """The kept answer, or None for a new key. `StripeError` 400 if the key was used for something else."""
        row = self._connection.execute("SELECT * FROM idempotency_keys WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        if row["path"] != path:
            message = "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            message += f"('{path}' vs '{row['path']}'). Try using a key other than '{key}' if you meant to execute a "
            raise StripeError(400, message + "different request.", error_type="idempotency_error", executed=False)
        if row["fingerprint"] != fingerprint:
            message = "Keys for idempotent requests can only be used with the same parameters they were first used "
            message += f"with. Try using a key other than '{key}' if you meant to execute a different request."
            raise StripeError(400, message, error_type="idempotency_error", executed=False)
        return KeptAnswer(row["status"], row["body"], row["request_id"])

    def keep(self, key: str, path: str, fingerprint: str, answer: KeptAnswer) -> None:
        """Keep an answer, in the transaction of the work that it answers."""
        values = (key, path, fingerprint, now_seconds(), answer.status, answer.body, answer.request_id)
        self._connection.execute("INSERT INTO idempotency_keys VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def forget_old(self) -> None:
        """Drop the answers that are older than a day."""
        self._connection.execute("DELETE FROM idempotency_keys WHERE created < ?", (now_seconds() - KEPT_SECONDS,))

    def clear(self) -> None:
        """Forget every key, those in use too."""
        self._in_use.clear()
        self._connection.execute("DELETE FROM idempotency_keys")


def fingerprint_of(decoded: Document) -> str:
    """The same for the same parameters, in whatever order they were sent."""
    return hashlib.sha256(msgspec.json.encode(decoded, order="sorted")).hexdigest()
