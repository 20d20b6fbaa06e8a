"""What happens later by itself: a payment leaves `processing`, a refund settles, a session expires.

Each is a row, so that a restart forgets none of them. A deadline is a time that the client was told: it waits for the
clock, while the rest may be done ahead of its time.
"""

from dataclasses import dataclass

from ais_sandbox.storage import Storage


@dataclass(frozen=True, slots=True)
class Transition:
    """One thing to do: `action` names the function, `object_id` its object."""

    sequence: int
    action: str
    object_id: str


class Schedule:
    """The rows of what is still to happen."""

    def __init__(self, storage: Storage) -> None:
        """Open the schedule, creating its table when it is new."""
        self._connection = storage.connection
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS scheduled (sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
            " due_at REAL NOT NULL, action TEXT NOT NULL, object_id TEXT NOT NULL)"
        )
        storage.add_missing_column("scheduled", "deadline", "INTEGER NOT NULL DEFAULT 0")
        self._connection.execute("CREATE INDEX IF NOT EXISTS scheduled_due ON scheduled (due_at)")
        self._connection.execute("CREATE INDEX IF NOT EXISTS scheduled_object ON scheduled (object_id)")

    def add(self, action: str, object_id: str, due_at: float, *, deadline: bool = False) -> None:
        """Have `action` done to the object at `due_at`."""
        statement = "INSERT INTO scheduled (due_at, action, object_id, deadline) VALUES (?, ?, ?, ?)"
        self._connection.execute(statement, (due_at, action, object_id, deadline))

    def take_due(self, now: float | None) -> Transition | None:
        """Remove and return the first that is due at `now`; with None, the first of all that are no deadlines."""
        clause = "WHERE NOT deadline" if now is None else "WHERE due_at <= :now"
        statement = (
            "DELETE FROM scheduled WHERE sequence = (SELECT sequence FROM scheduled "  # noqa: S608 - constant clauses
            f"{clause} ORDER BY due_at, sequence LIMIT 1) RETURNING sequence, action, object_id"
        )
        row = self._connection.execute(statement, {} if now is None else {"now": now}).fetchone()
        return None if row is None else Transition(row["sequence"], row["action"], row["object_id"])

    def count(self) -> int:
        """How many things are still to be done, deadlines apart."""
        return int(self._connection.execute("SELECT count(*) FROM scheduled WHERE NOT deadline").fetchone()[0])

    def next_due(self) -> float | None:
        """When the next is due, or None."""
        due: float | None = self._connection.execute("SELECT min(due_at) FROM scheduled").fetchone()[0]
        return due

    def drop(self, object_id: str) -> None:
        """Forget what was to happen to the object."""
        self._connection.execute("DELETE FROM scheduled WHERE object_id = ?", (object_id,))

    def bring_forward(self, seconds: float) -> None:
        """Have everything but deadlines happen `seconds` earlier."""
        self._connection.execute("UPDATE scheduled SET due_at = due_at - ? WHERE NOT deadline", (seconds,))

    def clear(self) -> None:
        """Forget everything."""
        self._connection.execute("DELETE FROM scheduled")
