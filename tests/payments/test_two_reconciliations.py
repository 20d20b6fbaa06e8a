"""Two reconciliations beside each other put what they found before staff, whatever order they found it in."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from ais.kit import new_uuid
from ais.payments.reconciliation import Kind, Outcome, Report, Row, Window
from ais.payments.service import reconcile as reconcile_module
from ais.payments.service.reconcile import Reconciler, _tell_staff
from ais.platform.staff_queue import list_staff_queue

OBJECTS = [f"pi_{number:03}" for number in range(60)]


def found(database, objects):
    now = database.clock.now()
    rows = [Row(kind=Kind.PAYMENT, object_id=each, outcome=Outcome.FAILED, reason="unknown") for each in objects]
    return Report(
        id=new_uuid(), provider="stripe", window=Window(now, now), is_dry_run=False, started_at=now, rows=rows
    )


@pytest.fixture
def patience_seconds():
    """How long one waits for the other, which may itself wait for a lock of the one."""
    return 0.3


@pytest.fixture
def side_by_side(monkeypatch, patience_seconds):
    """Whoever has put its first finding waits a moment for the other to have done so too."""
    first, ask_staff = set(), reconcile_module.ask_staff
    both = asyncio.Event()

    async def ask(uow, *arguments, **details):
        await ask_staff(uow, *arguments, **details)
        if uow not in first:
            first.add(uow)
            if len(first) % 2 == 0:
                both.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_seconds):
                    await both.wait()

    monkeypatch.setattr(reconcile_module, "ask_staff", ask)


async def tell_both(database, actor, *, failed, agreed):
    """Two runs that found the same the other way round."""
    run = Reconciler(database, None, None, None, actor, "test")
    reports = (found(database, failed), found(database, failed[::-1]))
    return await asyncio.gather(*(_tell_staff(run, each, set(agreed)) for each in reports), return_exceptions=True)


async def waiting(database):
    async with database.connection() as connection:
        return sorted(matter.subject for matter in await list_staff_queue(connection))


@pytest.mark.usefixtures("side_by_side")
async def test_what_both_found_waits_once_and_is_closed_once_when_it_agrees(database, actor):
    assert await tell_both(database, actor, failed=OBJECTS, agreed=()) == [None, None]
    assert await waiting(database) == [f"stripe:{each}" for each in OBJECTS]
    assert await tell_both(database, actor, failed=OBJECTS[:20], agreed=OBJECTS[20:]) == [None, None]
    assert await waiting(database) == [f"stripe:{each}" for each in OBJECTS[:20]]


@pytest.mark.usefixtures("side_by_side")
@pytest.mark.parametrize("patience_seconds", [30])
async def test_control_in_the_order_in_which_they_found_it_one_of_them_fails(database, actor, monkeypatch):
    monkeypatch.setattr(
        reconcile_module, "sorted", lambda found, key=None: list(found), raising=False
    )  # as sorted is called
    ended = await tell_both(database, actor, failed=OBJECTS, agreed=())
    assert [type(each) for each in ended if each is not None] == [asyncpg.DeadlockDetectedError]
