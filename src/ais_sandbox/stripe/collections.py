"""The objects of the simulated account, one table for each kind.

An object is kept as the JSON document that the API shows, with the fields that lists filter by beside it.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ais_sandbox.storage import Storage
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.errors import Document, StripeError, no_such
from ais_sandbox.stripe.parameters import Parameters

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Document).decode

LARGEST_PAGE, USUAL_PAGE = 100, 10
# An index on what has few values costs each insert more than it saves a list.
_FEW_VALUES = frozenset({"currency", "customer", "status", "type"})


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of object: its table, its name in refusals, the prefix of its ids, and what lists may filter by.

    A filter with a dot, such as `customer_details.email`, is a member of a member that may be null. `numbers` are
    members that are summed or compared in SQL; those of them in `times` are filtered by as `created` is. `present`
    brings up to date what changes with time alone.
    """

    table: str
    name: str
    prefix: str
    filters: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    present: Callable[[Document], Document] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that hold the filters' values."""
        return tuple(name.replace(".", "_") for name in self.filters)

    def values(self, document: Document) -> list[object]:
        """The values of the filters and of the numbers of an object."""
        values = [document[name] if "." not in name else _member(document, name) for name in self.filters]
        return values + [document[name] for name in self.numbers]


def _with_status(transaction: Document) -> Document:
    transaction["status"] = "available" if transaction["available_on"] <= now_seconds() else "pending"
    return transaction


PAYMENT_METHODS = Kind("payment_methods", "PaymentMethod", "pm", ("type",))
PAYMENT_INTENTS = Kind("payment_intents", "payment_intent", "pi", ("customer",))
CHARGES = Kind("charges", "charge", "ch", ("customer", "payment_intent"))
REFUNDS = Kind("refunds", "refund", "re", ("charge", "payment_intent"))
CHECKOUT_SESSIONS = Kind(
    "checkout_sessions", "checkout.session", "cs", ("customer", "payment_intent", "status", "customer_details.email")
)
DISPUTES = Kind("disputes", "dispute", "du", ("charge", "payment_intent"))
BALANCE_TRANSACTIONS = Kind(
    "balance_transactions",
    "balance_transaction",
    "txn",
    ("currency", "source", "type"),
    numbers=("net", "available_on"),
    present=_with_status,
)
PAYOUTS = Kind("payouts", "payout", "po", ("status",), numbers=("arrival_date",), times=("arrival_date",))
EVENTS = Kind("events", "event", "evt", ("type",))
WEBHOOK_ENDPOINTS = Kind("endpoints", "webhook endpoint", "we")

KINDS = (
    PAYMENT_METHODS,
    PAYMENT_INTENTS,
    CHARGES,
    REFUNDS,
    CHECKOUT_SESSIONS,
    DISPUTES,
    BALANCE_TRANSACTIONS,
    PAYOUTS,
    EVENTS,
    WEBHOOK_ENDPOINTS,
)


class Collection:
    """The objects of one kind. Every method is one statement or two; transactions are the caller's."""

    def __init__(self, storage: Storage, kind: Kind) -> None:
        """Open the collection, creating its table when it is new."""
        self.kind = kind
        self._connection = storage.connection
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {kind.table} (sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
            f" id TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, body BLOB NOT NULL)"
        )
        for name in kind.columns:
            storage.add_missing_column(kind.table, name, "TEXT")
            if name in _FEW_VALUES:
                continue
            index = f"CREATE INDEX IF NOT EXISTS {kind.table}_{name} ON {kind.table} ({name}, sequence)"
            self._connection.execute(index)
        for name in kind.numbers:
            storage.add_missing_column(kind.table, name, "INTEGER")
        columns = kind.columns + kind.numbers
        names = "".join(f", {name}" for name in columns)
        marks = ", ?" * len(columns)
        self._insert = f"INSERT INTO {kind.table} (id, created, body{names}) VALUES (?, ?, ?{marks})"  # noqa: S608 - names from KINDS
        assignments = "".join(f", {name} = ?" for name in columns)
        self._update = f"UPDATE {kind.table} SET body = ?{assignments} WHERE id = ?"  # noqa: S608  # names of tables and columns are constants of this program
        self._select = f"SELECT body FROM {kind.table} WHERE id = ?"  # noqa: S608  # names of tables and columns are constants of this program

    def insert(self, document: Document) -> int:
        """Keep a new object and return its place in the order of creation."""
        values = self.kind.values(document)
        row = (document["id"], document["created"], _encode(document), *values)
        return self._connection.execute(self._insert, row).lastrowid or 0

    def save(self, document: Document) -> None:
        """Replace an object that exists."""
        values = self.kind.values(document)
        self._connection.execute(self._update, (_encode(document), *values, document["id"]))

    def find(self, object_id: str) -> Document | None:
        """The object, or None."""
        row = self._connection.execute(self._select, (object_id,)).fetchone()
        return None if row is None else self._read(row)

    def delete(self, object_id: str) -> None:
        """Forget one object."""
        self._connection.execute(f"DELETE FROM {self.kind.table} WHERE id = ?", (object_id,))  # noqa: S608  # names of tables and columns are constants of this program

    def get(self, object_id: str, *, param: str = "id", status: int = 404) -> Document:
        """The object; `StripeError` as for an id that names nothing."""
        document = self.find(object_id)
        if document is None:
            raise no_such(self.kind.name, object_id, param=param, status=status)
        return document

    def all_where(self, column: str, value: str) -> list[Document]:
        """Objects by one of their filters, newest first, without pages."""
        statement = f"SELECT body FROM {self.kind.table} WHERE {column} = ? ORDER BY sequence DESC"  # noqa: S608  # names of tables and columns are constants of this program
        return [self._read(row) for row in self._connection.execute(statement, (value,))]

    def page(self, parameters: Parameters, url: str, *narrowed: tuple[str, object]) -> Document:
        """Read filters, `created` and pagination from the parameters and return Stripe's list object.

        `narrowed` are further conditions in SQL, each with its one value.
        """
        clauses: list[str] = [clause for clause, _ in narrowed]
        values: list[object] = [value for _, value in narrowed]
        for name, column in zip(self.kind.filters, self.kind.columns, strict=True):
            wanted = _take_filter(parameters, name)
            if wanted is not None:
                clauses.append(f"{column} GLOB ?" if name == "type" else f"{column} = ?")
                values.append(wanted)
        if self.kind is EVENTS:
            types = parameters.take_list("types")
            if types:
                clauses.append("(" + " OR ".join(["type GLOB ?"] * len(types)) + ")")
                values.extend(types)
        for name in ("created", *self.kind.times):
            _read_interval(parameters, name, clauses, values)
        limit = parameters.take_integer("limit", least=1)
        limit = USUAL_PAGE if limit is None else min(limit, LARGEST_PAGE)
        starting_after, ending_before = parameters.take_text("starting_after"), parameters.take_text("ending_before")
        parameters.finish()
        if starting_after is not None and ending_before is not None:
            message = "You cannot parameterize both starting_after and ending_before in a single request."
            raise StripeError(400, message, code="parameters_exclusive", param="starting_after", executed=False)
        backwards = ending_before is not None
        if starting_after is not None:
            clauses.append("sequence < ?")
            values.append(self._sequence(starting_after, "starting_after"))
        elif ending_before is not None:
            clauses.append("sequence > ?")
            values.append(self._sequence(ending_before, "ending_before"))
        where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
        order = "ASC" if backwards else "DESC"
        statement = f"SELECT body FROM {self.kind.table}{where} ORDER BY sequence {order} LIMIT {limit + 1}"  # noqa: S608  # names of tables and columns are constants of this program
        rows = [self._read(row) for row in self._connection.execute(statement, values)]
        shown = rows[:limit]
        if backwards:
            shown.reverse()
        return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": shown}

    def clear(self) -> None:
        """Forget every object, and the order of creation with them."""
        self._connection.execute(f"DELETE FROM {self.kind.table}")  # noqa: S608  # names of tables and columns are constants of this program
        self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (self.kind.table,))

    def _read(self, row: sqlite3.Row) -> Document:
        document = _decode(row["body"])
        return document if self.kind.present is None else self.kind.present(document)

    def _sequence(self, object_id: str, param: str) -> int:
        statement = f"SELECT sequence FROM {self.kind.table} WHERE id = ?"  # noqa: S608  # names of tables and columns are constants of this program
        row = self._connection.execute(statement, (object_id,)).fetchone()
        if row is None:
            raise no_such(self.kind.name, object_id, param=param, status=400)
        return int(row["sequence"])


class Undisclosed:
    """What the account knows of an object and the API does not show, such as the payment data of a session."""

    def __init__(self, storage: Storage) -> None:
        """Open it, creating its table when it is new."""
        self._connection = storage.connection
        self._connection.execute("CREATE TABLE IF NOT EXISTS undisclosed (id TEXT PRIMARY KEY, body BLOB NOT NULL)")

    def put(self, object_id: str, facts: Document) -> None:
        """Keep the facts of an object, in place of former ones."""
        self._connection.execute("INSERT OR REPLACE INTO undisclosed VALUES (?, ?)", (object_id, _encode(facts)))

    def get(self, object_id: str) -> Document:
        """The facts of an object, empty if there are none."""
        row = self._connection.execute("SELECT body FROM undisclosed WHERE id = ?", (object_id,)).fetchone()
        return {} if row is None else _decode(row["body"])

    def clear(self) -> None:
        """Forget everything but what belongs to webhook endpoints, which stay."""
        self._connection.execute("DELETE FROM undisclosed WHERE id NOT GLOB 'we_*'")


def _member(document: Document, path: str) -> object:
    head, _, tail = path.partition(".")
    inner = document[head]
    return None if inner is None else inner[tail]


def _take_filter(parameters: Parameters, name: str) -> str | None:
    head, _, tail = name.partition(".")
    if not tail:
        return parameters.take_text(name)
    given = parameters.take_hash(head)
    if given is None:
        return None
    wanted = given.need_text(tail)
    given.finish()
    return wanted


def _read_interval(parameters: Parameters, member: str, clauses: list[str], values: list[object]) -> None:
    """A time, or bounds such as `created[gte]`."""
    wanted = parameters.take_json(member)
    if wanted is None:
        return
    if isinstance(wanted, str):
        wanted = {"": wanted}
    if not isinstance(wanted, dict):
        message = f"Invalid {member}"
        raise StripeError(400, message, param=member, executed=False)
    bounds = Parameters(wanted, member)
    for name, sign in (("", "="), ("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")):
        bound = bounds.take_integer(name)
        if bound is not None:
            clauses.append(f"{member} {sign} ?")
            values.append(bound)
    bounds.finish()
