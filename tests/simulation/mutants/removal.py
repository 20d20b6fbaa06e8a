"""How a guard is taken away: in the code of a function, in the body of a function of the database, or from its tables.

Each removal fails with :class:`GuardIsGone` if what it is to remove is not there exactly once, so that a guard that was
renamed or rewritten is noticed and not silently left standing.
"""

from __future__ import annotations
import __future__

import importlib
import inspect
import textwrap
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import asyncpg


class GuardIsGone(AssertionError):
    """What is to be removed is not where the table says."""


def _replaced(text: str, where: str, edits: Sequence[tuple[str, str]]) -> str:
    for old, new in edits:
        if text.count(old) != 1:
            raise GuardIsGone(f"{where} has {text.count(old)} times {old!r}, and should have it once")
        text = text.replace(old, new)
    return text


@dataclass(frozen=True)
class Code:
    """Text in the source of a function, ``module:function`` or ``module:Class.method``, is replaced.

    The function object stays and gets other code, so that every module that imported it runs the changed one.
    """

    place: str
    edits: tuple[tuple[str, str], ...]

    @contextmanager
    def removed(self) -> Iterator[None]:
        function = self._function()
        source = textwrap.dedent(inspect.getsource(function))
        changed = compile(
            _replaced(source, self.place, self.edits),
            f"<{self.place} without its guard>",
            "exec",
            flags=__future__.annotations.compiler_flag,
            dont_inherit=True,
        )
        before = function.__code__
        function.__code__ = next(
            each for each in changed.co_consts if isinstance(each, CodeType) and each.co_name == function.__name__
        )
        try:
            yield
        finally:
            function.__code__ = before

    def _function(self) -> FunctionType:
        module, _, path = self.place.partition(":")
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            if not hasattr(found, name):
                raise GuardIsGone(f"there is no {self.place}")
            found = getattr(found, name)
        if not isinstance(found, FunctionType):
            raise GuardIsGone(f"{self.place} is no plain function")
        return found


@dataclass(frozen=True)
class Body:
    """Text in the body of a function of the database is replaced."""

    function: str
    edits: tuple[tuple[str, str], ...]

    async def remove(self, connection: Any) -> None:
        text = await connection.fetchval("SELECT pg_get_functiondef($1::text::regproc)", self.function)
        await connection.execute(_replaced(text, self.function, self.edits))


@dataclass(frozen=True)
class Dropped:
    """A constraint or a trigger of a table, or an index (then without a table), is dropped."""

    kind: str
    name: str
    table: str | None = None

    async def remove(self, connection: Any) -> None:
        where = f"ALTER TABLE {self.table} DROP" if self.kind == "CONSTRAINT" else "DROP"
        on = f" ON {self.table}" if self.kind == "TRIGGER" else ""
        try:
            await connection.execute(f'{where} {self.kind} "{self.name}"{on}')
        except asyncpg.UndefinedObjectError as gone:
            raise GuardIsGone(f"the database has no {self.kind.lower()} {self.name}") from gone


Removal = Code | Body | Dropped


def code(place: str, *edits: tuple[str, str]) -> Code:
    """:class:`Code`, shorter."""
    return Code(place, edits)


def body(function: str, *edits: tuple[str, str]) -> Body:
    """:class:`Body`, shorter."""
    return Body(function, edits)


def check(table: str, name: str) -> Dropped:
    """A CHECK or unique constraint."""
    return Dropped("CONSTRAINT", name, table)


def trigger(table: str, name: str) -> Dropped:
    """A trigger."""
    return Dropped("TRIGGER", name, table)


def index(name: str) -> Dropped:
    """A unique index."""
    return Dropped("INDEX", name)


@asynccontextmanager
async def removed(removals: Sequence[Removal], database_url: str) -> AsyncIterator[None]:
    """The guard is away until the block ends; what was changed in the database stays so, for that is thrown away."""
    connection = await asyncpg.connect(database_url)
    try:
        for each in removals:
            if not isinstance(each, Code):
                await each.remove(connection)
    finally:
        await connection.close()
    with ExitStack() as stack:
        for each in removals:
            if isinstance(each, Code):
                stack.enter_context(each.removed())
        yield
