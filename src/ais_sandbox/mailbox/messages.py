"""The messages that were taken, in SQLite, and how one of them reads."""

import email.policy
import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from ais_sandbox.storage import Storage

MOST_KEPT = 10_000
_PARSER = BytesParser(policy=email.policy.default)


class Summary(msgspec.Struct, kw_only=True):
    """One line of the list. `recipients` are those of the envelope, to which it would have been delivered."""

    id: int
    received_at: datetime
    mail_from: str
    recipients: list[str]
    subject: str
    message_id: str
    size_bytes: int


class Message(Summary, kw_only=True):
    """A whole message: its headers as a mail program shows them, and its parts; None for a part that it lacks."""

    from_header: str
    to_header: str
    sent_at: datetime | None
    language: str | None
    headers: list[tuple[str, str]]
    text: str | None
    html: str | None


class Messages:
    """What was taken, the newest first; beyond the newest 10,000 the oldest are forgotten."""

    def __init__(self, storage: Storage) -> None:
        """Create the table when it is new."""
        self._storage = storage
        self._connection = storage.connection
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY AUTOINCREMENT, received_at REAL NOT NULL,"
            " mail_from TEXT NOT NULL, recipients TEXT NOT NULL, subject TEXT NOT NULL, message_id TEXT NOT NULL,"
            " raw BLOB NOT NULL)"
        )
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS deliveries (recipient TEXT NOT NULL, message INTEGER NOT NULL"
            " REFERENCES messages ON DELETE CASCADE, PRIMARY KEY (recipient, message)) WITHOUT ROWID"
        )
        self._connection.execute("CREATE INDEX IF NOT EXISTS deliveries_message ON deliveries (message)")

    def add(self, mail_from: str, recipients: Sequence[str], raw: bytes) -> int:
        """Keep a message; its number. It is durable when this returns."""
        parsed = _parse(raw)
        with self._storage.transaction():
            number = self._connection.execute(
                "INSERT INTO messages (received_at, mail_from, recipients, subject, message_id, raw)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    datetime.now(UTC).timestamp(),
                    mail_from,
                    json.dumps(list(recipients)),
                    _header(parsed, "Subject"),
                    _header(parsed, "Message-ID"),
                    raw,
                ),
            ).lastrowid
            assert number is not None
            self._connection.executemany(
                "INSERT OR IGNORE INTO deliveries VALUES (?, ?)", [(each.lower(), number) for each in recipients]
            )
            self._connection.execute("DELETE FROM messages WHERE id <= ?", (number - MOST_KEPT,))
        return number

    def find(self, recipient: str | None = None, limit: int = 100, before: int | None = None) -> list[Summary]:
        """The newest messages, of one recipient if it is given; `before` goes on after the last of an earlier list."""
        rows = self._connection.execute(
            "SELECT id, received_at, mail_from, recipients, subject, message_id, length(raw) AS size_bytes"
            " FROM messages WHERE (?1 IS NULL OR id IN (SELECT message FROM deliveries WHERE recipient = lower(?1)))"
            " AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
            (recipient, before, limit),
        )
        return [Summary(**_row(row)) for row in rows]

    def get(self, number: int) -> Message | None:
        """One message, taken apart; None if there is none of this number."""
        row = self._connection.execute(
            "SELECT id, received_at, mail_from, recipients, subject, message_id, length(raw) AS size_bytes, raw"
            " FROM messages WHERE id = ?",
            (number,),
        ).fetchone()
        if row is None:
            return None
        parsed = _parse(row["raw"])
        values = _row(row)
        del values["raw"]
        return Message(
            **values,
            from_header=_header(parsed, "From"),
            to_header=_header(parsed, "To"),
            sent_at=_sent_at(parsed),
            language=_header(parsed, "Content-Language") or None,
            headers=[(name, str(value)) for name, value in parsed.items()],
            text=_part(parsed, "plain"),
            html=_part(parsed, "html"),
        )

    def raw(self, number: int) -> bytes | None:
        """The message as it came over the wire, its line ends included."""
        row = self._connection.execute("SELECT raw FROM messages WHERE id = ?", (number,)).fetchone()
        return None if row is None else bytes(row["raw"])

    def remove(self, number: int | None = None) -> int:
        """Forget one message, or all; how many those were."""
        return self._connection.execute("DELETE FROM messages WHERE ?1 IS NULL OR id = ?1", (number,)).rowcount

    def count(self) -> int:
        """How many there are."""
        return int(self._connection.execute("SELECT count(*) FROM messages").fetchone()[0])


def _row(row: sqlite3.Row) -> dict[str, Any]:
    values: dict[str, Any] = dict(row)
    values["received_at"] = datetime.fromtimestamp(row["received_at"], UTC)
    values["recipients"] = json.loads(row["recipients"])
    return values


def _parse(raw: bytes) -> EmailMessage:
    parsed = _PARSER.parsebytes(raw)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _header(parsed: EmailMessage, name: str) -> str:
    value = parsed[name]
    return "" if value is None else str(value)


def _sent_at(parsed: EmailMessage) -> datetime | None:
    try:
        return parsedate_to_datetime(_header(parsed, "Date"))
    except ValueError:
        return None


def _part(parsed: EmailMessage, kind: str) -> str | None:
    """The text of the body's part of that kind; what cannot be decoded shows as replacement characters."""
    part = parsed.get_body((kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except LookupError:
        # A character set that does not exist.
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else None
