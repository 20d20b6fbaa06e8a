"""The staff queue: one open entry per matter, closed by whom and when, and gone with a transaction that fails."""

from __future__ import annotations

import pytest

from ais.kit import Actor
from ais.platform.database import Database
from ais.platform.staff_queue import ask_staff, resolve_staff_queue


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
