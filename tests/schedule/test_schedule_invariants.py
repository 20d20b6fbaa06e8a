"""Each promise about the stored schedule holds after imports, and a planted violation is named."""

import pytest
from tests.factories.ssim import SUMMER, network, schedule_text

from ais.platform.invariants import find_violations
from ais.schedule import INVARIANTS, import_ssim

pytestmark = pytest.mark.anyio

PLANTED = {
    "schedule.legs_connect": """
        UPDATE legs SET origin = 'ABT' WHERE id = (SELECT max(id) FROM legs WHERE sequence = 2)
    """,
    "schedule.segments_follow_legs": """
        UPDATE segments SET departs_at = departs_at - interval '1 minute' WHERE id = (SELECT min(id) FROM segments)
    """,
    "schedule.every_pair_is_a_segment": """
        DELETE FROM segments WHERE id = (SELECT max(id) FROM segments WHERE off_sequence = 2)
    """,
    "schedule.cancelled_flights_have_nothing_flown": """
        UPDATE flight_dates SET status = 'cancelled', cancelled_by = 'schedule'
        WHERE id = (SELECT id FROM flight_dates LIMIT 1)
    """,
    "schedule.only_passenger_flights_are_sold": """
        UPDATE segments SET on_sale = true WHERE id = (
            SELECT max(segments.id) FROM segments JOIN flight_dates AS flight ON flight.id = flight_date_id
            WHERE service_type = 'F'
        )
    """,
    "schedule.flights_lie_in_a_validity": """
        UPDATE schedule_data_sets SET validity = daterange(lower(validity) + 1, upper(validity))
    """,
}


async def test_a_planted_violation_of_each_is_named(database, actor, reference):
    async with database.unit_of_work(actor) as uow:
        await import_ssim(uow, schedule_text(network()), reference=reference, until=SUMMER[1])
    assert await find_violations(database, INVARIANTS) == []
    assert set(PLANTED) == {invariant.name for invariant in INVARIANTS}
    for name, statement in PLANTED.items():
        async with database.connection() as connection:
            backup = connection.transaction()
            await backup.start()
            await connection.execute(statement)
            broken = {
                invariant.name
                for invariant in INVARIANTS
                if await connection.fetch(f"SELECT * FROM ({invariant.sql}) AS offending")
            }
            await backup.rollback()
        assert name in broken
