"""The staff queue: one open entry per matter, closed by whom and when, and gone with a transaction that fails."""

from __future__ import annotations

import pytest

from ais.kit import Actor
from ais.platform.database import Database
from ais.platform.staff_queue import ask_staff, list_staff_queue, resolve_staff_queue


async def entries(database: Database) -> list[tuple]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT kind, subject, details, resolved_at IS NULL AS open, resolved_by FROM staff_queue ORDER BY id"
        )
    return [tuple(row) for row in rows]


async def test_a_matter_is_asked_once_until_it_is_resolved(database: Database, actor: Actor):
    for attempt in (1, 2):
        async with database.unit_of_work(actor) as uow:
            await ask_staff(uow, "payments.wrong_amount", "pay_1", attempt=attempt)
    assert await entries(database) == [("payments.wrong_amount", "pay_1", {"attempt": 1}, True, None)]
    async with database.unit_of_work(actor) as uow:
        await ask_staff(uow, "payments.wrong_amount", "pay_2")
        await ask_staff(uow, "ticketing.numbers_exhausted", "pay_1")
    assert len(await entries(database)) == 3
    async with database.unit_of_work(actor) as uow:
        assert await resolve_staff_queue(uow, "payments.wrong_amount", "pay_1")
        assert not await resolve_staff_queue(uow, "payments.wrong_amount", "pay_1")
    assert (await entries(database))[0] == ("payments.wrong_amount", "pay_1", {"attempt": 1}, False, "system:test")
    async with database.unit_of_work(actor) as uow:
        await ask_staff(uow, "payments.wrong_amount", "pay_1", attempt=3)
    assert (await entries(database))[-1] == ("payments.wrong_amount", "pay_1", {"attempt": 3}, True, None)


async def test_an_entry_leaves_with_the_transaction_that_fails(database: Database, actor: Actor):
    async def ask_and_fail() -> None:
        async with database.unit_of_work(actor) as uow:
            await ask_staff(uow, "payments.wrong_amount", "pay_1")
            raise RuntimeError("given up")

    with pytest.raises(RuntimeError):
        await ask_and_fail()
    assert await entries(database) == []


async def test_open_entries_come_first_and_the_longest_open_before_all(database: Database, actor: Actor):
    for kind, subject in (("refund_failed", "ref_1"), ("payment_unknown", "pay_1"), ("refund_failed", "ref_2")):
        async with database.unit_of_work(actor) as uow:
            await ask_staff(uow, kind, subject, failure_code="lost")
    for subject in ("ref_1", "ref_2"):
        async with database.unit_of_work(actor) as uow:
            await resolve_staff_queue(uow, "refund_failed", subject)
    async with database.unit_of_work(actor) as uow:
        await ask_staff(uow, "refund_failed", "ref_1")
    async with database.connection() as connection:
        waiting = await list_staff_queue(connection)
        every = await list_staff_queue(connection, with_resolved=True)
        first = await list_staff_queue(connection, with_resolved=True, limit=1)
    assert [(each.subject, each.details) for each in waiting] == [
        ("pay_1", {"failure_code": "lost"}),
        ("ref_1", {}),
    ]
    assert [(each.subject, each.resolved_by) for each in every] == [
        ("pay_1", None),
        ("ref_1", None),
        ("ref_2", "system:test"),
        ("ref_1", "system:test"),
    ]
    assert first == every[:1]
