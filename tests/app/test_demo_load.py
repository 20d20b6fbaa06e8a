"""The demo airline as it stands in the database after its files went in."""

from __future__ import annotations

from ais.kit import SystemClock
from ais.platform.database import Database
from ais.schedule import cabin_layout


async def test_every_leg_has_the_seats_of_its_aircraft_with_their_exits(shared_market_url):
    database = await Database.connect(shared_market_url, clock=SystemClock(), maximum=2)
    try:
        async with database.connection() as connection:
            rows = await connection.fetch("SELECT DISTINCT aircraft_type, cabin_layout_id FROM legs ORDER BY 1")
            assert [row["aircraft_type"] for row in rows] == ["320", "AT7"]
            airbus, turboprop = [await cabin_layout(connection, row["cabin_layout_id"]) for row in rows]
    finally:
        await database.close()
    assert [row.row for row in airbus.rows if row.is_exit] == [11, 12]
    assert airbus.seats_by_cabin == {"C": 12, "Y": 138}
    assert turboprop.rows[0].is_exit
    assert turboprop.rows[0].seat_numbers == ("1D", "1F")
    assert turboprop.seats_by_cabin == {"Y": 70}
