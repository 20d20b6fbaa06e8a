"""Each promise about stored inventory is broken on purpose and seen named."""

from __future__ import annotations

import pytest
from tests.factories.inventory import broken_promises, claim_of, open_flights

from ais.inventory import INVARIANTS, ClaimItem, SeatDesk, confirm_hold

PLANTED = {
    "inventory.counters_equal_holds": "UPDATE hold_items SET seats = seats + 1 WHERE state = 'sold'",
    "inventory.totals_equal_classes": "UPDATE leg_cabins SET held = held + 1",
    "inventory.within_authorisation": "UPDATE leg_cabins SET authorised = 4, limits[1] = 4, excess = 1",
    "inventory.limits_descend": "UPDATE leg_cabins SET limits[3] = limits[2] + 1",
    "inventory.holds_resolved_once": "UPDATE hold_items SET state = 'released' WHERE state = 'held'",
    "inventory.no_early_expiry": "UPDATE hold_items SET expires_at = expires_at + interval '1 hour'",
    "inventory.expired_holds_swept": """UPDATE holds SET created_at = created_at - interval '2 hours',
        expires_at = expires_at - interval '1 hour' WHERE status = 'active'""",
    "inventory.next_expiry_not_late": "UPDATE leg_cabins SET next_expiry_at = NULL",
    "inventory.successor_of_expired": """UPDATE holds SET replaces = (SELECT id FROM holds WHERE status = 'active')
        WHERE status = 'confirmed'""",
    "inventory.infants_counted": "UPDATE leg_infants SET sold = sold + 1",
}


def test_every_promise_has_a_violation_to_plant():
    assert sorted(PLANTED) == sorted(invariant.name for invariant in INVARIANTS)


@pytest.mark.parametrize("name", sorted(PLANTED))
async def test_a_planted_violation_is_named(database, actor, name):
    [flight] = await open_flights(database, configuration="Y20")
    desk = SeatDesk(database)
    await desk.start()
    items = [ClaimItem(flight.leg_ids[0], "Y", "M", 2, 1), ClaimItem(flight.leg_ids[0], "Y", "Q", 3)]
    hold, _ = [await desk.claim(claim_of(item)) for item in items]
    await desk.stop()
    async with database.unit_of_work(actor) as uow:
        await confirm_hold(uow, hold.id)
    assert await broken_promises(database) == []
    async with database.connection() as connection:
        await connection.execute(
            "ALTER TABLE leg_cabins DROP CONSTRAINT leg_cabins_totals, DROP CONSTRAINT leg_cabins_within_authorisation"
        )
        await connection.execute(PLANTED[name])
    assert name in await broken_promises(database)
