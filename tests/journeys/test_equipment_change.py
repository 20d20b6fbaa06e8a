"""A smaller aircraft comes onto a sold flight by a new schedule file: nobody is lost, nothing more is sold."""

from __future__ import annotations

import asyncio
import json

from tests.factories.shopper import days_ahead, expect, new_key, order_request

FLIGHT = "633"
PARTIES = [9] * 9
SOLD = sum(PARTIES)
BUSINESS = 2
# 70 seats and three per cent of overbooking, rounded down.
AUTHORISED_AFTER = 72


async def direct_offers(shopper, day, adults, cabin="economy"):
    offers = await shopper.search("RUH", "BEY", day, [{"type": "adult"}] * adults, cabin=cabin, max_connections=0)
    return [offer for offer in offers if offer["slices"][0]["segments"][0]["flight_number"] == FLIGHT]


async def ordered(shopper, day, adults):
    """An order by the cheapest offer; a search may show seats that went within the last second."""
    for _ in range(40):
        [offer, *_] = await direct_offers(shopper, day, adults)
        answer = await shopper.ask_for_order(order_request(offer), new_key())
        if answer.status_code == 201:
            return answer.json()
        assert answer.json()["error"]["code"] == "SEATS_UNAVAILABLE"
        await asyncio.sleep(0.1)
    raise AssertionError("the search goes on showing seats that are gone")


async def cabins(stored, day):
    async with stored.connection() as connection:
        rows = await connection.fetch(
            """
            SELECT cabin, capacity, authorised, excess, held + sold AS taken, aircraft_type, configuration
            FROM leg_cabins JOIN legs ON legs.id = leg_id JOIN flight_dates ON flight_dates.id = legs.flight_date_id
            WHERE flight_number = $1 AND departure_date = $2
            """,
            int(FLIGHT),
            day,
        )
    return {row["cabin"]: dict(row) for row in rows}


def with_a_turboprop(schedule: str) -> str:
    """The same schedule, but the flight is an ATR 72 without business seats, which is 35 minutes slower."""
    lines = []
    for line in schedule.split("\n"):
        if line.startswith(f"3 9Z  {FLIGHT}"):
            assert (line[36:39], line[54:57], line[72:75], line[172:180]) == ("RUH", "BEY", "320", "C12Y138V")
            assert line[57:61] == line[61:65] == "1435", line
            line = f"{line[:57]}15101510{line[65:72]}AT7{'YBMHQKLVT':<20}{line[95:172]}{'Y70VV72':<20}{line[192:]}"  # noqa: PLW2901  # the changed record takes the line's place
        lines.append(line)
    assert lines != schedule.split("\n")
    return "\n".join(lines)


async def day_of_the_flight(shopper):
    """A day on which it operates, which it does on every other one."""
    return days_ahead(29) if await direct_offers(shopper, days_ahead(29), 9) else days_ahead(30)


async def sold_orders(shopper, day):
    """Paid orders in both cabins, more than the smaller aircraft has seats for."""
    orders = [await ordered(shopper, day, adults) for adults in PARTIES]
    [offer, *_] = await direct_offers(shopper, day, BUSINESS, "business")
    orders.append(await shopper.order(offer))
    await asyncio.gather(*(shopper.pay(order) for order in orders))
    for order in orders:
        await shopper.wait_for(order, "confirmed")
    return orders


def reported_change(program, day, file, *arguments):
    """What an import of the file says of the flight."""
    until = days_ahead(39).isoformat()
    done = program.command("schedule", "import", "--json", "--until", until, *arguments, str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    [change] = [
        each
        for each in json.loads(done.stdout)["changes"]
        if (each["flight"], each["departure_date"]) == (f"9Z{FLIGHT}", day.isoformat())
    ]
    assert {*change["kinds"]} >= {"equipment", "retimed"}
    assert (change["seats_sold"], change["passengers"]) == (SOLD + BUSINESS, SOLD + BUSINESS + 1)


async def recorded_excess(stored, day):
    """Each cabin that was sold beyond its authorisation by this, with how many seats, by whom and why."""
    async with stored.connection() as connection:
        return await connection.fetch(
            """
            SELECT inventory_adjustments.cabin, excess_after, actor, reason FROM inventory_adjustments
            JOIN legs ON legs.id = leg_id JOIN flight_dates ON flight_dates.id = legs.flight_date_id
            WHERE flight_number = $1 AND departure_date = $2 AND excess_after > 0
            """,
            int(FLIGHT),
            day,
        )


async def require_closed(shopper, day, offer):
    """Nothing more is sold: neither by a search nor by an offer from before."""
    for _ in range(50):
        if not await direct_offers(shopper, day, 1):
            break
        await asyncio.sleep(0.1)
    assert await direct_offers(shopper, day, 1) == []
    assert await direct_offers(shopper, day, 1, "business") == []
    refused = await shopper.ask_for_order(order_request(offer), new_key())
    assert refused.json()["error"]["code"] in {"OFFER_EXPIRED", "SEATS_UNAVAILABLE"}


async def when_told(shopper, order):
    """The order once its segment says that the schedule has changed."""
    for _ in range(100):
        present = await shopper.read(order)
        [segment] = present["slices"][0]["segments"]
        if segment["status_code"] == "TK":
            break
        await asyncio.sleep(0.1)
    assert (segment["status"], segment["status_code"]) == ("schedule_changed", "TK")
    return present


async def test_a_smaller_aircraft_comes_onto_a_sold_flight(program, shopper, stored, tmp_path):
    day = await day_of_the_flight(shopper)
    orders = await sold_orders(shopper, day)
    unpaid = await ordered(shopper, day, 1)
    [offer, *_] = await direct_offers(shopper, day, 1)
    before = await cabins(stored, day)
    assert {cabin: row["taken"] for cabin, row in before.items()} == {"C": 2, "Y": SOLD + 1}

    file = tmp_path / "schedule.ssim"
    assert program.command("schedule", "export", "9Z", "-o", str(file)).returncode == 0
    file.write_text(with_a_turboprop(file.read_text(encoding="ascii")), encoding="ascii")
    reported_change(program, day, file, "--dry-run")
    assert await cabins(stored, day) == before
    reported_change(program, day, file)

    after = await cabins(stored, day)
    assert {row["configuration"] for row in after.values()} == {"Y70"}
    assert (after["Y"]["capacity"], after["Y"]["authorised"]) == (70, AUTHORISED_AFTER)
    assert (after["Y"]["taken"], after["Y"]["excess"]) == (SOLD + 1, SOLD + 1 - AUTHORISED_AFTER)
    assert (after["C"]["capacity"], after["C"]["authorised"], after["C"]["excess"]) == (0, 0, BUSINESS)
    recorded = await recorded_excess(stored, day)
    beyond = {("Y", SOLD + 1 - AUTHORISED_AFTER), ("C", BUSINESS)}
    assert {(row["cabin"], row["excess_after"]) for row in recorded} == beyond
    assert all(row["actor"] and row["reason"] == "schedule import" for row in recorded)
    await require_closed(shopper, day, offer)
    assert await cabins(stored, day) == after

    # Every order stays as it was sold, and knows of the change.
    for order in (*orders, unpaid):
        present = await when_told(shopper, order)
        assert present["status"] == ("reserved" if order is unpaid else "confirmed")
        assert len(present["documents"]) == (0 if order is unpaid else len(order["passengers"]))
    listed = json.loads(program.command("schedule", "affected", "--json").stdout)["orders"]
    assert {order["record_locator"] for order in (*orders, unpaid)} <= {row["record_locator"] for row in listed}
    assert {row["status_code"] for row in listed} == {"TK"}

    # Whoever has not paid yet may still do so: the seats are theirs.
    await shopper.pay(unpaid)
    done = await shopper.wait_for(unpaid, "confirmed")
    assert len(done["documents"]) == 1
    expect(200, await shopper.request("GET", "/health/ready"))
