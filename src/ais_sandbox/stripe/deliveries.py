"""Webhook endpoints, the queue of what is still to be posted to them, and the log of every attempt.

A delivery is one copy of one event for one endpoint. It stays in the queue until an answer with a 2xx status, or until
its attempts are used up; both survive a restart.
"""

from dataclasses import dataclass

from ais_sandbox.storage import Storage
from ais_sandbox.stripe.clock import now_exact
from ais_sandbox.stripe.errors import Document

_SCHEMA = """
CREATE TABLE IF NOT EXISTS webhook_endpoints (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    enabled_events TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'dropped')),
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at, sequence) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event_id);
CREATE TABLE IF NOT EXISTS attempts (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery INTEGER NOT NULL,
    number INTEGER NOT NULL,
    started_at REAL NOT NULL,
    duration_seconds REAL NOT NULL,
    status INTEGER,
    error TEXT
);
CREATE INDEX IF NOT EXISTS attempts_delivery ON attempts (delivery);
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where webhooks go. `enabled_events` are types or `*`."""

    endpoint_id: str
    url: str
    secret: str
    enabled_events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A copy of an event that waits to be posted."""

    sequence: int
    event_id: str
    endpoint_id: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt as it went; `status` is None when there was no answer, and `error` says why."""

    started_at: float
    duration_seconds: float
    status: int | None
    error: str | None


class Deliveries:
    """The queue and the log."""

    def __init__(self, storage: Storage) -> None:
        """Open them, creating their tables when they are new."""
        self._storage = storage
        self._connection = storage.connection
        self._connection.executescript(_SCHEMA)
        self._endpoints: dict[str, Endpoint] = {}
        self._read_endpoints()

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """Add an endpoint or replace the one of the same id."""
        values = (endpoint.endpoint_id, endpoint.url, endpoint.secret, " ".join(endpoint.enabled_events))
        self._connection.execute("INSERT OR REPLACE INTO webhook_endpoints VALUES (?, ?, ?, ?)", values)
        self._read_endpoints()

    def remove_endpoint(self, endpoint_id: str) -> None:
        """Remove an endpoint; what was still to be posted to it has failed."""
        self._connection.execute("DELETE FROM webhook_endpoints WHERE id = ?", (endpoint_id,))
        statement = "UPDATE deliveries SET state = 'failed' WHERE state = 'pending' AND endpoint_id = ?"
        self._connection.execute(statement, (endpoint_id,))
        self._read_endpoints()

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The endpoint of that id; `KeyError` if there is none."""
        return self._endpoints[endpoint_id]

    def endpoints_for(self, event_type: str) -> list[Endpoint]:
        """The endpoints that want events of a type."""
        return [
            endpoint
            for endpoint in self._endpoints.values()
            if "*" in endpoint.enabled_events or event_type in endpoint.enabled_events
        ]

    def plan(self, event_id: str, event_type: str, endpoint: Endpoint, after_seconds: list[float]) -> None:
        """Queue one copy for each entry of `after_seconds`; with none, note that the event was dropped."""
        now = now_exact()
        statement = "INSERT INTO deliveries (event_id, event_type, endpoint_id, state, due_at) VALUES (?, ?, ?, ?, ?)"
        if not after_seconds:
            self._connection.execute(statement, (event_id, event_type, endpoint.endpoint_id, "dropped", now))
        for seconds in after_seconds:
            values = (event_id, event_type, endpoint.endpoint_id, "pending", now + seconds)
            self._connection.execute(statement, values)

    def due(self, now: float, most: int, busy: set[int]) -> list[Delivery]:
        """Up to `most` deliveries whose time has come, in the order they are due, without those that are under way."""
        rows = self._connection.execute(
            "SELECT sequence, event_id, endpoint_id, attempts FROM deliveries WHERE state = 'pending' AND due_at <= ?"
            " ORDER BY due_at, sequence LIMIT ?",
            (now, most + len(busy)),
        )
        free = [Delivery(*row) for row in rows if row["sequence"] not in busy]
        return free[:most]

    def next_due(self, busy: set[int]) -> float | None:
        """When the next delivery that is not under way is due, or None."""
        rows = self._connection.execute(
            "SELECT sequence, due_at FROM deliveries WHERE state = 'pending' ORDER BY due_at, sequence LIMIT ?",
            (len(busy) + 1,),
        )
        return next((float(row["due_at"]) for row in rows if row["sequence"] not in busy), None)

    def note(self, delivery: Delivery, attempt: Attempt, retry_at: float | None) -> None:
        """Log an attempt: delivered on a 2xx status, else again at `retry_at`, else failed for good."""
        if attempt.status is not None and 200 <= attempt.status < 300:
            state, due_at = "delivered", attempt.started_at
        elif retry_at is not None:
            state, due_at = "pending", retry_at
        else:
            state, due_at = "failed", attempt.started_at
        number = delivery.attempts + 1
        with self._storage.transaction():
            self._connection.execute(
                "UPDATE deliveries SET state = ?, due_at = ?, attempts = ? WHERE sequence = ?",
                (state, due_at, number, delivery.sequence),
            )
            # A reset may have emptied the queue while this attempt was under way.
            self._connection.execute(
                "INSERT INTO attempts (delivery, number, started_at, duration_seconds, status, error)"
                " SELECT sequence, ?, ?, ?, ?, ? FROM deliveries WHERE sequence = ?",
                (number, attempt.started_at, attempt.duration_seconds, attempt.status, attempt.error,
                 delivery.sequence),
            )  # fmt: skip

    def make_due(self) -> int:
        """Have everything that waits be posted now; how many those are."""
        statement = "UPDATE deliveries SET due_at = ? WHERE state = 'pending' AND due_at > ?"
        now = now_exact()
        return self._connection.execute(statement, (now, now)).rowcount

    def bring_forward(self, seconds: float) -> None:
        """Have everything that waits be posted `seconds` earlier."""
        self._connection.execute("UPDATE deliveries SET due_at = due_at - ? WHERE state = 'pending'", (seconds,))

    def log(self, event_id: str | None, state: str | None, limit: int) -> list[Document]:
        """Deliveries with their attempts, newest first."""
        clauses, values = ["1"], []
        for column, wanted in (("event_id", event_id), ("state", state)):
            if wanted is not None:
                clauses.append(f"{column} = ?")
                values.append(wanted)
        statement = f"SELECT * FROM deliveries WHERE {' AND '.join(clauses)} ORDER BY sequence DESC LIMIT {limit}"  # noqa: S608  # the clauses are constants, the limit a number
        rows = self._connection.execute(statement, values).fetchall()
        return [self._shown(dict(row)) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        rows = self._connection.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
        return dict.fromkeys(("pending", "delivered", "failed", "dropped"), 0) | {row[0]: row[1] for row in rows}

    def pending_endpoints(self, event_id: str) -> int:
        """How many endpoints an event is still to be posted to."""
        statement = "SELECT count(DISTINCT endpoint_id) FROM deliveries WHERE event_id = ? AND state = 'pending'"
        return int(self._connection.execute(statement, (event_id,)).fetchone()[0])

    def clear(self) -> None:
        """Forget queue and log."""
        self._connection.execute("DELETE FROM attempts")
        self._connection.execute("DELETE FROM deliveries")

    def _shown(self, row: Document) -> Document:
        attempts = self._connection.execute(
            "SELECT number, started_at, duration_seconds, status, error FROM attempts WHERE delivery = ?"
            " ORDER BY sequence",
            (row["sequence"],),
        )
        return {
            "id": row["sequence"],
            "event": row["event_id"],
            "type": row["event_type"],
            "endpoint": row["endpoint_id"],
            "state": row["state"],
            "due_at": row["due_at"],
            "attempts": [dict(attempt) for attempt in attempts],
        }

    def _read_endpoints(self) -> None:
        rows = self._connection.execute("SELECT id, url, secret, enabled_events FROM webhook_endpoints ORDER BY id")
        self._endpoints = {
            row["id"]: Endpoint(row["id"], row["url"], row["secret"], tuple(row["enabled_events"].split()))
            for row in rows
        }
