"""Idempotency: a request that may be repeated has one effect and one answer.

The scope is method, concrete path and caller; the fingerprint is the SHA-256 of the canonical JSON body. A record and
the change it stands for commit together. Only 2xx answers are stored, for 24 hours, without secrets: what is secret is
added again to each answer by the endpoint. A refusal changes nothing and stores nothing.

An answer that names persons is sealed under the key of the one it was given to (``Answer.person``), and goes with it.

Two shapes, one table:

* :func:`once` runs work that is one transaction.
* :func:`begin_operation`, :func:`complete_operation` serve work with a call to the outside in the middle: the record is
  committed as started, with a lease, before the call; a repeat after the lease resumes the same operation id.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import msgspec

from ais.kit import Actor, AppError, new_uuid
from ais.kit.ids import PersonId
from ais.platform.database import LOCK_TIMEOUT, Connection, Database, UnitOfWork
from ais.platform.vault import PersonKey, Vault

TWIN_WAIT_SECONDS = 2.0
_POLL_SECONDS = 0.05
LEAST_ANONYMOUS_KEY = 32
SEALED_AS = "idempotency_records.answer"
# Parts of the statement that meets the twin: where its row is made it sets how long that is waited for, and where it
# has written that other locks are waited for as usual again.
_WAIT_FOR_TWIN = f"set_config('lock_timeout', '{TWIN_WAIT_SECONDS:.0f}s', true)"
_WAIT_AS_USUAL = f"set_config('lock_timeout', '{LOCK_TIMEOUT}', true)"
_NAMESPACE = UUID("6f0c7a52-3e0b-5b0e-9c51-2f6b7f5f1a77")


class IdempotencyKeyRequired(AppError):
    """Seats or money would move and the request carries no key."""

    code = "IDEMPOTENCY_KEY_REQUIRED"
    status = 400
    message = "This request needs an Idempotency-Key header."


class IdempotencyConflict(AppError):
    """The key was used before, with another body."""

    code = "IDEMPOTENCY_CONFLICT"
    status = 409
    message = "This Idempotency-Key was already used with another request body."


class IdempotencyInProgress(AppError):
    """A request with this key is being worked on right now."""

    code = "IDEMPOTENCY_IN_PROGRESS"
    status = 409
    retryable = True
    retry_after_seconds = 1
    message = "The first request with this Idempotency-Key is still being worked on."


class AnswerErased(AppError):
    """The stored answer was sealed for a person who has been erased since."""

    code = "ANSWER_ERASED"
    status = 410
    message = "The answer to this request has been erased together with the personal data in it."


class RequestKey(msgspec.Struct, frozen=True):
    """What makes two requests the same one."""

    scope: str
    key: str
    fingerprint: bytes

    def derived_id(self, purpose: str) -> UUID:
        """An id (UUIDv5) that a repeat of this very request derives again: same scope, key and body."""
        return uuid5(_NAMESPACE, f"{purpose}\n{self.scope}\n{self.key}\n{self.fingerprint.hex()}")


class Answer(msgspec.Struct, frozen=True):
    """A 2xx answer: ``body`` is JSON without secrets. With a ``person`` it is stored sealed for that person."""

    status: int
    body: bytes
    replayed: bool = False
    person: PersonKey | None = None

    @property
    def stored(self) -> bytes:
        """The body as it rests."""
        return self.body if self.person is None else self.person.seal(SEALED_AS, self.body)

    @property
    def person_id(self) -> PersonId | None:
        """For whom it rests sealed."""
        return None if self.person is None else self.person.id


class Operation(msgspec.Struct, frozen=True):
    """A started operation: a repeat gets the same ``id``; ``answer`` is set once it is complete."""

    id: UUID
    answer: Answer | None


def fingerprint(body: Any) -> bytes:
    """SHA-256 of the canonical JSON (keys sorted) of a decoded body."""
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).digest()


async def find_answer(connection: Connection, request: RequestKey, vault: Vault) -> Answer | None:
    """The stored answer of an earlier, completed request; raises :class:`IdempotencyConflict` for another body and
    :class:`AnswerErased`.
    """
    row = await connection.fetchrow(
        f"SELECT fingerprint, status, {_STORED} WHERE scope = $1 AND key = $2 AND expires_at > ais_now()",
        request.scope,
        request.key,
    )
    if row is None:
        return None
    if row["fingerprint"] != request.fingerprint:
        raise IdempotencyConflict
    return _answer(row, vault) if row["status"] is not None else None


# With each record the key of the person it is sealed for, if it is and that key still exists.
_STORED = """answer, person_id, kek_id, wrapped_key
    FROM idempotency_records LEFT JOIN person_keys ON person_keys.id = person_id"""


def _answer(row: asyncpg.Record, vault: Vault) -> Answer:
    if row["person_id"] is None:
        return Answer(row["status"], row["answer"], replayed=True)
    if row["wrapped_key"] is None:
        raise AnswerErased
    person = vault.unwrap(row["person_id"], row["kek_id"], row["wrapped_key"])
    return Answer(row["status"], person.open_bytes(SEALED_AS, row["answer"]), replayed=True)


async def store_answer(uow: UnitOfWork, request: RequestKey, answer: Answer) -> Answer | None:
    """Write the answer in the running unit of work, before the change it answers for.

    Answers None if the record is ours. If a twin's record stands there, the unit of work must be given up and the
    twin's answer, which is returned, is the answer. A twin in progress is waited for, at most two seconds, by the row's
    lock: then :class:`IdempotencyInProgress`.
    """
    try:
        inserted = await uow.connection.fetchval(
            f"""
            INSERT INTO idempotency_records AS record
                (scope, key, fingerprint, operation_id, status, answer, person_id)
            SELECT $1, $2, $3, $4, $5, $6, $7 FROM {_WAIT_FOR_TWIN}
            ON CONFLICT (scope, key) DO UPDATE SET
                fingerprint = excluded.fingerprint, operation_id = excluded.operation_id, status = excluded.status,
                answer = excluded.answer, person_id = excluded.person_id, lease_until = NULL, created_at = ais_now(),
                expires_at = ais_now() + interval '24 hours'
            WHERE record.expires_at <= ais_now()
            RETURNING true, {_WAIT_AS_USUAL}
            """,  # noqa: S608  # constants
            request.scope,
            request.key,
            request.fingerprint,
            new_uuid(),
            answer.status,
            answer.stored,
            answer.person_id,
        )
    except asyncpg.LockNotAvailableError:
        raise IdempotencyInProgress from None
    if inserted:
        return None
    twin = await find_answer(uow.connection, request, uow.vault)
    if twin is None:
        raise IdempotencyInProgress
    return twin


class _Superseded(Exception):
    """Not an error: the twin's answer leaves through it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


async def once(
    database: Database,
    actor: Actor,
    correlation_id: str,
    request: RequestKey | None,
    work: Callable[[UnitOfWork], Awaitable[Answer]],
) -> Answer:
    """Run ``work`` in one unit of work and store its answer with it; a repeat gets the stored answer instead.

    ``request`` None (a route where the key is optional, and none came) runs the work without a record.
    """
    if request is None:
        async with database.unit_of_work(actor, correlation_id) as uow:
            return await work(uow)
    async with database.connection() as connection:
        stored = await find_answer(connection, request, database.vault)
    if stored is not None:
        return stored
    try:
        async with database.unit_of_work(actor, correlation_id) as uow:
            placeholder = Answer(200, b"{}")
            twin = await store_answer(uow, request, placeholder)
            if twin is not None:
                raise _Superseded(twin)
            answer = await work(uow)
            await uow.connection.execute(
                "UPDATE idempotency_records SET status = $3, answer = $4, person_id = $5 WHERE scope = $1 AND key = $2",
                request.scope,
                request.key,
                answer.status,
                answer.stored,
                answer.person_id,
            )
            return answer
    except _Superseded as superseded:
        return superseded.answer


async def begin_operation(
    database: Database,
    actor: Actor,
    correlation_id: str,
    request: RequestKey,
    begin: Callable[[UnitOfWork, UUID], Awaitable[None]],
    *,
    lease: timedelta = timedelta(seconds=30),
) -> Operation:
    """Commit the record as started together with what ``begin`` writes, and hold a lease on it.

    A twin within the lease waits up to two seconds for the answer, then :class:`IdempotencyInProgress`. After the lease
    (the first one died), the caller takes it over and gets the same operation id; ``begin`` must then find what it
    wrote before and go on with it.
    """
    deadline = asyncio.get_running_loop().time() + TWIN_WAIT_SECONDS
    while True:
        async with database.unit_of_work(actor, correlation_id) as uow:
            operation = await _start_or_resume(uow, request, lease)
            if operation is not None:
                if operation.answer is None:
                    await begin(uow, operation.id)
                return operation
        if asyncio.get_running_loop().time() >= deadline:
            raise IdempotencyInProgress
        await asyncio.sleep(_POLL_SECONDS)


async def _start_or_resume(uow: UnitOfWork, request: RequestKey, lease: timedelta) -> Operation | None:
    """The operation if it is ours to run or already complete; None while a twin holds the lease."""
    connection = uow.connection
    try:
        started = await connection.fetchval(
            f"""
            INSERT INTO idempotency_records (scope, key, fingerprint, operation_id, lease_until)
            SELECT $1, $2, $3, $4, ais_now() + $5::interval FROM {_WAIT_FOR_TWIN}
            ON CONFLICT (scope, key) DO NOTHING RETURNING operation_id, {_WAIT_AS_USUAL}
            """,  # noqa: S608  # constants
            request.scope,
            request.key,
            request.fingerprint,
            new_uuid(),
            lease,
        )
    except asyncpg.LockNotAvailableError:
        raise IdempotencyInProgress from None
    if started is not None:
        return Operation(started, None)
    await connection.execute(f"SELECT {_WAIT_AS_USUAL}")
    row = await connection.fetchrow(
        f"""
        SELECT fingerprint, operation_id, status, lease_until <= ais_now() AS lapsed,
               expires_at <= ais_now() AS expired, {_STORED}
        WHERE scope = $1 AND key = $2 FOR UPDATE OF idempotency_records
        """,
        request.scope,
        request.key,
    )
    if row is None:
        return None
    if row["expired"]:
        await connection.execute(
            "DELETE FROM idempotency_records WHERE scope = $1 AND key = $2", request.scope, request.key
        )
        return None
    if row["fingerprint"] != request.fingerprint:
        raise IdempotencyConflict
    if row["status"] is not None:
        return Operation(row["operation_id"], _answer(row, uow.vault))
    if not row["lapsed"]:
        return None
    await connection.execute(
        "UPDATE idempotency_records SET lease_until = ais_now() + $3 WHERE scope = $1 AND key = $2",
        request.scope,
        request.key,
        lease,
    )
    return Operation(row["operation_id"], None)


async def hold_operation(uow: UnitOfWork, request: RequestKey) -> None:
    """Lock the record of a running operation before anything else that settling it locks."""
    await uow.connection.execute(
        "SELECT FROM idempotency_records WHERE scope = $1 AND key = $2 FOR UPDATE", request.scope, request.key
    )


async def complete_operation(uow: UnitOfWork, request: RequestKey, answer: Answer) -> None:
    """Store the answer of an operation that has settled, in the unit of work that settles it."""
    await uow.connection.execute(
        "UPDATE idempotency_records SET status = $3, answer = $4, person_id = $5, lease_until = NULL"
        " WHERE scope = $1 AND key = $2",
        request.scope,
        request.key,
        answer.status,
        answer.stored,
        answer.person_id,
    )


async def abandon_operation(database: Database, request: RequestKey) -> None:
    """End the lease of an operation that was refused or broke, so that the same key may be tried again at once."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE idempotency_records SET lease_until = ais_now() WHERE scope = $1 AND key = $2 AND status IS NULL",
            request.scope,
            request.key,
        )


async def remove_expired_records(uow: UnitOfWork, *, limit: int = 5000) -> int:
    """Delete records past their 24 hours; answers how many."""
    rows = await uow.connection.fetch(
        """
        DELETE FROM idempotency_records WHERE (scope, key) IN (
            SELECT scope, key FROM idempotency_records WHERE expires_at <= (SELECT ais_now())
            LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING 1
        """,
        limit,
    )
    return len(rows)


async def forget_answers(uow: UnitOfWork, *, sealed_for: PersonId, erased: PersonId) -> None:
    """Forget the answers sealed for a person that name somebody who has been erased: a repeat gets AnswerErased.

    They hold nothing more, and belong from now on to ``erased``, whose key is gone.
    """
    await uow.connection.execute(
        "UPDATE idempotency_records SET answer = '', person_id = $2 WHERE person_id = $1 AND answer IS NOT NULL",
        sealed_for,
        erased,
    )
