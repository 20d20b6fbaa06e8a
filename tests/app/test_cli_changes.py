"""What staff change by the command line, and what shoppers and orders of the running program see of it."""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.command_line import CommandLine, table_rows
from tests.factories.in_process import departure

DAY = departure(20)


@pytest.fixture
def ais(own_program, tmp_path):
    """``ais`` on the program's database, in a thread beside the program."""
    command_line = CommandLine(own_program.settings.database_url, tmp_path)

    async def call(*arguments, code=0):
        return await asyncio.to_thread(command_line, *arguments, code=code)

    return call


@pytest.fixture
def ais_json(own_program, tmp_path):
    command_line = CommandLine(own_program.settings.database_url, tmp_path)

    async def call(*arguments, code=0):
        return await asyncio.to_thread(command_line.json, *arguments, code=code)

    return call


async def market_knows(program, fares_version):
    """Wait until the web process has taken up newer fares, as it does by itself."""
    for _ in range(100):
        if program.state.shop.market.fare_book.version > fares_version:
            return
        await asyncio.sleep(0.1)
    pytest.fail("the web process did not take up the fares")


async def seats_taken(program):
    return await program.rows("SELECT coalesce(sum(held + sold), 0)::int FROM leg_cabins")


async def require_refused(program, offer, code="PRICE_CHANGED"):
    """An order of the offer is refused with 409 and nothing is written for it; answers the details."""
    before = await program.rows("SELECT (SELECT count(*) FROM holds), (SELECT count(*) FROM orders)")
    taken = await seats_taken(program)
    answer = await program.post_order(offer)
    assert answer.status_code == 409, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["retryable"]) == (code, False)
    assert await program.rows("SELECT (SELECT count(*) FROM holds), (SELECT count(*) FROM orders)") == before
    assert await seats_taken(program) == taken
    return error["details"]


async def only_segment(program, order):
    seen = await program.read(order)
    (segment,) = seen["slices"][0]["segments"]
    return seen, segment


async def matters_of(ais_json, *options):
    """What waits for a person here; payments of other tests' programs, which share the provider, are not ours."""
    found = (await ais_json("staff", "list", *options))["matters"]
    return [matter for matter in found if matter["kind"] != "reconciliation"]


async def test_an_offer_of_a_withdrawn_fare_is_refused_with_todays_price_and_takes_no_seats(own_program, ais):
    offer = await own_program.offer(slices=[("RUH", "JED", DAY)])
    kept = await own_program.order(slices=[("RUH", "JED", DAY)])
    (version,) = await own_program.rows("SELECT DISTINCT version_id FROM price_lines WHERE kind = 'fare'")
    held = own_program.state.shop.market.fare_book.version
    said = await ais("fares", "withdraw", version, "--reason", "filed in error")
    assert said.stdout == f"Version {version} of a fare is withdrawn: offers that hold it are refused from now on.\n"
    assert await own_program.rows(
        "SELECT withdrawal_reason, withdrawn_by FROM fare_versions WHERE id = $1", version
    ) == [("filed in error", "system:cli-fares-withdraw")]
    await market_knows(own_program, held)

    details = await require_refused(own_program, offer)
    assert set(details) == {"previous_total", "current_total", "offer"}
    assert details["previous_total"] == offer["total"]
    assert float(details["current_total"]["amount"]) > float(offer["total"]["amount"])
    assert details["offer"]["total"] == details["current_total"]
    assert details["offer"]["fare_brand"] == offer["fare_brand"]
    # What was ordered before stays as it was sold, and today's price can be ordered.
    assert (await own_program.read(kept))["total"] == kept["total"]
    answer = await own_program.post_order(details["offer"])
    assert (answer.status_code, answer.json()["total"]) == (201, details["current_total"])

    again = await ais("fares", "withdraw", version, "--reason", "again", code=1)
    assert again.stderr.startswith("This was withdrawn on ")
    assert (await ais("fares", "withdraw", 999_999, "--reason", "none", code=1)).stderr == (
        "There is no such fare or tax.\n"
    )


async def test_an_offer_with_a_withdrawn_tax_is_refused_with_todays_price_and_takes_no_seats(own_program, ais_json):
    offer = await own_program.offer(slices=[("RUH", "JED", DAY)])
    await own_program.order(slices=[("RUH", "JED", DAY)])
    version, collected = (
        await own_program.rows(
            "SELECT version_id, amount_minor FROM price_lines WHERE kind = 'tax' ORDER BY amount_minor DESC"
        )
    )[0]
    held = own_program.state.shop.market.fare_book.version
    document = await ais_json("fares", "withdraw-tax", version, "--reason", "no longer due")
    assert document == {"kind": "tax", "version": version, "withdrawn": True, "reason": "no longer due"}
    await market_knows(own_program, held)
    details = await require_refused(own_program, offer)
    assert details["previous_total"] == offer["total"]
    less = round(100 * float(offer["total"]["amount"])) - round(100 * float(details["current_total"]["amount"]))
    assert less >= collected > 0
    assert details["offer"]["total"] == details["current_total"]
    found = await own_program.offer(slices=[("RUH", "JED", DAY)])
    assert found["total"] == details["current_total"]


async def test_a_cancelled_flight_is_closed_and_its_orders_learn_of_it(own_program, ais):
    order = await own_program.order(slices=[("RUH", "JED", DAY)])
    _, segment = await only_segment(own_program, order)
    flight = f"{segment['marketing_carrier']}{segment['flight_number']}"
    said = await ais("schedule", "cancel", flight, DAY, "--reason", "no aircraft")
    assert table_rows(said.stdout)[1] == [flight, str(DAY), "cancelled", "RUH-JED no longer", "0", "1", "1"]
    assert await own_program.rows(
        "SELECT DISTINCT cabin.on_sale FROM leg_cabins AS cabin JOIN flight_dates ON id = flight_date_id"
        " WHERE flight_number = $1 AND departure_date = $2",
        int(segment["flight_number"]),
        DAY,
    ) == [False]
    assert await own_program.taken(order) == [(1, 0)]
    await own_program.run_jobs()
    _, segment = await only_segment(own_program, order)
    assert (segment["status"], segment["status_code"]) == ("cancelled", "UN")
    affected = table_rows((await ais("schedule", "affected")).stdout)[1:]
    assert [row[0] for row in affected] == [order["record_locator"]]

    again = await ais("schedule", "cancel", flight, DAY, "--reason", "again", code=1)
    assert again.stderr == "This cannot be done while the flight_date.status is cancelled.\n"
    assert (await ais("schedule", "cancel", "9Z9999", DAY, "--reason", "none", code=1)).stderr == (
        "There is no such flight date.\n"
    )


async def test_an_oversold_cabin_reaches_staff_until_it_is_resolved(own_program, ais, ais_json):
    assert (await ais("staff", "list")).stdout == "Nothing waits for a person.\n"
    order = await own_program.order([{"type": "adult"}] * 2, slices=[("RUH", "JED", DAY)], cabin="business")
    await own_program.pay(order)
    _, segment = await only_segment(own_program, order)
    flight = f"{segment['marketing_carrier']}{segment['flight_number']}"
    said = await ais("schedule", "equipment", flight, DAY, "at7", "y70", "--reason", "repair")
    row = table_rows(said.stdout)[1]
    assert (row[:3], row[-3:]) == ([flight, str(DAY), "equipment"], ["2", "2", "1"])
    assert said.stdout.endswith("Cabin C has 2 seats too many sold or held: see `ais staff list`.\n")
    (leg,) = await own_program.rows(
        "SELECT leg_id FROM leg_cabins JOIN flight_dates ON id = flight_date_id"
        " WHERE flight_number = $1 AND departure_date = $2 AND cabin = 'C'",
        int(segment["flight_number"]),
        DAY,
    )
    (matter,) = await matters_of(ais_json)
    assert (matter["kind"], matter["subject"], matter["resolved_at"]) == ("overbooked_by_change", f"{leg}:C", None)
    assert matter["details"] == {
        "excess": 2, "flight": flight, "departure_date": str(DAY), "route": "RUH-JED",
    }  # fmt: skip
    row = table_rows((await ais("staff", "list")).stdout)[1]
    assert row[:3] == [
        "overbooked_by_change", f"{leg}:C",
        f"route RUH-JED, excess 2, flight {flight}, departure date {DAY}",
    ]  # fmt: skip
    # The order keeps its seats, its documents and its flight.
    seen, segment = await only_segment(own_program, order)
    assert (seen["status"], segment["status_code"], len(seen["documents"])) == ("confirmed", "HK", 2)

    assert (await ais("staff", "resolve", "overbooked_by_change", "0:C", code=1)).stderr == (
        "No overbooked_by_change about 0:C is open.\n"
    )
    done = await ais("staff", "resolve", "overbooked_by_change", f"{leg}:C")
    assert done.stdout == f"overbooked_by_change about {leg}:C is resolved.\n"
    assert await matters_of(ais_json) == []
    (matter,) = await matters_of(ais_json, "--all")
    assert matter["resolved_by"] == "system:cli-staff-resolve"
    assert (await ais_json("staff", "resolve", "overbooked_by_change", f"{leg}:C", code=1))["resolved"] is False


async def test_an_aircraft_that_cannot_be_changes_nothing(own_program, ais, ais_json):
    flight = "9Z101"
    before = await own_program.rows("SELECT id, aircraft_type, configuration, equipment_set_by FROM legs ORDER BY id")
    for aircraft, seats in (("XX9", "Y70"), ("AT7", "seventy")):
        refused = await ais_json("schedule", "equipment", flight, DAY, aircraft, seats, "--reason", "x", code=2)
        assert refused["error"]["code"] == "VALIDATION_ERROR"
    wrong_leg = await ais(
        "schedule", "equipment", flight, DAY, "AT7", "Y70", "--leg", "RUH-CAI", "--reason", "x", code=2
    )
    assert "the flight has RUH-JED." in wrong_leg.stderr
    assert (
        await own_program.rows("SELECT id, aircraft_type, configuration, equipment_set_by FROM legs ORDER BY id")
        == before
    )


async def test_authorisation_set_by_staff_is_what_is_sold(own_program, ais, ais_json):
    document = await ais_json(
        "inventory", "set-authorisation", "9Z101", DAY, "y", "--authorised", 5, "--blocked", 1, "--reason", "weight"
    )
    assert (document["cabin"]["authorised"], document["cabin"]["blocked"], document["excess"]) == (5, 1, 0)
    shown = {each["cabin"]: each for each in (await ais_json("inventory", "show", "9Z101", DAY))["legs"]}
    assert (shown["Y"]["authorised"], shown["Y"]["classes"][0]["open"], shown["C"]["authorised"]) == (5, 4, 12)
    refused = await ais("inventory", "set-authorisation", "9Z101", DAY, "Y", "--limits", "4,9", "--reason", "x", code=1)
    assert refused.stderr.startswith("This authorisation cannot be: ")
    await ais("inventory", "set-authorisation", "9Z101", DAY, "F", "--blocked", 1, "--reason", "x", code=1)
    assert await own_program.rows("SELECT kind, reason FROM inventory_adjustments") == [("authorisation", "weight")]


async def test_ticket_numbers_that_ran_out_come_back_with_a_new_range(own_program, ais, ais_json):
    (given,) = (await ais_json("tickets", "ranges"))["ranges"]
    assert (given["accounting_code"], given["first"], given["used"]) == ("991", 2_400_000_000, 0)
    assert given["left"] == 10_000_000
    await own_program.rows("UPDATE ticket_number_ranges SET last_serial = first_serial, next_serial = first_serial")
    order = await own_program.order([{"type": "adult"}] * 2)
    await own_program.pay(order)
    assert (await own_program.read(order))["ticketing_status"] == "issuing"
    (matter,) = await matters_of(ais_json)
    assert (matter["kind"], matter["subject"]) == ("ticket_numbers_exhausted", "9Z")

    refusals = {
        ("9Z", "991", 2_400_000_000, 2_400_000_009): "it overlaps a range that exists",
        ("9Z", "991", 2_399_999_999, 2_400_000_009): "it overlaps a range that exists",
        ("9Z", "065", 1, 9): "the accounting code of 9Z is 991",
        ("ZZ", "991", 1, 9): "there is no carrier ZZ",
        ("9Z", "99", 1, 9): "the accounting code has three digits",
        ("9Z", "991", 9, 1): "serials have 10 digits, the first not above the last",
    }
    before = await own_program.rows("SELECT * FROM ticket_number_ranges")
    for values, reason in refusals.items():
        refused = await ais("tickets", "add-range", *values, code=1)
        assert refused.stderr == f"The ticket number range is not valid: {reason}.\n"
    assert await own_program.rows("SELECT * FROM ticket_number_ranges") == before

    said = await ais("tickets", "add-range", "9z", "991", 5, 14)
    assert said.stdout == "9Z has 10 numbers more: 9910000000005 to 9910000000014.\n"
    assert (await ais_json("tickets", "add-range", "9Z", "991", 5, 14))["added"] is False
    async with own_program.later(minutes=30) as late:
        await late.run_jobs()
        seen = await late.read(order)
    assert (seen["status"], seen["ticketing_status"]) == ("confirmed", "issued")
    assert [each["number"] for each in seen["documents"]] == ["9910000000005", "9910000000006"]
    assert await matters_of(ais_json) == []
    rows = table_rows((await ais("tickets", "ranges", "--carrier", "9Z")).stdout)
    assert rows[1][:6] == ["9Z", "991", "0000000005", "0000000014", "2", "8"]
    assert (await ais("tickets", "ranges", "--carrier", "QQ")).stdout == "There are no ranges of ticket numbers.\n"
