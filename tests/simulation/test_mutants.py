"""Each guard in the list can be taken away, and a storm without it finds that out."""

from __future__ import annotations

import asyncpg
import pytest
from tests.factories.market import market_template
from tests.simulation.mutants.__main__ import hunt
from tests.simulation.mutants.guards import GUARDS, guard
from tests.simulation.mutants.removal import Code, GuardIsGone, check, code, removed, trigger
from tests.simulation.storm.field import open_field

from ais.payments.service.refund import require_refundable

SEEDS = range(1, 4)


@pytest.fixture(scope="module")
async def field(anyio_backend: object):
    async with open_field() as opened:
        yield opened


def test_there_are_thirty_guards_and_more_each_with_a_name_of_its_own():
    assert len({each.name for each in GUARDS}) == len(GUARDS) >= 30


async def test_each_removal_finds_what_it_removes(field):
    """A guard that is renamed or rewritten fails here, and is not silently left standing in a storm."""
    template = market_template(field.servers)
    with field.servers.database(template) as url:
        connection = await asyncpg.connect(url)
        for each in GUARDS:
            undone = connection.transaction()
            await undone.start()
            for removal in each.removals:
                if isinstance(removal, Code):
                    with removal.removed():
                        pass
                else:
                    await removal.remove(connection)
            await undone.rollback()
        await connection.close()


async def test_what_is_not_there_cannot_be_removed(field):
    gone = (
        code("ais.orders.repository:lock_order_row", (" FOR NO KEY UPDATE", "")),
        code("ais.orders.repository:locked_order", (" FOR UPDATE", "")),
        check("payments", "payments_check99"),
        trigger("payments", "payments_states"),
    )
    with field.servers.database(market_template(field.servers)) as url:
        for removal in gone:
            with pytest.raises(GuardIsGone):
                async with removed((removal,), url):
                    pass


async def test_a_removal_ends_with_its_block(field):
    before = require_refundable.__code__
    with field.servers.database(market_template(field.servers)) as url:
        async with removed(guard("refund cap").removals, url):
            assert require_refundable.__code__ is not before
    assert require_refundable.__code__ is before


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "name", ["settle once", pytest.param("audit entry of an order's move", marks=pytest.mark.slow)]
)
async def test_a_storm_finds_that_a_guard_is_gone(field, name):
    found = await hunt(field, guard(name), SEEDS)
    assert found.seed is not None, f"make mutants ARGS='--only \"{name}\" --seeds 3'"
