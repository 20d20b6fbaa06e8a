"""A request that may be repeated has one effect and one answer, whoever repeats it and whenever."""

from __future__ import annotations

import asyncio
import hashlib
import time
from datetime import timedelta
from uuid import UUID

import pytest
from tests.factories.vault import VAULT

from ais.kit import Actor, NotFound, SystemClock, new_uuid
from ais.platform import idempotency
from ais.platform.database import Database
from ais.platform.idempotency import (
    Answer,
    IdempotencyConflict,
    IdempotencyInProgress,
    Operation,
    RequestKey,
    abandon_operation,
    begin_operation,
    complete_operation,
    find_answer,
    fingerprint,
    once,
    remove_expired_records,
)

BODY = {"offer_id": "ofr_1", "passengers": [{"id": "pas_1"}]}
KEY = RequestKey("POST /api/v1/orders guest:1", "key-1", fingerprint(BODY))
OTHER_BODY = RequestKey(KEY.scope, KEY.key, fingerprint({"offer_id": "ofr_2"}))


class Effects:
    """A table whose rows are the effects that requests had."""

    def __init__(self, database: Database, actor: Actor) -> None:
        self.database = database
        self.actor = actor

    async def add(self, uow, identifier: UUID | None = None) -> UUID:
        identifier = identifier or new_uuid()
        await uow.connection.execute("INSERT INTO effects VALUES ($1) ON CONFLICT DO NOTHING", identifier)
        return identifier

    async def work(self, uow) -> Answer:
        return Answer(201, b'{"id":"%s"}' % str(await self.add(uow)).encode())

    async def once(self, request: RequestKey | None = KEY, work=None, database: Database | None = None) -> Answer:
        return await once(database or self.database, self.actor, "correlation", request, work or self.work)

    async def begin(self, request: RequestKey = KEY, begin=None, **options) -> Operation:
        async def write(uow, operation_id: UUID) -> None:
            await self.add(uow, operation_id)

        return await begin_operation(self.database, self.actor, "correlation", request, begin or write, **options)

    async def complete(self, request: RequestKey = KEY, body: bytes = b'{"done":true}') -> None:
        async with self.database.unit_of_work(self.actor) as uow:
            await complete_operation(uow, request, Answer(201, body))

    async def count(self) -> int:
        async with self.database.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM effects")

    async def records(self) -> list[dict]:
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT scope, key, fingerprint, status, answer, lease_until IS NOT NULL AS leased,"
                " date_trunc('second', expires_at - created_at) AS kept FROM idempotency_records ORDER BY scope, key"
            )
        return [dict(row) for row in rows]


@pytest.fixture
async def effects(database, actor):
    async with database.connection() as connection:
        await connection.execute("CREATE TABLE effects (id uuid PRIMARY KEY)")
    return Effects(database, actor)


@pytest.fixture
async def later(database_url, effects):
    """Opens the same database with a clock that is ahead."""
    opened = []

    async def ahead(by: timedelta) -> Database:
        opened.append(await Database.connect(database_url, clock=SystemClock(by), maximum=2, vault=VAULT))
        return opened[-1]

    yield ahead
    for each in opened:
        await each.close()


def test_the_fingerprint_is_sha_256_of_the_canonical_json():
    assert fingerprint({"b": [1, {"d": None, "c": "é"}], "a": 2}) == fingerprint(
        {"a": 2, "b": [1, {"c": "é", "d": None}]}
    )
    assert fingerprint({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').digest()
    assert fingerprint([1, 2]) != fingerprint([2, 1])


def test_a_derived_id_is_the_same_for_the_same_request_and_another_for_any_other():
    assert KEY.derived_id("hold") == RequestKey(KEY.scope, KEY.key, KEY.fingerprint).derived_id("hold")
    others = {
        KEY.derived_id("hold"),
        KEY.derived_id("hold 2"),
        OTHER_BODY.derived_id("hold"),
        RequestKey(KEY.scope, "key-2", KEY.fingerprint).derived_id("hold"),
        RequestKey("POST /other", KEY.key, KEY.fingerprint).derived_id("hold"),
    }
    assert len(others) == 5
    assert {identifier.version for identifier in others} == {5}


async def test_a_repeat_gets_the_stored_answer_status_and_all(effects: Effects):
    first = await effects.once()
    again = await effects.once()
    assert (first.status, first.replayed) == (201, False)
    assert again == Answer(201, first.body, replayed=True)
    assert await effects.count() == 1
    assert await effects.records() == [
        {
            "scope": KEY.scope,
            "key": KEY.key,
            "fingerprint": KEY.fingerprint,
            "status": 201,
            "answer": first.body,
            "leased": False,
            "kept": timedelta(hours=24),
        }
    ]


async def test_the_same_key_with_another_body_is_a_conflict_that_changes_nothing(effects: Effects):
    first = await effects.once()
    with pytest.raises(IdempotencyConflict) as refused:
        await effects.once(OTHER_BODY)
    assert (refused.value.code, refused.value.status, refused.value.retryable) == ("IDEMPOTENCY_CONFLICT", 409, False)
    assert await effects.count() == 1
    assert (await effects.records())[0]["answer"] == first.body


async def test_another_scope_is_another_request(effects: Effects):
    await effects.once()
    await effects.once(RequestKey("POST /api/v1/orders guest:2", KEY.key, KEY.fingerprint))
    assert await effects.count() == 2


async def test_without_a_key_nothing_is_recorded(effects: Effects):
    await effects.once(None)
    await effects.once(None)
    assert (await effects.count(), await effects.records()) == (2, [])


@pytest.mark.parametrize("problem", [NotFound, RuntimeError])
async def test_a_refusal_changes_nothing_stores_nothing_and_leaves_the_key_free(effects: Effects, problem):
    async def refuse(uow) -> Answer:
        await effects.add(uow)
        raise problem

    with pytest.raises(problem):
        await effects.once(work=refuse)
    assert (await effects.count(), await effects.records()) == (0, [])
    assert (await effects.once(OTHER_BODY)).replayed is False
    assert await effects.count() == 1


async def twenty(effects: Effects) -> list[Answer]:
    async def slow(uow) -> Answer:
        answer = await effects.work(uow)
        await asyncio.sleep(0.05)
        return answer

    return await asyncio.gather(*(effects.once(work=slow) for _ in range(20)))


async def test_twenty_at_once_have_one_effect_and_one_answer(effects: Effects):
    answers = await twenty(effects)
    assert await effects.count() == 1
    assert len({answer.body for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 19


async def test_control_without_the_record_twenty_have_twenty_effects(effects: Effects, monkeypatch):
    async def no_guard(*_arguments) -> None:
        return None

    monkeypatch.setattr(idempotency, "store_answer", no_guard)
    await twenty(effects)
    assert await effects.count() == 20


async def test_a_twin_waits_for_the_answer_and_replays_it(effects: Effects):
    working = asyncio.Event()

    async def slow(uow) -> Answer:
        answer = await effects.work(uow)
        working.set()
        await asyncio.sleep(0.5)
        return answer

    first = asyncio.create_task(effects.once(work=slow))
    await working.wait()
    twin = await effects.once()
    assert twin == Answer(201, (await first).body, replayed=True)
    assert await effects.count() == 1


async def test_a_twin_waits_two_seconds_at_most_and_is_told_to_come_again(effects: Effects):
    working, go_on = asyncio.Event(), asyncio.Event()

    async def stuck(uow) -> Answer:
        answer = await effects.work(uow)
        working.set()
        await go_on.wait()
        return answer

    first = asyncio.create_task(effects.once(work=stuck))
    await working.wait()
    began = time.monotonic()
    with pytest.raises(IdempotencyInProgress) as refused:
        await effects.once()
    assert 1.9 <= time.monotonic() - began < 10.0
    assert (refused.value.code, refused.value.status) == ("IDEMPOTENCY_IN_PROGRESS", 409)
    assert (refused.value.retryable, refused.value.retry_after_seconds) == (True, 1)
    go_on.set()
    answer = await first
    assert await effects.once() == Answer(201, answer.body, replayed=True)
    assert await effects.count() == 1


async def test_the_twins_patience_does_not_shorten_the_work_s_own(effects: Effects):
    async def look(uow) -> Answer:
        return Answer(200, (await uow.connection.fetchval("SHOW lock_timeout")).encode())

    assert (await effects.once(work=look)).body == b"5s"


async def test_an_answer_is_kept_for_twenty_four_hours(effects: Effects, later):
    first = await effects.once()
    almost = await later(timedelta(hours=23, minutes=59, seconds=30))
    assert await effects.once(database=almost) == Answer(201, first.body, replayed=True)
    over = await later(timedelta(hours=24, seconds=1))
    second = await effects.once(OTHER_BODY, database=over)
    assert second.replayed is False
    assert await effects.count() == 2
    assert [record["answer"] for record in await effects.records()] == [second.body]
    assert (await effects.records())[0]["kept"] == timedelta(hours=24)


async def test_expired_records_are_removed_and_no_others(effects: Effects, later, actor):
    for number in range(5):
        await effects.once(RequestKey(KEY.scope, f"old-{number}", KEY.fingerprint))
    over = await later(timedelta(hours=24, seconds=1))
    await effects.once(RequestKey(KEY.scope, "new", KEY.fingerprint), database=over)
    async with over.unit_of_work(actor) as uow:
        assert await remove_expired_records(uow, limit=3) == 3
    async with over.unit_of_work(actor) as uow:
        assert await remove_expired_records(uow, limit=3) == 2
    assert [record["key"] for record in await effects.records()] == ["new"]


async def test_an_operation_is_recorded_as_started_and_then_as_answered(effects: Effects):
    operation = await effects.begin()
    assert operation.answer is None
    (record,) = await effects.records()
    assert (record["status"], record["answer"], record["leased"]) == (None, None, True)
    async with effects.database.connection() as connection:
        assert await find_answer(connection, KEY, VAULT) is None
    await effects.complete()
    assert await effects.begin() == Operation(operation.id, Answer(201, b'{"done":true}', replayed=True))
    (record,) = await effects.records()
    assert (record["status"], record["answer"], record["leased"]) == (201, b'{"done":true}', False)
    assert await effects.count() == 1


async def test_an_operation_s_twin_waits_and_replays(effects: Effects):
    operation = await effects.begin()
    twin = asyncio.create_task(effects.begin())
    await asyncio.sleep(0.3)
    assert not twin.done()
    await effects.complete()
    assert await twin == Operation(operation.id, Answer(201, b'{"done":true}', replayed=True))


async def test_an_operation_s_twin_waits_two_seconds_at_most(effects: Effects):
    await effects.begin()
    began = time.monotonic()
    with pytest.raises(IdempotencyInProgress):
        await effects.begin()
    assert 1.9 <= time.monotonic() - began < 10.0
    assert await effects.count() == 1


async def test_a_twin_waits_no_longer_while_the_first_one_still_writes_its_beginning(effects: Effects):
    working, go_on = asyncio.Event(), asyncio.Event()

    async def stuck(uow, operation_id: UUID) -> None:
        await effects.add(uow, operation_id)
        working.set()
        await go_on.wait()

    first = asyncio.create_task(effects.begin(begin=stuck))
    await working.wait()
    began = time.monotonic()
    with pytest.raises(IdempotencyInProgress):
        await effects.begin()
    assert 1.9 <= time.monotonic() - began < 10.0
    go_on.set()
    await first
    assert await effects.count() == 1


async def test_after_its_lease_an_operation_is_resumed_under_the_same_id(effects: Effects):
    first = await effects.begin(lease=timedelta(seconds=0.3))
    seen = []

    async def resume(uow, operation_id: UUID) -> None:
        seen.append(operation_id)
        await effects.add(uow, operation_id)

    second = await effects.begin(begin=resume)
    assert second == Operation(first.id, None)
    assert seen == [first.id]
    assert await effects.count() == 1
    with pytest.raises(IdempotencyInProgress):
        await effects.begin()


async def test_an_abandoned_operation_is_resumed_at_once(effects: Effects):
    first = await effects.begin()
    await abandon_operation(effects.database, KEY)
    began = time.monotonic()
    assert await effects.begin() == Operation(first.id, None)
    assert time.monotonic() - began < 1.5
    await effects.complete()
    await abandon_operation(effects.database, KEY)
    assert (await effects.begin()).answer == Answer(201, b'{"done":true}', replayed=True)


async def test_another_body_is_a_conflict_before_and_after_the_answer(effects: Effects):
    await effects.begin()
    with pytest.raises(IdempotencyConflict):
        await effects.begin(OTHER_BODY)
    await effects.complete()
    with pytest.raises(IdempotencyConflict):
        await effects.begin(OTHER_BODY)
    assert await effects.count() == 1


async def test_a_beginning_that_is_refused_stores_nothing(effects: Effects):
    async def refuse(uow, operation_id: UUID) -> None:
        await effects.add(uow, operation_id)
        raise NotFound

    with pytest.raises(NotFound):
        await effects.begin(begin=refuse)
    assert (await effects.count(), await effects.records()) == (0, [])
    assert (await effects.begin(OTHER_BODY)).answer is None


async def test_an_answer_whose_settlement_fails_is_not_stored(effects: Effects):
    await effects.begin()

    async def settle_and_fail() -> None:
        async with effects.database.unit_of_work(effects.actor) as uow:
            await complete_operation(uow, KEY, Answer(201, b"{}"))
            raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        await settle_and_fail()
    assert [record["status"] for record in await effects.records()] == [None]


async def test_of_twenty_operations_at_once_one_runs(effects: Effects):
    async def run() -> UUID:
        operation = await effects.begin()
        if operation.answer is None:
            await asyncio.sleep(0.05)
            await effects.complete()
        return operation.id

    identifiers = await asyncio.gather(*(run() for _ in range(20)))
    assert len(set(identifiers)) == 1
    assert await effects.count() == 1


async def test_control_without_the_record_twenty_operations_run(effects: Effects, monkeypatch):
    async def no_guard(*_arguments) -> Operation:
        return Operation(new_uuid(), None)

    monkeypatch.setattr(idempotency, "_start_or_resume", no_guard)
    await asyncio.gather(*(effects.begin() for _ in range(20)))
    assert await effects.count() == 20
